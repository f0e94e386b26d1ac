"""Which topics' fuses are blown: one row each, seen by all workers and kept over restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from service.store.postgres import PostgresStore


class BlownFuse(NamedTuple):
    """A topic that nobody reads on: since when, and how many of how many records were bad."""

    topic: str
    at: datetime
    bad: int
    records: int


class FuseTable(Protocol):
    """Where it is kept which fuses are blown. Its methods raise StoreUnavailableError."""

    async def blown(self) -> list[BlownFuse]:
        """Return the blown fuses, by topic."""

    async def blow(self, topic: str, bad: int, records: int) -> None:
        """Keep that a topic's fuse is blown; if it was already, nothing changes."""


class FusesInDatabase:
    """The table `circuit_breakers`."""

    def __init__(self, store: PostgresStore) -> None:
        """Keep them in this store's database."""
        self._store = store

    async def blown(self) -> list[BlownFuse]:
        """Return the blown fuses, by topic."""
        return [BlownFuse(*row) for row in await self._store.fetch(_BLOWN)]

    async def blow(self, topic: str, bad: int, records: int) -> None:
        """Keep that a topic's fuse is blown; if it was already, nothing changes."""
        await self._store.fetch(_BLOW, topic, bad, records)


async def blown_fuses(connection: asyncpg.Connection[asyncpg.Record]) -> list[BlownFuse]:
    """Return the blown fuses, by topic."""
    return [BlownFuse(*row) for row in await connection.fetch(_BLOWN)]


async def reset_fuse(connection: asyncpg.Connection[asyncpg.Record], topic: str, by: str, why: str | None) -> bool:
    """Let all workers read a topic on, and note who did it; whether its fuse was blown."""
    return bool(await connection.fetch(_RESET, topic, by, why))


_BLOWN = "select topic, opened_at, bad, records from circuit_breakers order by topic"
_BLOW = "insert into circuit_breakers (topic, bad, records) values ($1, $2, $3) on conflict do nothing"
_RESET = """
with reset as (delete from circuit_breakers where topic = $1 returning topic, bad, records)
insert into operator_actions (done_by, what, subject, outcome, why)
select $2, 'fuse reset', topic, bad || ' of ' || records || ' records were bad', $3 from reset
returning subject
"""
