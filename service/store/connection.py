"""How the service connects to PostgreSQL, for whatever: there is no other way, and none that skips the comparison."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from service.store.driver import Connection
from service.store.driver_errors import translated
from service.store.hosts import database_url, first_of, unusable
from service.store.session import begin_session
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from service.runtime.database_url import Host

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0


async def connect(url: str, timeline: Timeline, **options: Any) -> Connection:
    """Connect to decide and write.

    `options` are those of `_session`. Raises NotReachedError, NotUsableError, NotAllowedError, and what `Timeline.meet`
    raises.
    """
    refuse_readers(url)
    connection = await _session(url, **options)
    await _compare(connection, timeline)
    return connection


async def connect_to_look(url: str, *, settings: Mapping[str, str] | None = None, **options: Any) -> Connection:
    """Connect to look only, at whatever server: the server lets nothing be written over it.

    Nothing that is written elsewhere may hang on what is seen. `options` are those of `_session`. Raises
    NotReachedError, NotUsableError, NotAllowedError.
    """
    return await _session(url, settings={**(settings or {}), "default_transaction_read_only": "on"}, **options)


async def _session(
    url: str,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    settings: Mapping[str, str] | None = None,
    command_timeout: float | None = None,
    **options: Any,
) -> Connection:
    """Connect, and set what the session goes by.

    `connect_seconds` are per host, where the URL's `connect_timeout` doesn't say otherwise; `settings` are those of
    the server by name, in force when this returns; `options` are asyncpg's. Raises NotReachedError, NotUsableError,
    NotAllowedError.
    """
    described = database_url(url)
    seconds = described.connect_timeout or connect_seconds

    async def driver_connection(host: Host, target: str | None) -> Connection:
        # Nothing but user and database goes along with the greeting: a pooler refuses other settings there.
        connection: Connection = await asyncpg.connect(
            **described.driver_arguments(host, target),
            timeout=seconds,
            command_timeout=command_timeout,
            connection_class=Connection,
            **options,
        )
        connection.keep_alive(described.keepalive)
        return connection

    async def session(host: Host, target: str | None) -> Connection:
        connection = await driver_connection(host, target)
        try:
            await begin_session(connection, described.session, settings or {}, lambda: driver_connection(host, target))
        except BaseException:
            connection.terminate()
            raise
        return connection

    return await first_of(described, session, seconds)


async def _compare(connection: Connection, timeline: Timeline) -> None:
    try:
        async with translated():
            await timeline.meet(connection)
    except BaseException:
        # Not closed politely: the driver would wait for the server's answer, for ever.
        connection.terminate()
        raise


async def _nothing(_: object) -> None:
    pass


def pool_of(
    url: str, timeline: Timeline, *, then: Callable[[Any], Awaitable[None]] = _nothing, **options: Any
) -> asyncpg.Pool[asyncpg.Record]:
    """Return a pool for writing, to be entered or awaited. `then` is told of each new connection.

    `connect_seconds`, `settings` and `command_timeout` among the `options` are as for `connect`, the others are the
    pool's. Raises NotUsableError; whatever needs a new connection raises what `connect` raises.
    """
    refuse_readers(url)
    ours = {name: options.pop(name) for name in ("connect_seconds", "settings", "command_timeout") if name in options}

    async def new_connection(*_: Any, connection_class: Any, **driver: Any) -> Connection:
        del connection_class
        return await connect(url, timeline, **ours, **driver)

    # The driver's own types know nothing of a function that connects in its place.
    driver: Any = asyncpg
    pool: asyncpg.Pool[asyncpg.Record] = driver.create_pool(
        connect=new_connection, connection_class=Connection, init=then, **options
    )
    return pool


def pool_to_look(url: str, **options: Any) -> asyncpg.Pool[asyncpg.Record]:
    """Return a pool of connections over which the server lets nothing be written, to be entered or awaited.

    `options` are as for `pool_of`. Whatever needs a new connection raises what `connect_to_look` raises.
    """
    ours = {name: options.pop(name) for name in ("connect_seconds", "settings", "command_timeout") if name in options}

    async def new_connection(*_: Any, connection_class: Any, **driver: Any) -> Connection:
        del connection_class
        return await connect_to_look(url, **ours, **driver)

    driver: Any = asyncpg
    pool: asyncpg.Pool[asyncpg.Record] = driver.create_pool(
        connect=new_connection, connection_class=Connection, **options
    )
    return pool


def refuse_readers(url: str) -> None:
    """Raise NotUsableError where the URL asks for servers that can't be written to."""
    if database_url(url).reads_only:
        raise unusable("its target_session_attrs finds servers that only read, and here is written: use read-write")


@asynccontextmanager
async def connected(url: str, timeline: Timeline | None = None) -> AsyncIterator[Connection]:
    """Connect for a command; `timeline` is that of its other connections, if it has any.

    Raises StoreError; StoreUnavailableError also where a statement takes longer than a minute; DatabaseMovedError.
    """
    connection = await connect(
        url,
        timeline or Timeline(),
        command_timeout=STATEMENT_SECONDS,
        settings={
            "application_name": "purchasing command",
            "lock_timeout": "10s",
            "synchronous_commit": "on",
            "jit": "off",
        },
    )
    try:
        yield connection
    finally:
        connection.terminate()
