"""The store on PostgreSQL: sessions that can't block others for long, and transactions with translated errors."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from service.store.batch import PostgresBatch
from service.store.connection import pool_of
from service.store.driver_errors import translated
from service.store.errors import SchemaError
from service.store.rows import INSTALLATION, Installation, ProgressRow, StoreTime
from service.store.timeline import AGREED_AT, Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from service.store.protocol import Batch

CONNECTIONS = 4
NEVER = 1 << 60
CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits of a session, in milliseconds, enforced by the server.

    A worker that is frozen between the lane lock and the commit blocks all others; the server ends its session after
    `idle`.
    """

    lock: int = 5_000
    """Wait for a lock; then the batch is rolled back and retried."""
    idle: int = 10_000
    """Pause between two statements of a transaction. The rules run there, but seconds mean a frozen process."""
    transaction: int = 30_000
    """A whole transaction. PostgreSQL 17 and later."""
    client: int = 40_000
    """On this program's side, for a server that does not answer at all."""

    def settings(self) -> dict[str, str]:
        """Return these limits as session settings, with those that keep plans on indexes however old the statistics
        are.

        A session's own settings override those of its role, database and server, even if these change.
        """
        return {
            "application_name": "purchasing",
            "lock_timeout": str(self.lock),
            "idle_in_transaction_session_timeout": str(self.idle),
            "transaction_timeout": str(self.transaction),
            # A commit must survive a crash, which does not change the database's timeline; with `off` it might not.
            "synchronous_commit": "on",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "enable_seqscan": "off",
            # The arrays of a statement differ in length only: planning it anew for each costs more than running it.
            "plan_cache_mode": "force_generic_plan",
            "jit": "off",
        }


_HAS_READ_LESS = """
select exists (
    select from unnest($1::text[], $2::integer[], $3::timestamptz[]) as n (topic, partition, watermark)
    left join input_progress p using (topic, partition)
    where p.watermark is null or p.watermark < n.watermark
)
"""

TimeSource: TypeAlias = "Callable[[StoreTime], StoreTime]"
"""Maps the server's time to the time that the service uses."""


def _server_clock(instant: StoreTime) -> StoreTime:
    return instant


