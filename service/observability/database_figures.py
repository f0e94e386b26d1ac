"""Figures of orders, outputs, deadlines, quarantine and pauses: indexed counts, read at one instant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from service.observability.quarantine_periods import QuarantinePeriods
from service.rules.facts import instant, micros
from service.rules.waits import RECORD
from service.store.connection import connect_to_look
from service.store.operators.archive import GROWING, SIZES, TableSize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import datetime
    from typing import Any

    import asyncpg
    from asyncpg import Record

    from service.store.driver import Connection

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 5.0
CENSUS_SECONDS = 30.0
PREFETCH = 500
CENSUS_LOCK = 4_851_622_302
"""The advisory lock for the census: one worker counts at a time. An arbitrary number that never changes."""


class Figures(NamedTuple):
    """The rows of each query, as it returns them, all read at one instant."""

    totals: Record
    """`at`: the instant, by the database's clock. `watermark`: None until every partition was read to its end.
    `unknown`: the number of partitions never read to their end. Numbers of orders: `due`, `overdue`, `stuck`, `held`.
    `overdue_since`: the first overdue deadline, or None."""
    lanes: Sequence[Record]
    """`lane`, the number of its `unpublished` outputs, and `oldest_at`: since when the oldest waits, or None."""
    quarantine: Sequence[Record]
    """Open records: `reason`, their number `open`, and `since` when the oldest lies there."""
    open_breakers: Sequence[Record]
    """`topic`"""
    pauses: Sequence[Record]
    """`lane` (-1: all lanes), and who paused it: `paused_by`."""
    progress: Sequence[Record]
    """`topic`, `partition`, and its `watermark` or None."""
    tables: Sequence[TableSize] = ()
    """The growing tables."""


class OrderWait(NamedTuple):
    """One thing that an order waits for (`service.rules.waits`), as it stands by the database's clock."""

    order_id: str
    what: str
    ref: str
    since: datetime
    """Since when the service knows that the order waits for it."""
    until: datetime | None
    is_overdue: bool
    """Whether `until` has passed."""
    amount: int | None
    """In minor units."""
    currency: str | None


async def connect(url: str) -> Connection:
    """Open a read-only connection. Raises StoreError."""
    return await connect_to_look(
        url,
        connect_seconds=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        settings={
            "application_name": "purchasing-look",
            "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
            "jit": "off",
            # These queries may take longer, but must leave the other cores to the work.
            "max_parallel_workers_per_gather": "0",
        },
    )


