"""The console in the database: its user's two roles, what they can't do, and what it leaves to the workers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from purchasing_contracts.base import text_of
from structlog.testing import capture_logs

from service.console.server import READERS, STATEMENT_SECONDS, running_console
from service.store.console_sessions import CONNECTIONS
from tests.console.conftest import browser, settings_for
from tests.console.reading import read, read_json
from tests.databases import on_server
from tests.orders.stories import paid_order
from tests.rules.happenings import HOUR, when

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.embedded import EmbeddedPostgres
    from service.store.order_history import Readers

PAGES = (
    "/",
    "/account",
    "/search?q=ord-1-e0",
    "/orders/ord-1",
    f"/orders/ord-1/at/{text_of(when(2 * HOUR))}",
    "/orders/ord-1/letter",
    "/clauses",
    "/clauses/12",
    "/money",
    "/money/export",
    "/reconciliation",
    "/what-if",
    "/orders/ord-1/arrivals",
    "/openapi.json",
    "/readyz",
    "/operations",
    "/acts/hold",
    "/acts/repair",
    "/orders/ord-1/notes",
    "/orders/ord-1/private",
    "/audit",
    "/audit.csv",
    "/alerts/PurchasingOrderStuck",
)
BOTH = ("purchasing_reader", "purchasing_console")


@pytest.fixture
async def user(postgres: EmbeddedPostgres, database: str) -> AsyncIterator[str]:
    """A user who has only what it takes on: the URL to log in by. The test grants it roles."""
    name = f"console_{uuid4().hex[:8]}"
    await on_server(postgres.dsn, f"create role {name} login noinherit password 'secret'")
    parts = urlsplit(database)
    yield urlunsplit(parts._replace(netloc=f"{name}:secret@{parts.netloc.rpartition('@')[2]}"))
    await on_server(postgres.dsn, f"drop role {name}")


async def grant(postgres: EmbeddedPostgres, user: str, *roles: str) -> None:
    for role in roles:
        await on_server(postgres.dsn, f"grant {role} to {urlsplit(user).username}")


@asynccontextmanager
async def as_owner(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    try:
        yield connection
    finally:
        await connection.close()


async def test_two_roles_are_enough_for_every_page(postgres, database, user, engine) -> None:
    await grant(postgres, user, *BOTH)
    await engine.handle(list(paid_order()))
    async with running_console(settings_for(user)) as running, browser(running) as session:
        for path in PAGES:
            await read(session, path)
        async with session.post("/logout") as answer:
            assert answer.url.path == "/login"
    async with as_owner(database) as owner:
        assert await owner.fetchval("select count(*) from console_sessions") == 0


@pytest.mark.parametrize("role", BOTH)
async def test_the_page_and_the_log_report_a_missing_role(role, postgres, user) -> None:
    await grant(postgres, user, role)
    async with running_console(settings_for(user)) as running:
        with capture_logs() as logs:
            async with browser(running, signed_in=False) as session:
                # Signed in, one is led to the front page, which answers also while it can't read orders.
                await read(session, running.console.door.new_link(), 503 if role == "purchasing_reader" else 200)
                status = 200 if role == "purchasing_reader" else 503
                said = await read(session, "/readyz", status)
        missing = next(one for one in BOTH if one != role)
        assert missing in said if status == 503 else any(missing in str(one) for one in logs)


OWN_SESSIONS = "select count(*) from pg_stat_activity where application_name like 'purchasing console%'"
REFUSED = {
    "insert into facts (order_id) values ('x')": asyncpg.ReadOnlySQLTransactionError,
    "set transaction read write; insert into facts (order_id) values ('x')": asyncpg.InsufficientPrivilegeError,
    "set transaction read write; delete from outbox": asyncpg.InsufficientPrivilegeError,
    "select * from private_members": asyncpg.InsufficientPrivilegeError,
    "select value from quarantine": asyncpg.InsufficientPrivilegeError,
    "select * from console_repairs": asyncpg.InsufficientPrivilegeError,
    "set transaction read write; insert into console_audit (subject) values ('x')": asyncpg.InsufficientPrivilegeError,
    "select * from purchasing_disclose('o', 's', 'n', 'k', 'w', 't', 1)": asyncpg.InsufficientPrivilegeError,
    "set role purchasing_operator": asyncpg.InsufficientPrivilegeError,
    "select * from console_sessions": asyncpg.InsufficientPrivilegeError,
    "set role purchasing_service": asyncpg.InsufficientPrivilegeError,
    "reset role; select * from facts": asyncpg.InsufficientPrivilegeError,
}
"""Statements that a page's own session must not run, with the error of each."""


