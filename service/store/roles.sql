-- Who may do what, for the five roles of deploy/rights.md: applied by `migrate --roles`, and again by every later
-- `migrate`. None of them can log in: grant them to those who do. None of them owns anything, so none can alter, drop or
-- truncate a table, and none may delete or change a row of a journal. A new table is named here, or nobody but the owner
-- has it (tests/security/test_roles.py).

do $$
declare
    one text;
begin
    execute format('revoke create on schema %I from public', current_schema());
    foreach one in array array['purchasing_service', 'purchasing_operator', 'purchasing_eraser', 'purchasing_reader',
        'purchasing_console'] loop
        if not exists (select from pg_roles where rolname = one) then
            execute format('create role %I nologin', one);
        end if;
        -- What this file no longer grants is gone.
        execute format('revoke all on all tables in schema %I from %I, public', current_schema(), one);
        execute format('grant usage on schema %I to %I', current_schema(), one);
    end loop;
end
$$;

-- What anybody may see: no private members, no content of what was quarantined.
grant select on
    schema_migrations, installation, orders, facts, outbox, lanes, relay_notes, publications, input_progress,
    input_agreements, terms, circuit_breakers, outbox_pauses, outbox_releases, refunds_admitted, quarantine_actions,
    quarantine_candidates, quarantined_orders, operator_actions, erasures
    to purchasing_service, purchasing_operator, purchasing_eraser, purchasing_reader;
grant select (topic, partition, "offset", digest, sha256, reason, place, size, order_id, type, at, resolved_at, resolution,
    erased_at) on quarantine to purchasing_service, purchasing_operator, purchasing_eraser, purchasing_reader;

-- The batch transaction: the service's, and an operator's who replays records or releases orders. It reads private
-- members to know a message that came again with others from one that came again.
grant insert, update on orders, input_progress to purchasing_service, purchasing_operator;
grant insert on facts, outbox, quarantine, quarantine_candidates to purchasing_service, purchasing_operator;
grant select, insert on private_members to purchasing_service, purchasing_operator;
grant update on lanes to purchasing_service, purchasing_operator;

-- The relay, and the pauses that the service sets by itself.
grant insert, update on relay_notes to purchasing_service, purchasing_operator;
grant insert on publications, input_agreements to purchasing_service;
grant insert, update on circuit_breakers to purchasing_service;
grant insert on outbox_pauses, operator_actions to purchasing_service;
grant insert, delete on refunds_admitted to purchasing_service;

-- People at work.
grant select (key, value, headers) on quarantine to purchasing_operator;
grant update (resolved_at, resolution, reason, place) on quarantine to purchasing_operator;
grant insert on quarantine_actions, operator_actions to purchasing_operator;
grant delete on circuit_breakers to purchasing_operator;
grant insert, update, delete on outbox_pauses to purchasing_operator;
grant insert, update on outbox_releases to purchasing_operator;
-- `maintain` is what locking a table against another import needs.
grant insert, maintain on terms to purchasing_operator;

-- Who erases: nothing that moves money.
grant select, delete on private_members to purchasing_eraser;
-- A key that is the order's id stays, so keys are compared.
grant select (key), update (key, value, headers, erased_at) on quarantine to purchasing_eraser;
grant insert on erasures, quarantine_actions to purchasing_eraser;

-- The console: who is signed in. What it shows it reads as `purchasing_reader`.
grant select, insert, update, delete on console_sessions to purchasing_console;
grant select on schema_migrations, installation to purchasing_console;
