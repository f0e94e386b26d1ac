"""Connections to PostgreSQL. All of the service's connections are made here, and each one that can write is compared
with the database's timeline."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg

from service.store.driver import Connection
from service.store.driver_errors import translated
from service.store.errors import StoreError
from service.store.hosts import database_url, first_of, unusable
from service.store.session import begin_session
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from service.runtime.database_url import Host

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0


async def connect(url: str, timeline: Timeline, **options: Any) -> Connection:
    """Connect for deciding and writing.

    `options`: those of `_session`. Raises NotReachedError, NotUsableError, NotAllowedError, and the errors of
    `Timeline.meet`.
    """
    refuse_readers(url)
    connection = await _session(url, **options)
    await _compare(connection, timeline)
    return connection


async def connect_to_look(url: str, *, settings: Mapping[str, str] | None = None, **options: Any) -> Connection:
    """Connect to any server for reading only; the server refuses writes on this connection.

    Never base a write elsewhere on what this connection reads. `options`: those of `_session`. Raises NotReachedError,
    NotUsableError, NotAllowedError.
    """
    return await _session(url, settings={**(settings or {}), "default_transaction_read_only": "on"}, **options)


async def rivals(url: str, seconds: float) -> list[Host]:
    """Return the servers of a URL that accept writes, if they have different timelines; else none.

    A primary that was replaced and still runs accepts writes as well, and would be taken if it comes first. Asks all
    servers at the same time, for at most `seconds`; a server that gives no answer is no rival. Raises NotUsableError.
    """
    hosts = database_url(url).hosts
    if len(hosts) == 1:
        return []
    found = await asyncio.gather(*(_timeline_of(url, host, seconds) for host in hosts))
    timelines = {host: timeline for host, timeline in zip(hosts, found, strict=True) if timeline is not None}
    return list(timelines) if len(set(timelines.values())) > 1 else []


async def _timeline_of(url: str, host: Host, seconds: float) -> str | None:
    """Return the timeline of one server; None if it gives no answer or accepts no writes."""
    timeline = Timeline()
    try:
        connection = await _session(url, host=host, connect_seconds=seconds, command_timeout=seconds)
        await _compare(connection, timeline)
    except StoreError:
        return None
    connection.terminate()
    return timeline.known


async def _session(
    url: str,
    *,
    host: Host | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    settings: Mapping[str, str] | None = None,
    command_timeout: float | None = None,
    **options: Any,
) -> Connection:
    """Connect and set the session's settings.

    `host`: the only one to try. `connect_seconds`: per host, unless the URL has a `connect_timeout`. `settings`: the
    server's settings by name, in force when this returns. `options`: asyncpg's. Raises NotReachedError, NotUsableError,
    NotAllowedError.
    """
    described = database_url(url)
    if host is not None:
        described = replace(described, hosts=(host,))
    seconds = described.connect_timeout or connect_seconds

    async def driver_connection(host: Host, target: str | None) -> Connection:
        # The startup packet has only user and database, because a pooler refuses other settings there.
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
        # Terminate instead of closing: a close would wait for the server's answer without a limit.
        connection.terminate()
        raise


async def _ignore(_: object) -> None:
    pass


def pool_of(
    url: str, timeline: Timeline, *, then: Callable[[Any], Awaitable[None]] = _ignore, **options: Any
) -> asyncpg.Pool[asyncpg.Record]:
    """Return a pool for writing, to be entered or awaited. It calls `then` with each new connection.

    A connection keeps its session's settings when it goes back: the driver's own reset would lose all of them, and take
    a round trip per loan. Code that leaves anything else in a session, such as a listener, has to end it.

    The options `connect_seconds`, `settings` and `command_timeout` are those of `connect`, all others the pool's.
    Raises NotUsableError; a call that needs a new connection raises the errors of `connect`.
    """
    refuse_readers(url)
    ours = {name: options.pop(name) for name in ("connect_seconds", "settings", "command_timeout") if name in options}

    async def new_connection(*_: Any, connection_class: Any, **driver: Any) -> Connection:
        del connection_class
        return await connect(url, timeline, **ours, **driver)

    # asyncpg's type stubs don't have the argument `connect`.
    driver: Any = asyncpg
    pool: asyncpg.Pool[asyncpg.Record] = driver.create_pool(
        connect=new_connection, connection_class=Connection, init=then, reset=_keep_settings, **options
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
        connect=new_connection, connection_class=Connection, reset=_keep_settings, **options
    )
    return pool


async def _keep_settings(_: object) -> None:
    """Reset nothing between two users of a connection."""


@asynccontextmanager
async def opened(pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[None]:
    """Open a pool and end its connections at the end of the block. With `min_size=0` the database may be away."""
    async with translated():
        await pool
    try:
        yield
    finally:
        pool.terminate()


@asynccontextmanager
async def lend(pool: asyncpg.Pool[asyncpg.Record], seconds: float) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend a connection. Raises StoreError; StoreUnavailableError also where none is free in time."""
    async with translated(), pool.acquire(timeout=seconds) as lent:
        # The driver's own type of what a pool lends is another than that of a connection.
        connection: Any = lent
        yield connection


def refuse_readers(url: str) -> None:
    """Raise NotUsableError if the URL asks for servers that refuse writes."""
    if database_url(url).reads_only:
        raise unusable("its target_session_attrs finds read-only servers, but this connection writes: use read-write")


@asynccontextmanager
async def connected(
    url: str, timeline: Timeline | None = None, *, role: str | None = None
) -> AsyncIterator[Connection]:
    """Connect for a command; `timeline`: the database's, as the command's other connections found it, if any. `role`:
    taken on by the connection.

    Raises StoreError; StoreUnavailableError also if a statement takes longer than a minute; DatabaseMovedError.
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
            **({} if role is None else {"role": role}),
        },
    )
    try:
        yield connection
    finally:
        connection.terminate()