async def figures(connection: asyncpg.Connection[Record]) -> Figures:
    """Read all figures at one instant. Raises what asyncpg raises, OSError and TimeoutError."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        totals = await connection.fetchrow(_TOTALS)
        assert totals is not None
        return Figures(
            totals=totals,
            lanes=await connection.fetch(_LANES),
            quarantine=await connection.fetch(_QUARANTINE),
            open_breakers=await connection.fetch("select topic from circuit_breakers"),
            pauses=await connection.fetch("select lane, paused_by from outbox_pauses"),
            progress=await connection.fetch("select topic, partition, watermark from input_progress"),
            tables=[TableSize(*row) for row in await connection.fetch(SIZES, list(GROWING))],
        )


def furthest_behind(figures: Figures) -> tuple[str, int] | None:
    """Return topic and partition with the lowest watermark; None if no partition was read yet."""
    at = figures.totals["at"]
    behind = min(
        figures.progress,
        key=lambda row: (row["watermark"] is not None, row["watermark"] or at, row["topic"], row["partition"]),
        default=None,
    )
    return None if behind is None else (behind["topic"], behind["partition"])


async def census(connection: asyncpg.Connection[Record]) -> list[dict[str, Any]] | None:
    """Count what orders wait for: one row per kind and currency. None if another worker is counting.

    A row has `what` and `currency`; the number of waits, `count`; how many are `overdue`; `since` when the oldest
    stands, in microseconds since 1970; and their money, `amount`, in minor units. Waits without money have None as
    `currency` and `amount`.

    Reads every waiting order through an index, so it runs every few minutes and not with each poll. Raises what asyncpg
    raises, OSError and TimeoutError (after CENSUS_SECONDS).
    """
    one_instant = connection.transaction(isolation="repeatable_read", readonly=True)
    async with asyncio.timeout(CENSUS_SECONDS), one_instant:
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", CENSUS_LOCK):
            return None
        await connection.execute(f"set local statement_timeout = {int(CENSUS_SECONDS * 1000)}")
        rows = await connection.fetch(_CENSUS, timeout=CENSUS_SECONDS)
        periods = await QuarantinePeriods.of(connection)
        found = [dict(row) for row in rows]
        for one in found:
            if one["what"] == RECORD:
                one["overdue"] = await _overdue_records(connection, periods)
        return found


async def _overdue_records(connection: asyncpg.Connection[Record], periods: QuarantinePeriods) -> int:
    """Count the waits for quarantined records whose last instant has passed."""
    if not periods.are_limited:
        return 0
    overdue = 0
    now = micros(await connection.fetchval("select clock_timestamp()"))
    cursor = await connection.cursor(_ORDER_WAITS, [RECORD], now, False)
    while rows := await cursor.fetch(PREFETCH):
        ends = await periods.ends([(row["order_id"], row["since"]) for row in rows])
        for row in rows:
            end = ends.get((row["order_id"], row["since"]))
            overdue += end is not None and end < now
    return overdue


async def order_waits(
    connection: asyncpg.Connection[Record], kinds: Collection[str], *, only_overdue: bool = False
) -> AsyncIterator[OrderWait]:
    """Yield what orders wait for, of these kinds, the oldest first: what the census counts. Raises what asyncpg
    raises."""
    async with connection.transaction():
        now = micros(await connection.fetchval("select instant from purchasing_clock(null)"))
        periods = await QuarantinePeriods.of(connection)
        cursor = await connection.cursor(_ORDER_WAITS, list(kinds), now, only_overdue)
        while rows := await cursor.fetch(PREFETCH):
            ends = await periods.ends([(row["order_id"], row["since"]) for row in rows if row["what"] == RECORD])
            for order_id, what, ref, since, stored, amount, currency in rows:
                until = ends.get((order_id, since)) if what == RECORD else stored
                is_overdue = until is not None and until < now
                if is_overdue or not only_overdue:
                    last = None if until is None else instant(until)
                    yield OrderWait(order_id, what, ref, instant(since), last, is_overdue, amount, currency)


_TOTALS = """
with input as (
    select clock_timestamp() as at, case when count(*) = count(watermark) then min(watermark) end as watermark,
        count(*) - count(watermark) as unknown
    from input_progress
)
select at, watermark, unknown,
    (select count(*) from orders where due_at < at and due_at < watermark and stuck is null and held_at is null) as due,
    (select count(*) from orders where due_at < at and stuck is null and held_at is null) as overdue,
    (select min(due_at) from orders where due_at < at and stuck is null and held_at is null) as overdue_since,
    (select count(*) from orders where stuck is not null) as stuck,
    (select count(*) from orders where held_at is not null) as held
from input
"""

_LANES = """
select l.lane::int, greatest(0, l.position - coalesce(n.position, 0)) as unpublished,
    (select o.decided_at from outbox o where o.lane = l.lane and o.position = coalesce(n.position, 0) + 1) as oldest_at
from lanes l left join relay_notes n using (lane) order by l.lane
"""

_QUARANTINE = """
select reason, count(*) as open, min(at) as since from quarantine where resolved_at is null group by reason
"""

# Records in quarantine are not stored with the orders they hold up: they are found where they lie, and their last
# instant is computed from the order's terms (`quarantine_periods.py`). An id that stands only in quarantined records is
# no order: it has no version.
_WAITS = f"""
(select o.order_id, w.what, coalesce(w.ref, '') as ref, w.since, w.until, w.amount, w.currency
from orders o, json_to_recordset(o.waits)
    as w (what text, ref text, since bigint, until bigint, amount bigint, currency text)
where o.is_waiting
union all
select distinct o.order_id, '{RECORD}', q.topic, (extract(epoch from q.at) * 1000000)::bigint, null::bigint,
    null::bigint, null
from quarantined_orders q join orders o on purchasing_order_hash(o.order_id) = q.order_hash
where o.version is not null)
"""  # noqa: S608 - constants
_CENSUS = f"""
select what, currency, count(*) as count,
    count(*) filter (where until < extract(epoch from clock_timestamp()) * 1000000) as overdue,
    min(since) as since, sum(amount) as amount
from {_WAITS} as w group by what, currency order by what, currency
"""  # noqa: S608 - constants
_ORDER_WAITS = f"""
select order_id, what, ref, since, until, amount, currency from {_WAITS} as w
where what = any($1::text[]) and (not $3 or until < $2 or what = '{RECORD}') order by since, order_id, what, ref
"""  # noqa: S608 - constants
