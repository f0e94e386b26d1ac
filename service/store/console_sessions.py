"""The console's sessions: kept by the hash of the random id that the browser has."""

from __future__ import annotations

from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Self

from service.store.connection import opened, pool_of
from service.store.driver_errors import translated
from service.store.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime, timedelta

    import asyncpg

LINK = "link"
"""The way of signing in by a one-time link, which says nothing of who it is."""
ROLE = "purchasing_console"
CONNECTIONS = 2
SECONDS = 5.0

_BEGIN = """
insert into console_sessions (id_hash, subject, name, groups, way, ends_at)
values ($1, $2, $3, $4, $5, clock_timestamp() + $6)
"""
# `seen_at` is written once in a while only: a page that is read need not write.
_FIND = """
with found as (
    select id_hash, subject, name, groups, way, ends_at, seen_at from console_sessions
    where id_hash = $1 and ends_at > clock_timestamp() and seen_at > clock_timestamp() - $2::interval
), seen as (
    update console_sessions s set seen_at = clock_timestamp() from found
    where s.id_hash = found.id_hash and found.seen_at < clock_timestamp() - $3::interval
)
select subject, name, groups, way, ends_at from found
"""
_END = "delete from console_sessions where id_hash = $1"
_SWEEP = "delete from console_sessions where ends_at < clock_timestamp() or seen_at < clock_timestamp() - $1::interval"


class Session(NamedTuple):
    """A signed-in person's session."""

    subject: str
    name: str
    groups: tuple[str, ...]
    way: str
    """`link` or `oidc`."""
    ends_at: datetime


def id_hash(session_id: str) -> bytes:
    """Return what is stored in place of a session's id."""
    return sha256(session_id.encode()).digest()


class ConsoleSessions:
    """The table, written as the role `purchasing_console`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], idle: timedelta, absolute: timedelta) -> None:
        """Use `open`. A session ends `idle` after its last use, `absolute` after its beginning in any case."""
        self._pool = pool
        self._idle = idle
        self._absolute = absolute

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, idle: timedelta, absolute: timedelta) -> AsyncIterator[Self]:
        """Make the pool; connections are made when they are needed."""
        pool = pool_of(
            url,
            Timeline(),
            min_size=0,
            max_size=CONNECTIONS,
            settings={
                "application_name": "purchasing console sessions",
                "role": ROLE,
                "statement_timeout": "5s",
                "lock_timeout": "2s",
                "jit": "off",
            },
            connect_seconds=SECONDS,
            command_timeout=SECONDS,
        )
        async with opened(pool):
            yield cls(pool, idle, absolute)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy[asyncpg.Record]]:
        """Lend a connection with the same role, for the audit and for notes. Raises StoreError."""
        async with translated(), self._pool.acquire(timeout=SECONDS) as connection:
            yield connection

    async def begin(self, session_id: str, subject: str, name: str, groups: tuple[str, ...], way: str) -> None:
        """Keep a new session. Ended ones are removed. Raises StoreError."""
        async with translated(), self._pool.acquire(timeout=SECONDS) as connection, connection.transaction():
            await connection.execute(_SWEEP, self._idle)
            await connection.execute(_BEGIN, id_hash(session_id), subject, name, list(groups), way, self._absolute)

    async def find(self, session_id: str) -> Session | None:
        """Return who has this id and is still signed in. Raises StoreError."""
        async with translated(), self._pool.acquire(timeout=SECONDS) as connection:
            row = await connection.fetchrow(_FIND, id_hash(session_id), self._idle, self._idle / 10)
        return None if row is None else Session(row[0], row[1], tuple(row[2]), row[3], row[4])

    async def end(self, session_id: str) -> None:
        """Forget a session. Raises StoreError."""
        async with translated(), self._pool.acquire(timeout=SECONDS) as connection:
            await connection.execute(_END, id_hash(session_id))
