"""The roles of the database: each can do its part, and the server refuses it all else."""

import re
from pathlib import Path

import asyncpg
import pytest

from service.store import migrate as migrate_module
from service.store.migrate import migrate, schema_problem
from service.store.postgres import PostgresStore
from tests.orders.archiving import ALL_PUBLISHED, archive, archived
from tests.orders.conftest import engine_on
from tests.orders.stories import Story
from tests.security.site import ROLES, Database

ROLES_SQL = Path(migrate_module.__file__).with_name("roles.sql").read_text()

# Only the owner changes or deletes rows in these.
JOURNALS = (
    "facts",
    "outbox",
    "terms",
    "publications",
    "quarantine_actions",
    "operator_actions",
    "erasures",
    "schema_migrations",
    "installation",
    "console_audit",
    "console_notes",
    "console_disclosures",
    "archive_files",
    "archived_orders",
    "archived_facts",
)

DDL = (
    "create table theirs (n integer)",
    "alter table facts add column n integer",
    "drop table outbox",
    "truncate facts",
    "drop index outbox_of_order",
    "create index on facts (at)",
    "create or replace function purchasing_clock(latest timestamptz) returns int language sql as 'select 1'",
    "create trigger t before insert on facts for each row execute function suppress_redundant_updates_trigger()",
    "alter table private_members disable row level security",
    "set session authorization purchasing",
)
OF_JOURNALS = tuple(
    statement
    for table in JOURNALS
    for statement in (
        f"delete from {table}",
        f"update {table} set {'lanes' if table == 'installation' else 'id'} = null",
    )
    if not statement.startswith("update") or table in ("facts", "outbox", "installation")
)
ARCHIVE = "select purchasing_archive(1, '{}', '{}')"
BRING_BACK = "select purchasing_bring_back('{}')"
PRIVATE = "select data from private_members"
CONTENT = "select value from quarantine"
FORBIDDEN = {
    "service": (
        *DDL,
        *OF_JOURNALS,
        ARCHIVE,
        "delete from private_members",
        "update private_members set data = '{}'",
        CONTENT,
        "select key, headers from quarantine",
        "delete from quarantine",
        "update quarantine set value = null",
        "insert into terms values ('p', '1', now() + interval '1 day', '{}')",
        "delete from outbox_pauses",
        "delete from circuit_breakers",
        "insert into erasures (done_by, order_id, private_members, quarantine_records) values ('x', 'o', 0, 0)",
    ),
    "operator": (
        *DDL,
        *OF_JOURNALS,
        "delete from private_members",
        "delete from quarantine",
        "update quarantine set value = null",
        "insert into erasures (done_by, order_id, private_members, quarantine_records) values ('x', 'o', 0, 0)",
    ),
    "eraser": (
        *DDL,
        *OF_JOURNALS,
        ARCHIVE,
        BRING_BACK,
        CONTENT,
        "delete from quarantine",
        "insert into facts (order_id) values ('x')",
        "insert into outbox (topic) values ('x')",
        "update lanes set position = 0",
        "update orders set held_at = null",
    ),
    "reader": (
        *DDL,
        *OF_JOURNALS,
        ARCHIVE,
        BRING_BACK,
        PRIVATE,
        CONTENT,
        "insert into facts (order_id) values ('x')",
        "insert into outbox (topic) values ('x')",
        "update lanes set position = 0",
        "update orders set held_at = null",
        "delete from private_members",
        "select count(*) from console_sessions",
        "select count(*) from console_repairs",
    ),
    "console": (
        *DDL,
        *OF_JOURNALS,
        ARCHIVE,
        BRING_BACK,
        PRIVATE,
        CONTENT,
        "select count(*) from facts",
        "insert into facts (order_id) values ('x')",
        "insert into outbox (topic) values ('x')",
        "update orders set held_at = null",
        "select count(*) from console_audit",
        "select count(*) from console_repairs",
    ),
    "private": (
        *DDL,
        *OF_JOURNALS,
        ARCHIVE,
        BRING_BACK,
        PRIVATE,
        CONTENT,
        "select count(*) from facts",
        "select count(*) from console_disclosures",
        "insert into console_disclosures (subject) values ('x')",
        "delete from console_disclosures",
    ),
}


@pytest.mark.parametrize("role", ROLES)
async def test_the_server_refuses_a_role_what_is_not_its_part(guarded: Database, role: str) -> None:
    connection = await asyncpg.connect(guarded.dsn(role))
    allowed = []
    for statement in FORBIDDEN[role]:
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            continue
        allowed.append(statement)
    await connection.close()
    assert allowed == []


