"""A console on the test's database, spoken to as a browser or a program would."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, CookieJar

from deploy.website.__main__ import main as website
from service.console import documentation
from service.console.server import running_console
from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.runtime.settings import ConsoleSettings
from service.store.migrate import migrate
from service.store.postgres import PostgresStore
from service.store.substitute_clock import EVENTS, set_clock
from service.terms.source import FixedTerms
from tests.console.acting import PATIENT, person
from tests.console.identity import IdentityProvider
from tests.databases import on_server, temporary_database
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from service.console.server import Running
    from service.embedded import EmbeddedPostgres

LANES = 4


@pytest.fixture(scope="session")
def console_template(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated database with roles, whose clock goes by the events."""
    name = "console_template"

    async def make() -> None:
        await on_server(postgres.dsn, f"create database {name}")
        await migrate(postgres.dsn_of(name), lanes=LANES, roles=True)
        await set_clock(postgres.dsn_of(name), EVENTS)
        # Operations decide as this role, and the clock by events is a table.
        await on_server(postgres.dsn_of(name), "grant select, update on test_clock to purchasing_operator")

    asyncio.run(make())
    return name


@pytest.fixture
async def database(postgres: EmbeddedPostgres, console_template: str) -> AsyncIterator[str]:
    """A migrated database with roles, whose clock goes by the events."""
    async with temporary_database(postgres, console_template) as dsn:
        yield dsn


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(database, connections=2)
    yield store
    await store.close()


@pytest.fixture
def engine(store: PostgresStore) -> Engine:
    return Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))


def settings_for(database: str, **given: object) -> ConsoleSettings:
    return ConsoleSettings(database_url=database, console_port=0, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The documentation's site where the console finds it: without this fixture, only after `make docs`."""
    directory = tmp_path_factory.mktemp("site")
    assert website([f"--to={directory}"]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documentation, "PLACES", (directory,))
        yield directory


@pytest.fixture
async def running(database: str) -> AsyncIterator[Running]:
    async with running_console(settings_for(database)) as running:
        yield running


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with IdentityProvider().answering() as provider:
        yield provider


@asynccontextmanager
async def browser(running: Running, *, signed_in: bool = True, **headers: str) -> AsyncIterator[ClientSession]:
    """A client with cookies, let in by the one-time link unless said otherwise."""
    session = ClientSession(running.origin, cookie_jar=CookieJar(unsafe=True), headers=headers)
    async with session:
        if signed_in:
            async with session.get(running.console.door.new_link()) as answer:
                assert answer.status == 200, await answer.text()
        yield session


@pytest.fixture
async def pages(running: Running) -> AsyncIterator[ClientSession]:
    """Somebody at a browser, with all roles."""
    async with browser(running) as session:
        yield session


@pytest.fixture
async def api(running: Running) -> AsyncIterator[ClientSession]:
    """A program that asks for JSON, with all roles."""
    async with browser(running, Accept="application/json") as session:
        yield session


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console waits for its database as long as a busy machine needs: no test is about how long an act may take."""
    for place in (
        "service.store.order_history.CONNECT_SECONDS",
        "service.store.console_sessions.SECONDS",
        "service.store.operators.operator_pool.SECONDS",
    ):
        monkeypatch.setattr(place, HANG_SECONDS)
    monkeypatch.setattr("service.console.server.STATEMENT_SECONDS", int(HANG_SECONDS))


@pytest.fixture
async def acting(database: str, provider: IdentityProvider) -> AsyncIterator[Running]:
    """A console for people who act: they sign in at the identity provider."""
    async with running_console(settings_for(database, **provider.settings()), PATIENT) as running:
        yield running


@pytest.fixture
async def ann(acting: Running, provider: IdentityProvider) -> AsyncIterator[ClientSession]:
    """An operator at a browser."""
    async with person(acting, provider, "u-ann") as session:
        yield session


@pytest.fixture
async def bo(acting: Running, provider: IdentityProvider) -> AsyncIterator[ClientSession]:
    """Another operator."""
    async with person(acting, provider, "u-bo") as session:
        yield session
