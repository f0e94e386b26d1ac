"""Open circuit breakers: one row per topic, shared by all workers and kept over restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from service.store.postgres import PostgresStore


class OpenBreaker(NamedTuple):
    """A topic that is not read: since when, and how many of how many records were bad."""

    topic: str
    at: datetime
    bad: int
    records: int


class BreakerTable(Protocol):
    """Storage of open circuit breakers. Its methods raise StoreUnavailableError."""

    async def list_open(self) -> list[OpenBreaker]:
        """Return the open circuit breakers, by topic."""

    async def open(self, topic: str, bad: int, records: int) -> None:
        """Store that a topic's circuit breaker is open; does nothing if it already is."""


class BreakersInDatabase:
    """The table `circuit_breakers`."""

    def __init__(self, store: PostgresStore) -> None:
        """Use this store's database."""
        self._store = store

    async def list_open(self) -> list[OpenBreaker]:
        """Return the open circuit breakers, by topic."""
        return [OpenBreaker(*row) for row in await self._store.fetch(_OPEN_BREAKERS)]

    async def open(self, topic: str, bad: int, records: int) -> None:
        """Store that a topic's circuit breaker is open; does nothing if it already is."""
        await self._store.fetch(_OPEN, topic, bad, records)


async def open_breakers(connection: asyncpg.Connection[asyncpg.Record]) -> list[OpenBreaker]:
    """Return the open circuit breakers, by topic."""
    return [OpenBreaker(*row) for row in await connection.fetch(_OPEN_BREAKERS)]


async def reset_breaker(connection: asyncpg.Connection[asyncpg.Record], topic: str, by: str, why: str | None) -> bool:
    """Reset a topic's circuit breaker, so that all workers read the topic, and record who did it. Return whether it was
    open."""
    return bool(await connection.fetch(_RESET, topic, by, why))


_OPEN_BREAKERS = "select topic, opened_at, bad, records from circuit_breakers order by topic"
_OPEN = "insert into circuit_breakers (topic, bad, records) values ($1, $2, $3) on conflict do nothing"
_RESET = """
with reset as (delete from circuit_breakers where topic = $1 returning topic, bad, records)
insert into operator_actions (done_by, what, subject, outcome, why)
select $2, 'breaker reset', topic, bad || ' of ' || records || ' records were bad', $3 from reset
returning subject
"""
