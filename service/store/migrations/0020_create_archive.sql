-- expand
-- Orders that are over leave the tables that batches work on: an order's whole journal becomes one compressed row here, and
-- is written to a file. Nothing of it is lost: a late fact finds it here and takes it back (service/store/batch.py). Its
-- private members stay where they are, so `erase` finds them as before.

create table archive_files (
    nth integer generated always as identity primary key,
    name text not null unique,
    sha256 bytea not null,
    bytes bigint not null,
    orders integer not null,
    made_at timestamptz not null default clock_timestamp(),
    done_by text not null,
    why text not null
);
comment on table archive_files is
    'Append-only: the files to which orders were exported, each read back and compared before any of its orders was moved.';
comment on column archive_files.orders is 'So many orders are in the file. Those that changed meanwhile were not moved.';

create table archived_orders (
    order_id text collate "C" primary key,
    file integer not null references archive_files,
    archived_at timestamptz not null default clock_timestamp(),
    first_at timestamptz not null,
    last_at timestamptz not null,
    ids bigint[] not null,
    sha256 bytea not null,
    journal json not null
);
comment on table archived_orders is
    'One row per archived order: its facts, outputs and publications as purchasing_journals writes them, without private members.';
comment on column archived_orders.sha256 is 'Of `journal`, as in the file.';
comment on column archived_orders.first_at is
    'The first instant at which a fact was received or an output decided, as last_at is the last: who asks for a range of days '
    'looks at no other orders.';
create index archived_orders_last on archived_orders (last_at) include (first_at);
comment on column archived_orders.ids is
    'purchasing_order_hash of the ids by which people look for the order: its account, payments, chargebacks, requests and '
    'commands. Whoever finds it by one compares the id itself.';
create index archived_orders_ids on archived_orders using gin (ids) with (fastupdate = off);
create index archived_orders_file on archived_orders (file);

create table archived_facts (
    identity uuid primary key
);
comment on table archived_facts is
    'The identity of every archived fact, for ever: purchasing_fact_identity of its source and id.';

alter table orders add column archived_at timestamptz;
comment on column orders.archived_at is
    'Since when the journals of the order are in archived_orders; null: they are in facts, outbox and publications.';

