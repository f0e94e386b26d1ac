-- expand
-- So that an operation that goes on after a pause can tell what it has moved from what it would move yet, and so that one
-- that was left long ago waits for a person.
alter table console_proposal_orders add column outputs integer;
comment on column console_proposal_orders.outputs is
    'So many outputs the order had when the preview was made: later ones are the operation''s, or the token is another.';
alter table console_operations add column allowed_at timestamptz;
comment on column console_operations.allowed_at is 'When a person last let it go on; null: not since it started.';
