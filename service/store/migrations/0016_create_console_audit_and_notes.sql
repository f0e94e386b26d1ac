-- expand
-- Who looked at what and who did what at the console, allowed and denied both; notes; and who saw private members.

create table console_audit (
    nth bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    subject text not null,
    name text not null,
    way text not null,
    what text not null check (what in ('look', 'act')),
    allowed boolean not null,
    needed text not null,
    path text not null,
    known_id text,
    about uuid,
    status smallint not null
);
comment on table console_audit is 'Append-only: each look and each act at the console, also those that were denied.';
comment on column console_audit.needed is 'The right that the address needs.';
comment on column console_audit.path is 'The pattern of the address: what a person typed into it may be private.';
comment on column console_audit.known_id is 'The id that it was about, only if messages brought it.';
comment on column console_audit.about is 'The proposal or operation.';
create index console_audit_subject on console_audit (subject, nth);
create index console_audit_known_id on console_audit (known_id, nth) where known_id is not null;
create index console_audit_at on console_audit (at);

create table console_notes (
    nth bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    subject text not null,
    name text not null,
    key text not null,
    order_id text collate "C",
    topic text,
    partition integer,
    "offset" bigint,
    ticket text,
    note text not null,
    constraint console_notes_once unique (subject, key),
    check ((order_id is null) = (topic is not null and partition is not null and "offset" is not null)),
    check (ticket <> '' or note <> '')
);
comment on table console_notes is 'Append-only: what people noted about an order or a quarantined record, with a ticket.';
comment on column console_notes.key is 'Of the form: the same form sent twice is one note.';
create index console_notes_of_order on console_notes (order_id, nth) where order_id is not null;
create index console_notes_of_record on console_notes (topic, partition, "offset", nth) where topic is not null;

create table console_disclosures (
    nth bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    subject text not null,
    name text not null,
    key text not null,
    order_id text collate "C" not null,
    why text not null check (why <> ''),
    ticket text not null check (ticket <> ''),
    ends_at timestamptz not null,
    constraint console_disclosures_once unique (subject, key)
);
comment on table console_disclosures is 'Append-only: who was shown the private members of which order, why, and until when.';
create index console_disclosures_of_order on console_disclosures (order_id, nth);

-- The only way of the role purchasing_private to private members: nobody sees them without leaving a trace.
create function purchasing_disclose(
    wanted text, by_subject text, by_name text, by_key text, reason text, of_ticket text, minutes integer,
    out source text, out id text, out data json, out until timestamptz
) returns setof record
language plpgsql volatile security definer as $$
declare
    granted timestamptz;
begin
    insert into console_disclosures (subject, name, key, order_id, why, ticket, ends_at)
    values (by_subject, by_name, by_key, wanted, reason, of_ticket,
        clock_timestamp() + make_interval(mins => least(minutes, 60)))
    on conflict on constraint console_disclosures_once do nothing;
    select d.ends_at into granted from console_disclosures d
    where d.subject = by_subject and d.key = by_key and d.order_id = wanted and d.ends_at > clock_timestamp();
    if granted is null then
        return;
    end if;
    return query select m.source, m.id, m.data, granted from private_members m
        where m.order_id = wanted order by m.source, m.id;
    if not found then
        source := null; id := null; data := null; until := granted;
        return next;
    end if;
end
$$;
do $$
begin
    -- A function with the owner's rights must not find another one's tables.
    execute format('alter function purchasing_disclose set search_path = %I, pg_temp', current_schema());
end
$$;
revoke all on function purchasing_disclose from public;
comment on function purchasing_disclose is
    'The private members of an order, once who sees them and why is recorded. No row: this form was used too long ago.';
