"""How the service connects to PostgreSQL, for whatever: by connections that end instead of waiting for ever.

Where a statement is given up, because its time is over or its task is cancelled, the driver asks the server to cancel
it, and rolls back or hands the connection on only when the server has answered, however long that takes. A server that
is gone without a word never does; nor does the driver look whether anybody is there.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg.transaction import Transaction

from service.store.failures import LOST, translated
from service.store.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Driver = asyncpg.Connection

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0

# Less than any time limit of a statement. Linux; what another system doesn't have is left out.
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""Seconds until the network is asked whether the server is there, seconds between two questions, how many; milliseconds
until what was sent has to be received."""

# A server that only reads now was demoted: the one to write to is another, found by a new connection.
OF_NO_MORE_USE = (TimeoutError, asyncio.CancelledError, asyncpg.ReadOnlySQLTransactionError, *LOST)


class Connection(Driver):
    """The driver's, ended as soon as it is of no more use, so that its next user gets a new one."""

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        """Called by the driver."""
        super().__init__(protocol, transport, *rest)
        _keep_alive(transport.get_extra_info("socket"))

    def transaction(self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False) -> Transaction:
        """Return a transaction that leaves its end to the server where the connection was ended."""
        return _Transaction(self, isolation, readonly, deferrable)

    async def execute(self, *query: Any, **options: Any) -> str:
        """As the driver's."""
        with _ended_if_of_no_more_use(self):
            return await super().execute(*query, **options)

    async def executemany(self, *query: Any, **options: Any) -> None:
        """As the driver's."""
        with _ended_if_of_no_more_use(self):
            return await super().executemany(*query, **options)

    async def fetch(self, *query: Any, **options: Any) -> Any:
        """As the driver's."""
        with _ended_if_of_no_more_use(self):
            return await super().fetch(*query, **options)

    async def fetchrow(self, *query: Any, **options: Any) -> Any:
        """As the driver's."""
        with _ended_if_of_no_more_use(self):
            return await super().fetchrow(*query, **options)

    async def fetchval(self, *query: Any, **options: Any) -> Any:
        """As the driver's."""
        with _ended_if_of_no_more_use(self):
            return await super().fetchval(*query, **options)


class _Transaction(Transaction):
    _connection: Connection

    async def __aexit__(self, extype: object, ex: object, tb: object) -> None:
        # The driver would say that it can't roll back, in the place of what happened.
        if extype is None or not self._connection.is_closed():
            await super().__aexit__(extype, ex, tb)


@contextmanager
def _ended_if_of_no_more_use(connection: Connection) -> Iterator[None]:
    try:
        yield
    except asyncpg.DataError:
        raise
    except OF_NO_MORE_USE:
        # One that the server ended while it was idle isn't seen as closed: the driver only stumbles over it, and again.
        connection.terminate()
        raise


def _keep_alive(sock: Any) -> None:
    if sock.family == getattr(socket, "AF_UNIX", None):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def connect(url: str, lineage: Lineage, **options: Any) -> Connection:
    """Connect to decide and write; `options` are asyncpg's.

    Raises what asyncpg raises, OSError and TimeoutError, and what `Lineage.meet` raises.
    """
    connection: Connection = await asyncpg.connect(url, connection_class=Connection, **options)
    await _compare(connection, lineage)
    return connection


async def _compare(connection: Connection, lineage: Lineage) -> None:
    try:
        await lineage.meet(connection)
    except BaseException:
        # Not closed politely: the driver would wait for the server's answer, for ever.
        connection.terminate()
        raise


async def connect_to_look(url: str, *, server_settings: Mapping[str, str] | None = None, **options: Any) -> Connection:
    """Connect to look only, at whatever server: the server lets nothing be written over it.

    Nothing that is written elsewhere may hang on what is seen. Raises what asyncpg raises, OSError and TimeoutError.
    """
    settings = {**(server_settings or {}), "default_transaction_read_only": "on"}
    connection: Connection = await asyncpg.connect(
        url, connection_class=Connection, server_settings=settings, **options
    )
    return connection


async def _nothing(_: object) -> None:
    pass


def pool_of(
    url: str, lineage: Lineage, *, then: Callable[[Any], Awaitable[None]] = _nothing, **options: Any
) -> asyncpg.Pool[asyncpg.Record]:
    """Return a pool, to be entered or awaited; `options` are asyncpg's. `then` is told of each new connection.

    Whatever needs a new connection raises what `Lineage.meet` raises.
    """

    async def meet(connection: Any) -> None:
        await _compare(connection, lineage)
        await then(connection)

    return asyncpg.create_pool(url, connection_class=Connection, init=meet, **options)


@asynccontextmanager
async def connected(url: str, lineage: Lineage | None = None) -> AsyncIterator[Connection]:
    """Connect for a command; `lineage` is that of its other connections, if it has any.

    Raises StoreUnavailableError, also where a statement takes longer than a minute, and DatabaseMovedError.
    """
    async with translated():
        connection = await connect(
            url,
            lineage or Lineage(),
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings={
                "application_name": "purchasing command",
                "lock_timeout": "10000",
                "synchronous_commit": "on",
                "jit": "off",
            },
        )
    try:
        yield connection
    finally:
        connection.terminate()
