-- contract
-- What an order waits for is stored as the rules list it (R21): from a worker of an earlier version it would be something
-- else. What orders waited for that such a version decided last is `unknown`, and their time has come: a worker looks at
-- each of them again. A held or stuck order's stays unknown until it is released or retried.
drop index orders_waiting;
update orders set
    waits = case when version is not null then json_build_array(json_build_object(
        'what', 'unknown', 'since', (extract(epoch from now()) * 1000000)::bigint)) end,
    due_at = case when version is not null then least(due_at, now()) end
where version is not null or waits is not null;
comment on column orders.waits is
    'Array of what the order waits for: what, since, ref, until (microseconds of the epoch), amount (minor units), currency; '
    'null: nothing. As of when the order was decided last; follows from its journals, but for `since`.';

-- By this column, and not by `waits is null`: with `waits` in a predicate, each new value would need new entries in all indexes.
alter table orders add column is_waiting boolean not null generated always as (waits is not null) stored;
create index orders_waiting on orders (order_id) where is_waiting;