async def test_a_fault_in_a_page_can_neither_write_nor_read_sessions(postgres, user) -> None:
    await grant(postgres, user, *BOTH)
    async with running_console(settings_for(user)) as running:
        readers = running.console.stories.readers
        for statement, error in REFUSED.items():
            with pytest.raises(error):
                await refused(readers, statement)
        async with readers.histories() as histories:
            assert await histories.connection.fetchval("select count(*) from facts") == 0


async def refused(readers: Readers, statement: str) -> None:
    """Execute a statement in a page's session and close it: what the statement changed of it ends with it."""
    async with readers._pool.acquire() as connection:
        try:
            await connection.execute(statement)
        finally:
            with suppress(asyncpg.InterfaceError):  # a refused write has closed it already
                connection.terminate()


async def test_the_role_of_the_sessions_sees_no_order(postgres, user) -> None:
    await grant(postgres, user, *BOTH)
    async with (
        running_console(settings_for(user)) as running,
        running.console.door._sessions._pool.acquire() as connection,
    ):
        for statement in ("select * from facts", "select * from orders", "delete from outbox", "select * from terms"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_a_flood_of_requests_takes_few_sessions_and_the_engine_goes_on(database, engine) -> None:
    await engine.handle(list(paid_order()))
    async with (
        running_console(settings_for(database)) as running,
        browser(running) as session,
        as_owner(database) as owner,
    ):

        async def ask() -> int:
            async with session.get("/orders/ord-1", headers={"Accept": "application/json"}) as answer:
                await answer.read()
                return answer.status

        flood = [asyncio.create_task(ask()) for _ in range(150)]
        taken = []
        for n in range(5):
            await engine.handle(list(paid_order(f"ord-beside-{n}")))
            taken.append(
                await owner.fetchval(
                    "select count(*) from pg_stat_activity where application_name like 'purchasing console%'"
                )
            )
        answers = await asyncio.gather(*flood)
        assert set(answers) <= {200, 503}
        assert 200 in answers
        assert max(taken) <= READERS + CONNECTIONS
        for n in range(5):
            assert (await read_json(session, f"/orders/ord-beside-{n}", Accept="application/json"))["facts"]


async def test_each_statement_of_a_page_is_bounded_in_time(database) -> None:
    async with running_console(settings_for(database)) as running:
        async with running.console.stories.readers.histories() as histories:
            limits = await histories.connection.fetchrow(
                "select current_setting('statement_timeout'), current_setting('lock_timeout'), "
                "current_setting('idle_in_transaction_session_timeout')"
            )
        assert tuple(limits) == (f"{STATEMENT_SECONDS}s", "1s", f"{2 * STATEMENT_SECONDS}s")


async def test_a_page_that_waits_for_a_lock_gives_up_and_holds_up_no_other(database, engine) -> None:
    await engine.handle(list(paid_order()))
    async with (
        running_console(settings_for(database)) as running,
        browser(running) as session,
        as_owner(database) as owner,
    ):
        async with owner.transaction():
            await owner.execute("lock table facts in access exclusive mode")
            waiting = [asyncio.create_task(read(session, "/orders/ord-1", 503)) for _ in range(READERS)]
            await read(session, "/clauses/12")
            assert await read(session, "/livez") == "alive\n"
            for page in await asyncio.gather(*waiting):
                assert "can&#39;t be read" in page
        await read(session, "/orders/ord-1")