class PostgresStore:
    """The store on PostgreSQL (17 or later). Create it with `open`, end it with `close`."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        installation: Installation,
        opened: list[int],
        timeline: Timeline,
        clock: TimeSource,
    ) -> None:
        """Use `open` instead."""
        self._timeline = timeline
        self._pool = pool
        self._installation = installation
        self._opened = opened
        self._clock = clock

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        connections: int = CONNECTIONS,
        limits: SessionLimits | None = None,
        clock: TimeSource = _server_clock,
        timeline: Timeline | None = None,
        role: str | None = None,
    ) -> Self:
        """Connect to a migrated database.

        All connections are made now, so that a later new one means that an old one was lost (see `epoch`). A call that
        needs a new connection raises DatabaseMovedError if the database has another timeline than `timeline` by then.
        `timeline` is that of the process's other connections, or of the first one made here. `clock` replaces the
        server's instant (for tests and the demo, where days pass quickly). `role`: taken on by each connection.
        Raises StoreUnavailableError, and SchemaError if there is no installation.
        """
        limits = limits or SessionLimits()
        opened, timeline = [0], timeline or Timeline()

        async def count(_: Any) -> None:
            opened[0] += 1

        async with translated():
            pool = await pool_of(
                dsn,
                timeline,
                then=count,
                min_size=connections,
                max_size=connections,
                max_queries=NEVER,
                max_inactive_connection_lifetime=0,
                max_cached_statement_lifetime=0,
                settings=limits.settings() | ({} if role is None else {"role": role}),
                connect_seconds=limits.client / 1000,
                command_timeout=limits.client / 1000,
            )
            try:
                installation = await _installation(pool)
            except BaseException:
                pool.terminate()
                raise
        return cls(pool, installation, opened, timeline, clock)

    async def close(self) -> None:
        """Close the connections, after some seconds for running statements to end."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @property
    def installation(self) -> Installation:
        """The installation, created by the migration."""
        return self._installation

    @property
    def timeline(self) -> Timeline:
        """The database's timeline with which each connection was compared, for other connections of this process."""
        return self._timeline

    @property
    def epoch(self) -> int:
        """Number of connections made so far."""
        return self._opened[0]

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Begin a transaction. It is read committed: after a wait for a lock, its next statement sees what was
        committed meanwhile."""
        async with translated(), self._pool.acquire() as connection, connection.transaction():
            yield PostgresBatch(connection, self._clock, self._installation.lanes)

    async def clock(self) -> StoreTime:
        """Return the service's time and the watermark over all partitions."""
        async with self.batch() as batch:
            return (await batch.look(())).instant

    async def server_time(self) -> datetime:
        """Return the server's own clock, which watermarks use, even if the service uses another time."""
        at: datetime = (await self.fetch("select clock_timestamp()"))[0][0]
        return at

    async def note_progress(self, rows: Sequence[ProgressRow]) -> None:
        """Store watermarks of partitions, without a batch."""
        async with self.batch() as batch:
            await batch.progress(rows)

    async def watermarks(self) -> dict[tuple[str, int], datetime | None]:
        """Return the watermark per topic and partition; None: nothing is known of that partition."""
        rows = await self.fetch("select topic, partition, watermark from input_progress")
        return {(row[0], row[1]): row[2] for row in rows}

    async def input_agrees(self) -> bool:
        """Return whether the input's offsets were compared with this database since it was last failed over, restored
        or created.

        A database that an earlier version used counts as compared.
        """
        (row,) = await self.fetch(
            "select exists (select from input_agreements where timeline = $1)"
            " or exists (select from input_progress) and not exists (select from input_agreements)",
            self._timeline.known,
        )
        return bool(row[0])

    async def note_input_agrees(self, noted: Mapping[tuple[str, int], datetime | None]) -> None:
        """Record that the offsets were compared, with a database that had the watermarks `noted`.

        Raises DatabaseMovedError if this database's watermarks are lower, because it is then not the one that was
        compared.
        """
        timeline = self._timeline
        known = {place: at for place, at in noted.items() if at is not None}
        topics, partitions = [topic for topic, _ in known], [partition for _, partition in known]
        async with translated(), self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(_HAS_READ_LESS, topics, partitions, list(known.values())):
                raise timeline.moved(timeline.known)
            await connection.execute(
                "insert into input_agreements (timeline) values ($1) on conflict do nothing", timeline.known
            )
            agreed_at = await connection.fetchval(AGREED_AT, timeline.known)
        # After the commit: a connection that is compared before it would miss the row, and report another database.
        timeline.agreed_at = agreed_at

    async def earliest_due(self) -> tuple[datetime, str] | None:
        """Return the earliest deadline and its order (the lowest id of several); None if there is none."""
        rows = await self.fetch(
            "select due_at, order_id from orders"
            " where due_at is not null and stuck is null and held_at is null order by due_at, order_id limit 1"
        )
        return (rows[0][0], rows[0][1]) if rows else None

    async def stuck(self, limit: int, after: str = "") -> list[str]:
        """Return the ids of at most `limit` stuck orders after the id `after`, sorted."""
        rows = await self.fetch(
            "select order_id from orders where stuck is not null and order_id > $2 order by order_id limit $1",
            limit,
            after,
        )
        return [row[0] for row in rows]

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one query by itself. Raises StoreUnavailableError."""
        async with translated():
            return await self._pool.fetch(query, *arguments)


async def _installation(pool: asyncpg.Pool[asyncpg.Record]) -> Installation:
    row = await pool.fetchrow(INSTALLATION)
    if row is None:
        raise SchemaError("the database has tables but no installation: run `python -m service migrate`")
    return Installation(*row)