async def test_no_role_may_change_or_delete_a_row_of_a_journal(guarded: Database) -> None:
    rows = await guarded.fetch(
        "select grantee, table_name, privilege_type from information_schema.role_table_grants"
        " where grantee like 'purchasing\\_%' and table_name = any($1)"
        " and privilege_type not in ('SELECT', 'INSERT', 'MAINTAIN')",
        list(JOURNALS),
    )
    assert rows == []
    assert (
        await guarded.fetch(
            "select grantee from information_schema.column_privileges where grantee like 'purchasing\\_%'"
            " and table_name = any($1) and privilege_type = 'UPDATE'",
            list(JOURNALS),
        )
        == []
    )


async def test_every_table_is_somebodys_in_the_roles_file(guarded: Database) -> None:
    tables = {row[0] for row in await guarded.fetch("select tablename from pg_tables where schemaname = 'public'")}
    grants = " ".join(re.findall(r"grant [^;]*;", ROLES_SQL))
    assert {table for table in tables if not re.search(rf"\b{table}\b", grants)} == set()


async def test_operators_archive_an_order_and_the_service_brings_it_back(guarded: Database) -> None:
    story = Story("ord-archived").placed().refused()
    store = await PostgresStore.open(guarded.dsn("service"), connections=1)
    operator = await asyncpg.connect(guarded.dsn("operator"))
    await engine_on(store).handle(story.inbound_records)
    await guarded.execute(ALL_PUBLISHED)
    there = [await archive(operator, "ord-archived"), await archived(operator)]
    late = await engine_on(store).handle([story.accepted().last])
    left = await archived(operator)
    await operator.close()
    await store.close()

    assert (there, late.facts, left) == ([["ord-archived"], ["ord-archived"]], 1, [])


async def test_the_public_has_nothing(guarded: Database) -> None:
    assert (
        await guarded.fetch(
            "select table_name from information_schema.role_table_grants where grantee = 'PUBLIC'"
            " and table_schema = 'public'"
        )
        == []
    )


async def test_a_later_migration_gives_the_roles_their_rights_on_what_is_new(guarded: Database) -> None:
    await guarded.execute("revoke all on outbox from purchasing_service")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await guarded.fetch("select count(*) from outbox", role="service")
    await migrate(guarded.owner)
    assert await guarded.fetch("select count(*) from outbox", role="service") == [(0,)]


async def test_a_worker_goes_on_while_a_migration_has_not_given_it_its_rights_yet(guarded: Database) -> None:
    await guarded.execute("revoke all on archived_orders, archived_facts from purchasing_service")
    await guarded.execute("insert into orders (order_id, lane) values ('o', 0)")
    await guarded.execute(
        "insert into facts (order_id, source, id, lane, nth, at, type, data, received_at)"
        " values ('o', '/s', 'e', 0, 1, now(), 't', '{}', now())",
        role="service",
    )


async def test_rights_that_the_roles_file_no_longer_grants_are_revoked(guarded: Database) -> None:
    await guarded.execute("grant delete on facts to purchasing_service")
    await migrate(guarded.owner)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await guarded.execute("delete from facts", role="service")


async def test_a_restored_function_with_the_owners_rights_is_again_for_its_role_only(guarded: Database) -> None:
    """`pg_restore --no-privileges` leaves what PostgreSQL gives to a new function: everybody may execute it."""
    theirs = await guarded.fetch("select oid::regprocedure::text from pg_proc where prosecdef")
    assert theirs
    for (function,) in theirs:
        await guarded.execute(f"grant execute on function {function} to public, purchasing_reader")
    await migrate(guarded.owner)
    for (function,) in theirs:
        allowed = {
            one: (await guarded.fetch(f"select has_function_privilege('purchasing_{one}', '{function}', 'execute')"))[
                0
            ][0]
            for one in ROLES
        }
        granted = re.findall(
            rf"grant execute on function {re.escape(function.partition('(')[0])} to ([^;]*);", ROLES_SQL
        )
        assert {f"purchasing_{one}" for one, is_ in allowed.items() if is_} == set(", ".join(granted).split(", ")) - {
            ""
        }


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_can_ask_whether_the_tables_are_those_it_knows(guarded: Database, role: str) -> None:
    assert await schema_problem(guarded.dsn(role)) is None
