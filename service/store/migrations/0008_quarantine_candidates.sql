-- expand
-- A record in quarantine concerns every order whose id can be read out of it: from its key, its subject, its data, however
-- garbled. Orders are found by a hash of the id, so that nothing of a record's content stands here.

create function purchasing_order_hash(order_id text) returns bigint
language sql immutable strict parallel safe
return (
    'x' || encode(substr(sha256(decode(replace(lower(order_id collate "C"), '\', '\\'), 'escape')), 1, 8), 'hex')
)::bit(64)::bigint;
comment on function purchasing_order_hash is
    'The first 64 bits of the SHA-256 of an order''s id in small letters (ASCII): service/store/order_hash.py.';

create table quarantine_candidates (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    digest bytea not null,
    order_hash bigint not null,
    primary key (topic, partition, "offset", digest, order_hash)
);
comment on table quarantine_candidates is
    'Append-only: the orders, by their hash, that a record in quarantine may concern. Too many of them is safe: they wait.';
create index quarantine_candidates_of_order on quarantine_candidates (order_hash);
create index quarantine_of_order_hash on quarantine (purchasing_order_hash(order_id))
    where order_id is not null and resolved_at is null;
create index orders_hash on orders (purchasing_order_hash(order_id));

-- What lies there since an earlier version, which knew subject or key only. `escape` takes bytes that are no UTF-8.
insert into quarantine_candidates (topic, partition, "offset", digest, order_hash)
select topic, partition, "offset", digest, purchasing_order_hash(encode(key, 'escape'))
from quarantine where resolved_at is null and octet_length(key) between 1 and 128;

create view quarantined_orders as
select c.order_hash, q.topic, q.partition, q."offset", q.digest, q.reason, q.at
from quarantine_candidates c
join quarantine q using (topic, partition, "offset", digest)
where q.resolved_at is null
union all
select purchasing_order_hash(q.order_id), q.topic, q.partition, q."offset", q.digest, q.reason, q.at
from quarantine q
where q.order_id is not null and q.resolved_at is null;
comment on view quarantined_orders is
    'Which records in quarantine hold which orders up. The second half is for records of workers of an earlier version.';
