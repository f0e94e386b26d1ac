"""Figures of orders, outputs, deadlines, quarantine and pauses: indexed counts, read at one instant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from service.rules.facts import instant, micros
from service.rules.waits import RECORD, WAIT_KINDS
from service.store.connection import connect_to_look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from datetime import datetime

    import asyncpg

    from service.store.driver import Connection

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 5.0
CENSUS_SECONDS = 30.0
PREFETCH = 500
CENSUS_LOCK = 4_851_622_302
"""The advisory lock for the census: one worker counts at a time. An arbitrary number that never changes."""


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """The unpublished outputs of a lane, and since when the oldest waits (None: there are none)."""

    lane: int
    unpublished: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures at `at`, by the database's clock. `watermark` is None until every partition was read to its end."""

    at: datetime
    watermark: datetime | None
    unknown: int
    """Partitions never read to their end."""
    due: int
    overdue: int
    overdue_since: datetime | None
    stuck: int
    held: int
    lanes: tuple[LaneFigures, ...]
    quarantine: Mapping[str, int]
    quarantine_since: datetime | None
    open_breakers: frozenset[str]
    pauses: Mapping[int, str]
    """Lane (-1: all lanes) to who paused it."""
    progress: Mapping[tuple[str, int], datetime | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaitFigures:
    """The waits of one kind over all orders: their number, how many are overdue, since when the oldest stands, and
    their money in minor units per currency, where there is an amount."""

    count: int
    overdue: int
    since: datetime | None
    amounts: dict[str, int] = field(default_factory=dict)


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


async def figures(connection: asyncpg.Connection[asyncpg.Record]) -> Figures:
    """Read all figures at one instant. Raises what asyncpg raises, OSError and TimeoutError."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        at = await connection.fetchval("select clock_timestamp()")
        progress = await connection.fetch("select topic, partition, watermark from input_progress")
        known = [row[2] for row in progress if row[2] is not None]
        watermark = min(known) if progress and len(known) == len(progress) else None
        orders = await connection.fetchrow(_ORDERS, at, None if watermark is None else min(at, watermark))
        lanes = await connection.fetch(_LANES)
        quarantine = await connection.fetch(_QUARANTINE)
        breakers = await connection.fetch("select topic from circuit_breakers")
        pauses = await connection.fetch("select lane, paused_by from outbox_pauses")
    assert orders is not None
    return Figures(
        at=at,
        watermark=watermark,
        unknown=len(progress) - len(known),
        due=orders["due"],
        overdue=orders["overdue"],
        overdue_since=orders["since"],
        stuck=orders["stuck"],
        held=orders["held"],
        lanes=tuple(LaneFigures(*row) for row in lanes),
        quarantine={row["reason"]: row["open"] for row in quarantine},
        quarantine_since=min((row["since"] for row in quarantine), default=None),
        open_breakers=frozenset(row[0] for row in breakers),
        pauses=dict(map(tuple, pauses)),
        progress={(row[0], row[1]): row[2] for row in progress},
    )


async def census(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, WaitFigures] | None:
    """Count what orders wait for, by kind. None if another worker is counting.

    Reads every waiting order through an index, so it runs every few minutes and not with each poll. Raises what asyncpg
    raises, OSError and TimeoutError (after CENSUS_SECONDS).
    """
    one_instant = connection.transaction(isolation="repeatable_read", readonly=True)
    async with asyncio.timeout(CENSUS_SECONDS), one_instant:
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", CENSUS_LOCK):
            return None
        await connection.execute(f"set local statement_timeout = {int(CENSUS_SECONDS * 1000)}")
        found = {what: WaitFigures(0, 0, None) for what in WAIT_KINDS}
        for what, currency, count, overdue, since, amount in await connection.fetch(_CENSUS, timeout=CENSUS_SECONDS):
            before, first = found[what], instant(since)
            amounts = before.amounts if amount is None else {**before.amounts, currency: int(amount)}
            oldest = min(first, before.since or first)
            found[what] = WaitFigures(before.count + count, before.overdue + overdue, oldest, amounts)
        return found


async def order_waits(
    connection: asyncpg.Connection[asyncpg.Record], kinds: Collection[str], *, only_overdue: bool = False
) -> AsyncIterator[OrderWait]:
    """Yield what orders wait for, of these kinds, the oldest first: what the census counts. Raises what asyncpg
    raises."""
    async with connection.transaction():
        now = micros(await connection.fetchval("select instant from purchasing_clock(null)"))
        async for row in connection.cursor(_ORDER_WAITS, list(kinds), now, only_overdue, prefetch=PREFETCH):
            order_id, what, ref, since, until, is_overdue, amount, currency = row
            last = None if until is None else instant(until)
            yield OrderWait(order_id, what, ref, instant(since), last, is_overdue, amount, currency)


_ORDERS = """
select (select count(*) from orders where due_at < $2::timestamptz and stuck is null and held_at is null) as due,
    (select count(*) from orders where due_at < $1::timestamptz and stuck is null and held_at is null) as overdue,
    (select min(due_at) from orders where due_at < $1::timestamptz and stuck is null and held_at is null) as since,
    (select count(*) from orders where stuck is not null) as stuck,
    (select count(*) from orders where held_at is not null) as held
"""

_LANES = """
select l.lane::int, greatest(0, l.position - coalesce(n.position, 0)) as unpublished,
    (select o.decided_at from outbox o where o.lane = l.lane and o.position = coalesce(n.position, 0) + 1) as oldest_at
from lanes l left join relay_notes n using (lane) order by l.lane
"""

_QUARANTINE = """
select reason, count(*) as open, min(at) as since from quarantine where resolved_at is null group by reason
"""

# Records in quarantine are not stored with the orders they hold up: they are found where they lie. An id that stands
# only in quarantined records is no order: it has no version.
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
select what, currency, count(*), count(*) filter (where until < extract(epoch from clock_timestamp()) * 1000000),
    min(since), sum(amount)
from {_WAITS} as w group by 1, 2
"""  # noqa: S608 - constants
_ORDER_WAITS = f"""
select order_id, what, ref, since, until, coalesce(until < $2, false), amount, currency
from {_WAITS} as w where what = any($1::text[]) and (not $3 or until < $2) order by since, order_id, what, ref
"""  # noqa: S608 - constants
