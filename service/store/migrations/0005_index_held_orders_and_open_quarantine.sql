-- expand
-- So that an operator's look every few seconds reads a few rows, however many orders there are. Writes wait while the
-- indexes are made, a second or so for a million orders; the service tries again.
create index orders_held on orders (order_id) where held_at is not null;
create index quarantine_open on quarantine (reason, at) where resolved_at is null;
