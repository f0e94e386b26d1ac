-- expand
-- What people do to the running service, and the brakes that wait for them. The journals are not touched by any of it.

alter table quarantine add column resolution text;
alter table quarantine add column erased_at timestamptz;
comment on column quarantine.resolved_at is 'Since when the record is dealt with: it bars no deposit any more.';
comment on column quarantine.resolution is 'replay or drop; null while the record lies here.';
comment on column quarantine.erased_at is
    'When the bytes were erased. The row stays: by its digest a redelivery is known, which brings nothing back.';

create table quarantine_actions (
    nth bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    done_by text not null,
    what text not null check (what in ('show', 'replay', 'drop', 'erase')),
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    digest bytea not null,
    outcome text not null,
    why text
);
comment on table quarantine_actions is 'Append-only: who did what to which record put aside, and what came of it.';
comment on column quarantine_actions.outcome is
    'resolved; known (resolved before); shown; erased; or refused, with the reason. Never content.';
create index quarantine_actions_of_record on quarantine_actions (topic, partition, "offset", digest);

create table fuses (
    topic text primary key,
    blown_at timestamptz not null default clock_timestamp(),
    bad integer not null,
    records integer not null
);
comment on table fuses is 'Topics whose fuse is blown: nobody reads them on until the row is gone (fuse reset).';
comment on column fuses.bad is
    'How many of the last `records` records that a worker read of the topic broke the contract.';

create table outbox_brakes (
    lane smallint primary key check (lane >= -1),
    pulled_at timestamptz not null default clock_timestamp(),
    pulled_by text not null,
    why text not null
);
comment on table outbox_brakes is 'Lanes that publish nothing until the row is gone (outbox resume); -1: all of them.';

create table outbox_releases (
    lane smallint primary key,
    position bigint not null
);
comment on table outbox_releases is
    'Up to where a person let a lane go on: what was decided up to there is not held against the refund limit.';

create table refunds_admitted (
    lane smallint not null,
    position bigint not null,
    currency text not null,
    amount bigint not null,
    at timestamptz not null default clock_timestamp(),
    primary key (lane, position)
);
comment on table refunds_admitted is
    'Refunds of the last minutes, written by the relay before it publishes them and only where a limit is set.';
create index refunds_admitted_at on refunds_admitted (at);

create table operator_actions (
    nth bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    done_by text not null,
    what text not null,
    subject text not null,
    outcome text not null,
    why text
);
comment on table operator_actions is
    'Append-only: who held, released or retried which order, pulled which brake, reset which fuse.';

create table erasures (
    nth bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    done_by text not null,
    order_id text collate "C",
    topic text,
    partition integer,
    "offset" bigint,
    private_members integer not null,
    quarantine_records integer not null,
    why text,
    check ((order_id is null) <> (topic is null))
);
comment on table erasures is
    'Append-only: of which order, or of which record put aside, the private members were erased, and how many.';
create index erasures_of_order on erasures (order_id) where order_id is not null;
