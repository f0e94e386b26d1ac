"""Journals for people (explain, what-if), read in short transactions beside a running service."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

from service.store.connection import connect_to_look, lend, opened, pool_to_look
from service.store.driver_errors import translated
from service.store.rows import FactRow, PastOutput, PublicationRow, Quarantined, StoreTime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime
    from uuid import UUID

    import asyncpg

PAGE = 500

ROLE = "purchasing_reader"
CONNECT_SECONDS = 3.0

SIZE_MAX = 20_000
"""Facts and outputs of an order that is read for a page; most have fewer than a hundred."""


class RecordedFact(NamedTuple):
    """A fact and when it was received."""

    row: FactRow
    received_at: datetime


class RecordedOutput(NamedTuple):
    """An output and its place. `published`: whether the relay has noted its publication."""

    lane: int
    position: int
    published: bool
    row: PastOutput


class Archived(NamedTuple):
    """The place of an archived order: since when, and the file to which it was exported."""

    at: datetime
    file: str


class OrderHistory(NamedTuple):
    """Everything that the database knows of an order, except its private members."""

    order_id: str
    version: UUID | None
    due_at: datetime | None
    stuck: str | None
    held: bool
    facts: list[RecordedFact]
    """In the order in which they were received."""
    outputs: list[RecordedOutput]
    """By version."""
    publications: list[PublicationRow]
    in_quarantine: list[str]
    """Quarantined records that hold the order up: topic/partition/offset and the reason, those quarantined first before
    the others."""
    quarantined: Sequence[Quarantined] = ()
    """Topic and time of these records."""
    archived: Archived | None = None
    """None: the order is not in the archive."""


class HistoryFilter(NamedTuple):
    """Selection of orders: the one with this id, or those with a fact in a period; None: all."""

    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_ROWS = """
select o.order_id, o.version, o.due_at, o.stuck, o.held_at is not null,
    array(select q.topic || '/' || q.partition || '/' || q."offset" || ' (' || q.reason || ')'
        from quarantined_orders q where q.order_hash = purchasing_order_hash(o.order_id)
        group by q.topic, q.partition, q."offset", q.digest, q.reason, q.at
        order by q.at, q.topic, q.partition, q."offset", q.digest),
    array(select distinct (q.topic, q.at) from quarantined_orders q
        where q.order_hash = purchasing_order_hash(o.order_id)),
    (select row(a.archived_at, f.name) from archived_orders a join archive_files f on f.nth = a.file
        where a.order_id = o.order_id)
from orders o
"""
_THESE = _ROWS + "where o.order_id = any($1::text[]) order by o.order_id"
_ORDERS = (
    _ROWS  # noqa: S608 - constants
    + """
where o.order_id > $1 and ($2::text is null or o.order_id = $2)
    and ($3::timestamptz is null and $4::timestamptz is null or exists (
        select from facts f where f.order_id = o.order_id
            and ($3 is null or f.at >= $3) and ($4 is null or f.at < $4))
        or exists (
        select from archived_fact_rows f where f.order_id = o.order_id
            and ($3 is null or f.at >= $3) and ($4 is null or f.at < $4)))
order by o.order_id limit $5
"""
)
# Of an order, the journals or the archive have rows; both only after `lanes recover` has put lost outputs back.
_FACTS = """
select order_id, source, id, lane, nth, at, type, data, received_at from (
    select order_id, source, id, lane, nth, at, type, data, received_at from facts where order_id = any($1::text[])
    union all
    select order_id, source, id, lane, nth, at, type, data, received_at from archived_fact_rows
    where order_id = any($1::text[])) as f
where $2::timestamptz is null or received_at <= $2 order by order_id, nth
"""
_OUTPUTS = """
select o.lane, o.position, o.position <= coalesce(n.position, 0), o.order_id, o.value, o.timed
from (
    select lane, position, order_id, order_version, value, decided_at, timed from outbox
    where order_id = any($1::text[])
    union all
    select lane, position, order_id, order_version, value, decided_at, timed from archived_output_rows
    where order_id = any($1::text[])) as o
left join relay_notes n on n.lane = o.lane
where $2::timestamptz is null or o.decided_at <= $2
order by o.order_id, o.order_version
"""
_PUBLICATIONS = """
select order_id, order_version, published_at from (
    select order_id, order_version, published_at from publications where order_id = any($1::text[])
    union all
    select order_id, order_version, published_at from archived_publication_rows where order_id = any($1::text[])) as p
where $2::timestamptz is null or published_at <= $2
"""
_SIZE = """
select (select count(*) from (select from facts where order_id = $1 limit $2) as f)
    + (select count(*) from (select from outbox where order_id = $1 limit $2) as o)
    + coalesce((select json_array_length(journal -> 'facts') + json_array_length(journal -> 'outputs')
        from archived_orders where order_id = $1), 0)
"""
_ORDER_THEN = """
select o.order_id, null::uuid, null::timestamptz, null::text,
    coalesce((select a.what = 'order hold' from operator_actions a
        where a.subject = o.order_id and a.what in ('order hold', 'order release') and a.outcome = 'done' and a.at <= $2
        order by a.nth desc limit 1), false),
    array(select q.topic || '/' || q.partition || '/' || q."offset" || ' (' || q.reason || ')'
        from records q order by q.at, q.topic, q.partition, q."offset"),
    array(select distinct (q.topic, q.at) from records q),
    (select row(a.archived_at, f.name) from archived_orders a join archive_files f on f.nth = a.file
        where a.order_id = o.order_id)
