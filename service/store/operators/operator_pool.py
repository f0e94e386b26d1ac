"""Connections of the console for what people do there, each with a role of its own: pages read with another."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

from service.store.connection import lend, opened, pool_of
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

OPERATOR = "purchasing_operator"
PRIVATE = "purchasing_private"
CONNECTIONS = 3
SECONDS = 10.0


class OperatorPool:
    """A pool; its connections are made when they are needed."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """Use `open`."""
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, role: str) -> AsyncIterator[Self]:
        """Make the pool, whose connections take this role on. The database may be away."""
        pool = pool_of(
            url,
            Timeline(),
            min_size=0,
            max_size=CONNECTIONS,
            settings={
                "application_name": "purchasing console acts",
                "role": role,
                "statement_timeout": "10s",
                "lock_timeout": "5s",
                "idle_in_transaction_session_timeout": "20s",
                "synchronous_commit": "on",
                "jit": "off",
            },
            connect_seconds=SECONDS / 2,
            command_timeout=SECONDS + 1,
        )
        async with opened(pool):
            yield cls(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """Lend a connection. Raises StoreError."""
        async with lend(self._pool, SECONDS) as connection:
            yield connection
