-- The rights of the six roles of deploy/rights.md, applied by `migrate --roles` and again by each later `migrate`. The
-- roles can't log in: grant them to users who can. They own nothing, so they can't alter, drop or truncate a table, and
-- they may not delete or change a row of a journal. Name each new table here, or only its owner can use it
-- (tests/security/test_roles.py).

do $$
declare
    one text;
    theirs regprocedure;
begin
    execute format('revoke create on schema %I from public', current_schema());
    foreach one in array array['purchasing_service', 'purchasing_operator', 'purchasing_eraser', 'purchasing_reader',
        'purchasing_console', 'purchasing_private'] loop
        if not exists (select from pg_roles where rolname = one) then
            execute format('create role %I nologin', one);
        end if;
        -- Revoke everything first, so that rights removed from this file are removed from the roles.
        execute format('revoke all on all tables in schema %I from %I, public', current_schema(), one);
        execute format('grant usage on schema %I to %I', current_schema(), one);
        -- A function with the owner's rights, too: a restored one may be executed by everybody until somebody revokes it.
        for theirs in select oid from pg_proc where pronamespace = current_schema()::regnamespace and prosecdef loop
            execute format('revoke all on function %s from %I, public', theirs, one);
        end loop;
    end loop;
end
$$;

-- For everybody: no private members, no content of quarantined records.
grant select on
    schema_migrations, installation, orders, facts, outbox, lanes, relay_notes, publications, input_progress,
    input_agreements, terms, circuit_breakers, outbox_pauses, outbox_releases, refunds_admitted, quarantine_actions,
    quarantine_candidates, quarantined_orders, operator_actions, erasures, archive_files, archived_orders,
    archived_facts, archived_fact_rows, archived_output_rows, archived_publication_rows, orders_that_are_over
    to purchasing_service, purchasing_operator, purchasing_eraser, purchasing_reader;
grant select (topic, partition, "offset", digest, sha256, reason, place, size, order_id, type, source, at, resolved_at,
    resolution, erased_at) on quarantine to purchasing_service, purchasing_operator, purchasing_eraser, purchasing_reader;

-- The batch transaction, run by the service and by operators who replay records or release orders. It reads private
-- members to tell a repeated message from one with the same id and other content.
grant insert, update on orders, input_progress to purchasing_service, purchasing_operator;
grant insert on facts, outbox, quarantine, quarantine_candidates to purchasing_service, purchasing_operator;
grant select, insert on private_members to purchasing_service, purchasing_operator;
grant update on lanes to purchasing_service, purchasing_operator;

-- Whoever writes a fact of an archived order brings the order back. Nobody may delete a row of a journal: archived orders are
-- moved by functions that write a row here before they delete it there.
grant execute on function purchasing_bring_back to purchasing_service, purchasing_operator;
grant execute on function purchasing_archive to purchasing_operator;
grant insert on archive_files to purchasing_operator;

-- The relay, and the pauses that the service sets by itself.
grant insert, update on relay_notes to purchasing_service, purchasing_operator;
grant insert on publications, input_agreements to purchasing_service;
grant insert, update on circuit_breakers to purchasing_service;
grant insert on outbox_pauses, operator_actions to purchasing_service;
grant insert, delete on refunds_admitted to purchasing_service;

-- Operators.
grant select (key, value, headers) on quarantine to purchasing_operator;
grant update (resolved_at, resolution, reason, place) on quarantine to purchasing_operator;
grant insert on quarantine_actions, operator_actions to purchasing_operator;
grant delete on circuit_breakers to purchasing_operator;
grant insert, update, delete on outbox_pauses to purchasing_operator;
grant insert, update on outbox_releases to purchasing_operator;
-- `maintain` is needed to lock a table against a concurrent import.
grant insert, maintain on terms to purchasing_operator;

-- People who erase: no right that moves money.
grant select, delete on private_members to purchasing_eraser;
-- Keys are compared, because a key that equals the order id is kept.
grant select (key), update (key, value, headers, erased_at) on quarantine to purchasing_eraser;
grant insert on erasures, quarantine_actions to purchasing_eraser;

-- The console's sessions. The console reads what it shows as `purchasing_reader`.
grant select, insert, update, delete on console_sessions to purchasing_console;
grant select on schema_migrations, installation to purchasing_console;

-- Acts at the console. Whoever asks is never changed afterwards, and what was shown neither: only who confirmed.
grant select on console_proposals, console_items, console_proposal_orders, console_operations
    to purchasing_operator, purchasing_reader;
grant insert on console_proposals, console_items, console_proposal_orders, console_operations to purchasing_operator;
grant update (confirmed_by, confirmed_name, confirmed_way, confirmed_at) on console_proposals to purchasing_operator;
grant update (begun_at, outcome, detail, ended_at) on console_items to purchasing_operator;
grant update (token) on console_proposal_orders to purchasing_operator;
grant update (allowed, allowed_at, runner, lease_ends_at, stopped, ended_at) on console_operations to purchasing_operator;
grant select, insert, delete on console_repairs to purchasing_operator;
grant select (proposal_id), delete on console_repairs to purchasing_eraser;
grant select on console_proposal_orders, console_items to purchasing_eraser;

-- The audit of the console, and notes: written by the console itself, changed by nobody.
grant insert on console_audit, console_notes to purchasing_console;
grant select on console_audit, console_notes, console_disclosures to purchasing_reader, purchasing_operator;

-- Private members of an order for whoever gives a reason: only by the function that records it.
grant execute on function purchasing_disclose to purchasing_private;
grant select on schema_migrations, installation to purchasing_private;
