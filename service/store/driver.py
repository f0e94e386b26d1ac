"""asyncpg's connection, terminated where the driver would wait without a limit.

If a statement times out or its task is cancelled, the driver asks the server to cancel it. It rolls back or releases
the connection only after the server's answer, however long that takes. A server that vanished never answers, and the
driver doesn't check whether it is there.

Terminating also withdraws the driver's request to cancel. Cancelled, a commit that waits for a synchronous standby
could be read at once, and published, although the standby may still be promoted without it.
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

# Shorter than any statement timeout. The names are Linux's; options that another system lacks are left out.
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""Seconds before the first keepalive probe, seconds between probes, number of probes, and milliseconds before sent data
must be acknowledged."""

# A server that has become read-only was demoted; a new connection finds the one that accepts writes.
MAKES_UNUSABLE = (TimeoutError, asyncio.CancelledError, asyncpg.ReadOnlySQLTransactionError, *LOST)


class Connection(Driver):
    """asyncpg's connection, terminated as soon as it can't be used any more, so that its next user gets a new one."""

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        """Called by the driver."""
        super().__init__(protocol, transport, *rest)
        self.is_pooled = False
        """Whether a pooler is between this program and the server."""
        self._socket = transport.get_extra_info("socket")
        self.keep_alive({})

    def keep_alive(self, otherwise: Mapping[str, int]) -> None:
        """Enable TCP keepalive with the values of KEEPALIVE, overridden by `otherwise`."""
        if self._socket.family == getattr(socket, "AF_UNIX", None):
            return
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in {**KEEPALIVE, **otherwise}.items():
            if hasattr(socket, name):
                self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def transaction(self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False) -> Transaction:
        """Return a transaction that does not roll back on a terminated connection, where the server does it."""
        return _Transaction(self, isolation, readonly, deferrable)

    async def execute(self, *query: Any, **options: Any) -> str:
        """Do what asyncpg's method does; terminate the connection if it can't be used any more."""
        with _terminate_if_unusable(self):
            return await super().execute(*query, **options)

    async def executemany(self, *query: Any, **options: Any) -> None:
        """Do what asyncpg's method does; terminate the connection if it can't be used any more."""
        with _terminate_if_unusable(self):
            return await super().executemany(*query, **options)

    async def fetch(self, *query: Any, **options: Any) -> Any:
        """Do what asyncpg's method does; terminate the connection if it can't be used any more."""
        with _terminate_if_unusable(self):
            return await super().fetch(*query, **options)

    async def fetchrow(self, *query: Any, **options: Any) -> Any:
        """Do what asyncpg's method does; terminate the connection if it can't be used any more."""
        with _terminate_if_unusable(self):
            return await super().fetchrow(*query, **options)

    async def fetchval(self, *query: Any, **options: Any) -> Any:
        """Do what asyncpg's method does; terminate the connection if it can't be used any more."""
        with _terminate_if_unusable(self):
            return await super().fetchval(*query, **options)


class _Transaction(Transaction):
    _connection: Connection

    async def __aexit__(self, extype: object, ex: object, tb: object) -> None:
        # Otherwise the driver's error about the rollback would replace the original one.
        if extype is None or not self._connection.is_closed():
            await super().__aexit__(extype, ex, tb)


@contextmanager
def _terminate_if_unusable(connection: Connection) -> Iterator[None]:
    try:
        yield
    except asyncpg.DataError:
        raise
    except MAKES_UNUSABLE:
        # The driver does not see that the server ended an idle connection, and would fail on it again and again.
        connection.terminate()
        raise
