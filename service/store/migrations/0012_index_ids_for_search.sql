-- expand
-- So that any id leads to its order (service/store/search.py). Each index but the two on message ids is on one type of
-- message, so most facts are in one index more. Writes wait while the indexes are made; the service tries again.
create index facts_by_id on facts (id);
create index outbox_by_id on outbox (id);
create index facts_by_account on facts ((data ->> 'account_id'), heard_at)
    where type = 'purchasing.order.placed.v1';
create index facts_by_provider on facts ((data ->> 'provider_id'), heard_at)
    where type = 'purchasing.order.placed.v1';
create index facts_by_payment on facts ((data ->> 'payment_id'))
    where type in ('purchasing.payment.captured.v1', 'purchasing.payment.tip_paid.v1',
        'purchasing.payment.outstanding_paid.v1');
create index facts_by_chargeback on facts ((data ->> 'chargeback_id'))
    where type = 'purchasing.chargeback.opened.v1';
create index facts_by_request on facts ((data ->> 'request_id'))
    where type in ('purchasing.order.cancellation_requested.v1', 'purchasing.order.dissolution_requested.v1');
