-- expand
-- So that money can be summed by day, and a command be held against what payments reported of it (service/store/money.py).
-- Outputs are appended in the order of `decided_at`, so a summary of each few pages is enough to find a day. Only messages
-- that answer a command, or that say of money that moved without one, are in the other two. Ids of deductions and holds are
-- made of chargebacks' ids, which are other systems': several orders may have the same, so the order stands in the index.
create index outbox_by_decided on outbox using brin (decided_at) with (pages_per_range = 32, autosummarize = on);
create index facts_by_answered on facts
    ((coalesce(data ->> 'command_id', data ->> 'deduction_id', data ->> 'hold_id')), order_id)
    where type in ('purchasing.payment.refund_succeeded.v1', 'purchasing.payment.refund_failed.v1',
        'purchasing.payment.transfer_failed.v1', 'purchasing.payment.deposit_deducted.v1',
        'purchasing.payment.deposit_insufficient.v1', 'purchasing.payment.funds_deducted.v1',
        'purchasing.payment.funds_insufficient.v1', 'purchasing.payment.freeze_refused.v1');
create index facts_of_payments on facts (received_at)
    where type in ('purchasing.payment.refund_succeeded.v1', 'purchasing.payment.refund_failed.v1',
        'purchasing.payment.transfer_failed.v1', 'purchasing.payment.deposit_deducted.v1',
        'purchasing.payment.deposit_insufficient.v1', 'purchasing.payment.funds_deducted.v1',
        'purchasing.payment.funds_insufficient.v1', 'purchasing.payment.freeze_refused.v1',
        'purchasing.payment.refunded_elsewhere.v1', 'purchasing.payment.repayment_received.v1');