create function purchasing_fact_identity(source text, id text) returns uuid
language sql immutable strict parallel safe
return encode(substr(sha256(decode(replace(
    length(source)::text || ':' || (source collate "C") || (id collate "C"), '\', '\\'), 'escape')), 1, 16), 'hex')::uuid;
comment on function purchasing_fact_identity is 'The first 128 bits of the SHA-256 of source and id.';

-- `stable`, as what they call is: so they are part of the statements that use them.
create function purchasing_micros(at timestamptz) returns bigint
language sql stable parallel safe
return (extract(epoch from at) * 1000000)::bigint;

create function purchasing_instant(micros bigint) returns timestamptz
language sql stable parallel safe
return timestamptz 'epoch' + micros * interval '1 microsecond';

create function purchasing_journals(wanted text[]) returns table (order_id text, journal json)
language sql stable
as $$
    select n.order_id, json_build_object(
        'facts', (select coalesce(json_agg(json_build_object('source', f.source, 'id', f.id, 'lane', f.lane,
                'nth', f.nth, 'at', purchasing_micros(f.at), 'type', f.type, 'data', f.data,
                'received_at', purchasing_micros(f.received_at)) order by f.nth, f.source, f.id), '[]')
            from facts f where f.order_id = n.order_id),
        'outputs', (select coalesce(json_agg(json_build_object('lane', o.lane, 'position', o.position,
                'order_version', o.order_version, 'topic', o.topic, 'key', o.key, 'id', o.id,
                'value', convert_from(o.value, 'UTF8'), 'decided_at', purchasing_micros(o.decided_at),
                'timed', o.timed) order by o.order_version), '[]')
            from outbox o where o.order_id = n.order_id),
        'publications', (select coalesce(json_agg(json_build_object('lane', p.lane, 'position', p.position,
                'order_version', p.order_version, 'published_at', purchasing_micros(p.published_at))
                order by p.lane, p.position), '[]')
            from publications p where p.order_id = n.order_id))
    from unnest(wanted) as n (order_id)
$$;
comment on function purchasing_journals is 'The journals of orders that are not archived, each as one JSON value.';

create view archived_fact_rows as
select a.order_id, f.source, f.id, f.lane, f.nth, purchasing_instant(f.at) as at, f.type, f.data,
    purchasing_instant(f.received_at) as received_at, a.first_at as order_first_at, a.last_at as order_last_at
from archived_orders a cross join lateral json_to_recordset(a.journal -> 'facts') as f (source text, id text,
    lane smallint, nth integer, at bigint, type text, data json, received_at bigint);

create view archived_output_rows as
select o.lane, o.position, a.order_id, o.order_version, o.topic, o.key, o.id, convert_to(o.value, 'UTF8') as value,
    purchasing_instant(o.decided_at) as decided_at, o.timed, a.first_at as order_first_at, a.last_at as order_last_at
from archived_orders a cross join lateral json_to_recordset(a.journal -> 'outputs') as o (lane smallint,
    position bigint, order_version integer, topic text, key text, id text, value text, decided_at bigint,
    timed boolean);

create view archived_publication_rows as
select p.lane, p.position, a.order_id, p.order_version, purchasing_instant(p.published_at) as published_at
from archived_orders a cross join lateral json_to_recordset(a.journal -> 'publications') as p (lane smallint,
    position bigint, order_version integer, published_at bigint);

-- An order that is over: it waits for nothing and nobody, no deadline is ahead, no quarantined record may concern it, and all
-- its outputs are published. The newest output of a lane stays, because the relay compares Kafka's cursor with it.
create view orders_that_are_over as
select o.order_id from orders o
where o.version is not null and o.archived_at is null and o.due_at is null and o.stuck is null and o.held_at is null
    and not o.is_waiting
    and not exists (select from quarantined_orders q where q.order_hash = purchasing_order_hash(o.order_id))
    and not exists (select from outbox b where b.order_id = o.order_id
        and b.position >= coalesce((select n.position from relay_notes n where n.lane = b.lane), 0))
    and not exists (
        select from console_proposal_orders c join console_proposals p on p.id = c.proposal_id
        left join console_operations r on r.id = p.id
        where c.order_id = o.order_id and case when r.id is null then p.ends_at > now() else r.ended_at is null end);

-- The only way out of the journals. A row of a journal is deleted by the transaction that has just written it here, and only
-- if what is here equals what was there. Orders that another transaction has locked, that changed since they were exported,
-- that are not over any more or that would not be here as they were there are left alone.
create function purchasing_archive(file integer, wanted text[], checksums bytea[]) returns setof text
language plpgsql volatile security definer as $$
declare
    locked text[];
    moved text[];
    unequal text[];
begin
    locked := array(select o.order_id from orders o where o.order_id = any(wanted) and o.archived_at is null
        order by o.order_id for update skip locked);
    with added as (
        insert into archived_orders (order_id, file, sha256, journal, first_at, last_at, ids)
        select j.order_id, purchasing_archive.file, n.checksum, j.journal, t.first_at, t.last_at, array(
            select distinct purchasing_order_hash(i.id) from (
                select case f.type when 'purchasing.order.placed.v1' then f.data ->> 'account_id'
                    when 'purchasing.payment.captured.v1' then f.data ->> 'payment_id'
                    when 'purchasing.payment.tip_paid.v1' then f.data ->> 'payment_id'
                    when 'purchasing.payment.outstanding_paid.v1' then f.data ->> 'payment_id'
                    when 'purchasing.chargeback.opened.v1' then f.data ->> 'chargeback_id'
                    when 'purchasing.order.cancellation_requested.v1' then f.data ->> 'request_id'
                    when 'purchasing.order.dissolution_requested.v1' then f.data ->> 'request_id' end as id
                from facts f where f.order_id = j.order_id
                union all
                select b.id from outbox b where b.order_id = j.order_id and b.topic like 'purchasing.commands.%') as i
            where i.id is not null)
        from unnest(wanted, checksums) as n (order_id, checksum)
        join purchasing_journals(locked) j on j.order_id = n.order_id
        cross join lateral (select min(at) as first_at, max(at) as last_at from (
            select received_at as at from facts f where f.order_id = j.order_id
            union all select decided_at from outbox b where b.order_id = j.order_id) as each) as t
        where sha256(convert_to(j.journal::text, 'UTF8')) = n.checksum and t.first_at is not null
            and exists (select from orders_that_are_over v where v.order_id = j.order_id)
        returning order_id
    )
    select coalesce(array_agg(order_id), '{}') into moved from added;
    unequal := array(
        select order_id from (
            select order_id, source, id, lane, nth, at, type, data::text, received_at from facts
            where order_id = any(moved)
            except all
            select order_id, source, id, lane, nth, at, type, data::text, received_at from archived_fact_rows
            where order_id = any(moved)) as f
        union
        select order_id from (
            select lane, position, order_id, order_version, topic, key, id, value, decided_at, timed from outbox
            where order_id = any(moved)
            except all
            select lane, position, order_id, order_version, topic, key, id, value, decided_at, timed
            from archived_output_rows where order_id = any(moved)) as o
        union
        select order_id from (
            select lane, position, order_id, order_version, published_at from publications where order_id = any(moved)
            except all
            select lane, position, order_id, order_version, published_at from archived_publication_rows
            where order_id = any(moved)) as p);
    delete from archived_orders a where a.order_id = any(unequal);
    moved := array(select unnest(moved) except select unnest(unequal));
    insert into archived_facts (identity)
    select purchasing_fact_identity(f.source, f.id) from facts f where f.order_id = any(moved);
    delete from facts f where f.order_id = any(moved);
    delete from outbox b where b.order_id = any(moved);
    delete from publications p where p.order_id = any(moved);
    update orders o set archived_at = clock_timestamp() where o.order_id = any(moved);
    return query select unnest(moved);
end
$$;
comment on function purchasing_archive is
    'Move orders that are over to archived_orders: those whose journals have the checksums given. Returns the moved ones.';

create function purchasing_bring_back(wanted text[]) returns setof text
language sql volatile security definer as $$
    with gone as (
        delete from archived_orders where order_id = any(wanted) returning order_id, journal
    ), facts_back as (
        insert into facts (order_id, source, id, lane, nth, at, type, data, received_at)
        select g.order_id, f.source, f.id, f.lane, f.nth, purchasing_instant(f.at), f.type, f.data,
            purchasing_instant(f.received_at)
        from gone g cross join lateral json_to_recordset(g.journal -> 'facts') as f (source text, id text,
            lane smallint, nth integer, at bigint, type text, data json, received_at bigint)
        returning source, id
    ), forgotten as (
        delete from archived_facts a using facts_back f where a.identity = purchasing_fact_identity(f.source, f.id)
    ), outputs_back as (
        insert into outbox (lane, position, order_id, order_version, topic, key, id, value, decided_at, timed)
        select o.lane, o.position, g.order_id, o.order_version, o.topic, o.key, o.id, convert_to(o.value, 'UTF8'),
            purchasing_instant(o.decided_at), o.timed
        from gone g cross join lateral json_to_recordset(g.journal -> 'outputs') as o (lane smallint,
            position bigint, order_version integer, topic text, key text, id text, value text, decided_at bigint,
            timed boolean)
    ), publications_back as (
        insert into publications (lane, position, order_id, order_version, published_at)
        select p.lane, p.position, g.order_id, p.order_version, purchasing_instant(p.published_at)
        from gone g cross join lateral json_to_recordset(g.journal -> 'publications') as p (lane smallint,
            position bigint, order_version integer, published_at bigint)
    )
    update orders o set archived_at = null from gone g where o.order_id = g.order_id returning o.order_id
$$;
comment on function purchasing_bring_back is
    'Move archived orders back to the journals. The caller has locked their rows.';

-- A fact of an archived order, or one that has the identity of an archived fact, is refused whoever writes it. A worker of
-- this version has brought the order back before; one of an earlier version tries again until one of this version takes over.
-- It has the owner's rights, so a worker that runs while this is applied, and has no right to the new tables yet, goes on.
create function purchasing_refuse_archived() returns trigger
language plpgsql volatile security definer as $$
begin
    if not exists (select from archived_orders) then
        return null;
    end if;
    if exists (select from added n cross join lateral (
            select from archived_orders a where a.order_id = n.order_id offset 0) as theirs) then
        raise exception 'the order is archived: a worker of an earlier version does not know how to bring it back'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    if exists (select from added n cross join lateral (
            select from archived_facts a where a.identity = purchasing_fact_identity(n.source, n.id) offset 0) as theirs) then
        raise exception 'the fact is an archived order''s' using errcode = 'unique_violation', constraint = 'facts_one_order';
    end if;
    return null;
end
$$;
create trigger facts_not_archived after insert on facts referencing new table as added
    for each statement execute function purchasing_refuse_archived();

do $$
declare
    one text;
begin
    -- A function with the owner's rights must not find another one's tables.
    foreach one in array array['purchasing_archive', 'purchasing_bring_back', 'purchasing_refuse_archived'] loop
        execute format('alter function %I set search_path = %I, pg_temp', one, current_schema());
        execute format('revoke all on function %I from public', one);
    end loop;
end
$$;
