-- expand
-- What an order waits for, since when and for how much: counted every few minutes, and that must not read every decision
-- ever made.
alter table orders add column waits json;
comment on column orders.waits is
    'By what the order waits for: since (microseconds of the epoch), amount, currency; null: nothing. Follows from its journals.';

update orders o set waits = w.waits
from (
    select order_id, json_object_agg(what, json_strip_nulls(
        json_build_object('since', since, 'amount', amount, 'currency', currency))) as waits
    from (
        select order_id, what, min((extract(epoch from decided_at) * 1000000)::bigint) as since,
            sum((amount ->> 'value')::bigint) as amount, min(amount ->> 'currency') as currency
        from (
            select order_id, decided_at, amount, case
                when kind in ('cancellation', 'dissolution') and outcome = 'pending' then 'seller_answer'
                when kind = 'objection' and outcome = 'verification_requested' then 'verification'
                when kind = 'payment_demand' and outcome = 'demanded' then 'payment'
                when kind = 'repayment_demand' and outcome = 'demanded' then 'repayment'
                when kind = 'refund_withheld' and outcome = 'withheld' then 'withheld'
                when kind = 'refund_undeliverable' and outcome = 'noted' then 'undeliverable'
                when kind = 'buyer_owes' and outcome = 'noted' then 'buyer_owes'
            end as what
            from (
                select distinct on (order_id, data ->> 'kind', data ->> 'ref')
                    order_id, decided_at, data ->> 'kind' as kind, data ->> 'outcome' as outcome, data -> 'amount' as amount
                from (
                    select order_id, order_version, decided_at, convert_from(value, 'UTF8')::json -> 'data' as data
                    from outbox where topic = 'purchasing.decisions.v1'
                ) as decisions
                order by order_id, data ->> 'kind', data ->> 'ref', order_version desc
            ) as standing
        ) as waiting
        where what is not null group by order_id, what
        union all
        select order_id, 'placed', (extract(epoch from min(heard_at)) * 1000000)::bigint, null, null
        from facts group by order_id
        having bool_and(type <> 'purchasing.order.placed.v1')
    ) as each group by order_id
) as w
where o.order_id = w.order_id;

create index orders_waiting on orders (order_id) where waits is not null;
