"""The driver's connection, ended instead of waiting for ever.

Where a statement is given up, because its time is over or its task is cancelled, the driver asks the server to cancel
it, and rolls back or hands the connection on only when the server has answered, however long that takes. A server that
is gone without a word never does; nor does the driver look whether anybody is there.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg.transaction import Transaction

from service.store.driver_errors import LOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Driver = asyncpg.Connection

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
        self.is_pooled = False
        """Whether a pooler stands between this program and the server."""
        self._socket = transport.get_extra_info("socket")
        self.keep_alive({})

    def keep_alive(self, otherwise: Mapping[str, int]) -> None:
        """Have the network ask whether the server is there: KEEPALIVE, `otherwise` before it."""
        if self._socket.family == getattr(socket, "AF_UNIX", None):
            return
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in {**KEEPALIVE, **otherwise}.items():
            if hasattr(socket, name):
                self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

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
