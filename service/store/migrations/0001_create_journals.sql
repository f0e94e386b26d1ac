-- expand
-- An order is two append-only journals: facts in, outputs out. All that can be derived from them is derived, never stored.

create table installation (
    singleton boolean primary key default true check (singleton),
    outbox_id uuid not null,
    lanes smallint not null check (lanes between 1 and 256 and lanes & (lanes - 1) = 0),
    made_at timestamptz not null default now()
);
comment on table installation is
    'Who this database is to Kafka: transactional ids and the relay''s consumer group are made from the outbox id.';

create table orders (
    order_id text collate "C" primary key,
    lane smallint not null,
    version uuid,
    due_at timestamptz,
    stuck text,
    held_at timestamptz
) with (fillfactor = 70);
comment on column orders.version is 'Random token, new whenever a journal of the order grows; null while it has no fact.';
comment on column orders.due_at is 'The earliest deadline of the order that has not fired.';
comment on column orders.stuck is 'Class of the error its rules ended with, never its text; null when they did not.';
comment on column orders.held_at is 'Since when a person holds the order: it hears facts and decides nothing.';
create index orders_due on orders (due_at) where due_at is not null and stuck is null and held_at is null;
create index orders_stuck on orders (order_id) where stuck is not null;

create table facts (
    order_id text collate "C" not null,
    source text collate "C" not null,
    id text collate "C" not null,
    lane smallint not null,
    nth integer not null,
    at timestamptz not null,
    type text not null,
    data json not null,
    heard_at timestamptz not null,
    primary key (order_id, source, id),
    constraint facts_one_order unique (source, id)
);
comment on table facts is 'Append-only. Private members are masked in data and stand in private_members.';
comment on column facts.nth is 'Counts, from 1, in the order in which we heard of the order''s facts.';
comment on constraint facts_one_order on facts is 'A message''s source and id identify it whatever its subject.';

create table private_members (
    order_id text collate "C" not null,
    source text collate "C" not null,
    id text collate "C" not null,
    data json not null,
    primary key (order_id, source, id)
);
comment on table private_members is 'What clause 23 protects. Erasable: nothing that moves money reads it.';

create table lanes (
    lane smallint primary key,
    position bigint not null default 0
) with (fillfactor = 10);
comment on column lanes.position is 'Last position taken. The row is locked from taking positions to commit: dense, in commit order.';

create table outbox (
    lane smallint not null,
    position bigint not null,
    order_id text collate "C",
    order_version integer,
    topic text not null,
    key text not null,
    id text not null,
    value bytea not null,
    decided_at timestamptz not null,
    timed boolean not null default false,
    primary key (lane, position),
    check ((order_id is null) = (order_version is null))
);
comment on table outbox is 'Append-only journal of outputs; the relay reads it by position and never writes here.';
comment on column outbox.value is 'The CloudEvent as published, structured mode.';
comment on column outbox.timed is 'Whether a period runs from its publication (payment demands).';
create unique index outbox_of_order on outbox (order_id, order_version) where order_id is not null;

create table relay_notes (
    lane smallint primary key,
    position bigint not null,
    noted_at timestamptz not null default now()
);
comment on table relay_notes is 'How far the relay says it published: never behind it may Kafka''s own cursor be.';

create table publications (
    lane smallint not null,
    position bigint not null,
    order_id text collate "C" not null,
    order_version integer not null,
    published_at timestamptz not null,
    primary key (lane, position)
);
comment on table publications is 'When a timed output was published: its period runs from then.';
create index publications_of_order on publications (order_id);

create table input_progress (
    topic text not null,
    partition integer not null,
    read_up_to timestamptz,
    primary key (topic, partition)
) with (fillfactor = 50);
comment on column input_progress.read_up_to is 'Everything in the partition older than this was handled; null: nothing known yet.';

create table quarantine (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    digest bytea not null,
    sha256 bytea not null,
    reason text not null,
    place text not null,
    size integer not null,
    order_id text collate "C",
    type text,
    key bytea,
    value bytea,
    headers json not null,
    at timestamptz not null,
    resolved_at timestamptz,
    primary key (topic, partition, "offset", digest)
);
comment on table quarantine is 'Records that break the contract, byte for byte. Restricted and erasable.';
comment on column quarantine.digest is 'SHA-256 of key, headers and value together: what a redelivery has in common.';
comment on column quarantine.sha256 is 'SHA-256 of the value alone, as the notice says it.';
comment on column quarantine.headers is 'Pairs of name and base64 of the value (null where the value is null).';
create index quarantine_of_order on quarantine (order_id) where order_id is not null and resolved_at is null;
