-- expand
-- What people ask for at the console, and what became of it. The journals are not touched by any of it.

create table console_proposals (
    id uuid primary key,
    key text not null,
    act text not null check (act in ('hold', 'release', 'retry', 'pause', 'resume', 'breaker_reset', 'replay', 'repair',
        'drop', 'adopt', 'terms_import')),
    requested_by text not null,
    requested_name text not null,
    requested_at timestamptz not null default clock_timestamp(),
    why text not null check (why <> ''),
    ticket text,
    given json not null,
    preview json not null,
    needs_approval boolean not null,
    ends_at timestamptz not null,
    confirmed_by text,
    confirmed_name text,
    confirmed_at timestamptz,
    constraint console_proposals_once unique (requested_by, key),
    constraint console_proposals_always_need_approval
        check (needs_approval or act not in ('adopt', 'terms_import')),
    constraint console_proposals_two_people
        check (not needs_approval or confirmed_by is null or confirmed_by <> requested_by),
    constraint console_proposals_confirmed
        check ((confirmed_by is null) = (confirmed_at is null) and (confirmed_by is null) = (confirmed_name is null))
);
comment on table console_proposals is
    'An act that a person asked for at the console, with the preview that they saw. It is frozen: only who confirmed it is added.';
comment on column console_proposals.key is 'Of the form: the same form sent twice is one proposal.';
comment on column console_proposals.requested_by is 'The subject at the identity provider, as in confirmed_by.';
comment on column console_proposals.given is 'What the form said, such as the lane. No content of a message.';
comment on column console_proposals.needs_approval is 'Whether somebody else has to confirm it.';
comment on column console_proposals.ends_at is 'Until when it may be confirmed.';
create index console_proposals_latest on console_proposals (requested_at desc);

create table console_items (
    proposal_id uuid not null references console_proposals,
    nth integer not null,
    subject text not null,
    order_ids text[] not null,
    begun_at timestamptz,
    outcome text check (outcome in ('done', 'nothing', 'refused', 'changed', 'failed')),
    detail text,
    ended_at timestamptz,
    primary key (proposal_id, nth),
    check ((outcome is null) = (ended_at is null))
);
comment on table console_items is
    'The frozen list of what a proposal is about: orders, quarantined records, lanes, a topic, a file. And what became of each.';
comment on column console_items.begun_at is
    'Since when it is handled. Without an outcome, a process ended meanwhile: it is handled again, which does nothing twice.';
comment on column console_items.order_ids is 'The orders that it moves, each with a token in console_proposal_orders.';

create table console_proposal_orders (
    proposal_id uuid not null references console_proposals,
    order_id text collate "C" not null,
    token text not null,
    primary key (proposal_id, order_id)
);
comment on table console_proposal_orders is
    'Each order as it was when the preview was made: another token means that it has changed since.';

create table console_operations (
    id uuid primary key references console_proposals,
    started_at timestamptz not null default clock_timestamp(),
    allowed integer not null,
    runner uuid,
    lease_ends_at timestamptz,
    stopped text check (stopped in ('refused', 'changed', 'failed', 'asked')),
    ended_at timestamptz
);
comment on table console_operations is 'A confirmed proposal that runs, or ran. Its primary key: it is begun once.';
comment on column console_operations.allowed is 'So many items may be handled until a person says how many more.';
comment on column console_operations.runner is 'The console process that works on it, until lease_ends_at.';
create index console_operations_open on console_operations (started_at) where ended_at is null;

create table console_repairs (
    proposal_id uuid primary key references console_proposals,
    value bytea,
    key bytea,
    without_headers boolean not null
);
comment on table console_repairs is
    'The bytes to replay in place of a quarantined record, private members too. Deleted once they were replayed or the proposal ended.';