from orders o where o.order_id = $1
"""
_RECORDS_THEN = """
with records as materialized (
    select q.topic, q.partition, q."offset", q.reason, q.at
    from quarantine_candidates c join quarantine q using (topic, partition, "offset", digest)
    where c.order_hash = purchasing_order_hash($1) and q.at <= $2 and (q.resolved_at is null or q.resolved_at > $2)
)
"""
_CLOCK = """
select clock_timestamp(),
    (select case when count(*) = count(watermark) then min(watermark) end from input_progress)
"""


class OrderHistories:
    """Order histories from one connection. Create it with `open_histories`."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Use `open_histories` instead."""
        self.connection = connection

    async def clock(self) -> StoreTime:
        """Return the clock's time and the watermark."""
        async with translated():
            row = await self.connection.fetchrow(_CLOCK)
        assert row is not None
        return StoreTime(row[0], row[1])

    async def of(self, order_id: str) -> OrderHistory | None:
        """Return one order's history; None if the order is unknown. Raises StoreUnavailableError."""
        return next(iter(await self._page("", HistoryFilter(order_id), 1)), None)

    async def at(self, order_id: str, instant: datetime) -> OrderHistory | None:
        """Return what was known of one order then; None if no message about the order has been received by now.

        Whether it was stuck is not recorded: `stuck` is None. `published` of an output says how far it got since.
        Raises StoreUnavailableError.
        """
        async with translated(), self.connection.transaction(isolation="repeatable_read", readonly=True):
            row = await self.connection.fetchrow(_RECORDS_THEN + _ORDER_THEN, order_id, instant)
            if row is None:
                return None
            then = [Quarantined(*one) for one in row[6]]
            history = OrderHistory(row[0], row[1], row[2], row[3], row[4], [], [], [], row[5], then, _archived(row[7]))
            await self._fill({order_id: history}, instant)
        return history

    async def size(self, order_id: str) -> int:
        """Return how many facts and outputs an order has, counted up to a little above SIZE_MAX."""
        async with translated():
            return int(await self.connection.fetchval(_SIZE, order_id, SIZE_MAX + 1))

    async def all(self, which: HistoryFilter = HistoryFilter(), page: int = PAGE) -> AsyncIterator[list[OrderHistory]]:  # noqa: B008
        """Yield the histories sorted by id, in pages, each page in a transaction of its own."""
        after = ""
        while histories := await self._page(after, which, page):
            yield histories
            after = histories[-1].order_id

    async def count(self) -> int:
        """Return an estimate of the number of orders, for progress reports."""
        async with translated():
            return int(
                await self.connection.fetchval(
                    "select greatest(reltuples, 0)::bigint from pg_class where oid = 'orders'::regclass"
                )
                or 0
            )

    async def these(self, order_ids: Sequence[str]) -> list[OrderHistory]:
        """Return the histories of the known ones of a few orders, by id. Raises StoreUnavailableError."""
        async with translated(), self.connection.transaction(isolation="repeatable_read", readonly=True):
            return await self._read(await self.connection.fetch(_THESE, order_ids))

    async def _page(self, after: str, which: HistoryFilter, limit: int) -> list[OrderHistory]:
        async with translated(), self.connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await self.connection.fetch(_ORDERS, after, which.order_id, which.since, which.until, limit)
            return await self._read(rows)

    async def _read(self, rows: Sequence[asyncpg.Record]) -> list[OrderHistory]:
        histories = {
            row[0]: OrderHistory(
                row[0],
                row[1],
                row[2],
                row[3],
                row[4],
                [],
                [],
                [],
                row[5],
                [Quarantined(*one) for one in row[6]],
                _archived(row[7]),
            )
            for row in rows
        }
        await self._fill(histories, None)
        return list(histories.values())

    async def _fill(self, histories: dict[str, OrderHistory], instant: datetime | None) -> None:
        """Read the journals of these orders, as they were at an instant; None: as they are."""
        order_ids = list(histories)
        for row in await self.connection.fetch(_FACTS, order_ids, instant):
            histories[row[0]].facts.append(RecordedFact(FactRow(*tuple(row)[:8]), row[8]))
        for row in await self.connection.fetch(_OUTPUTS, order_ids, instant):
            histories[row[3]].outputs.append(RecordedOutput(row[0], row[1], row[2], PastOutput(*tuple(row)[3:])))
        for row in await self.connection.fetch(_PUBLICATIONS, order_ids, instant):
            histories[row[0]].publications.append(PublicationRow(*row))


def _archived(found: tuple[datetime, str] | None) -> Archived | None:
    return None if found is None else Archived(*found)


class Readers:
    """A pool of connections that only read, as the role `purchasing_reader`, each statement bounded in time."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """Use `open`."""
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, connections: int, statement_seconds: int) -> AsyncIterator[Self]:
        """Make the pool; connections are made when they are needed, so the database may be away."""
        pool = pool_to_look(
            url,
            min_size=0,
            max_size=connections,
            settings={
                "application_name": "purchasing console",
                "role": ROLE,
                "statement_timeout": f"{statement_seconds}s",
                "lock_timeout": "1s",
                "idle_in_transaction_session_timeout": f"{2 * statement_seconds}s",
                "jit": "off",
            },
            connect_seconds=CONNECT_SECONDS,
            command_timeout=statement_seconds + 1.0,
        )
        async with opened(pool):
            yield cls(pool)

    @asynccontextmanager
    async def histories(self) -> AsyncIterator[OrderHistories]:
        """Lend a connection. Raises StoreError; StoreUnavailableError also where none is free in time."""
        async with lend(self._pool, CONNECT_SECONDS) as connection:
            yield OrderHistories(connection)


@asynccontextmanager
async def open_histories(dsn: str) -> AsyncIterator[OrderHistories]:
    """Connect for reading only. Raises StoreError."""
    connection = await connect_to_look(dsn, settings={"application_name": "purchasing reader", "jit": "off"})
    try:
        yield OrderHistories(connection)
    finally:
        connection.terminate()
