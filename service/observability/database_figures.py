"""Figures of orders, outputs, deadlines, quarantine and pauses: indexed counts, read at one instant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.orders.awaiting import QUARANTINE, WAITS
from service.store.connection import connect_to_look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
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
class WaitingOrders:
    """Orders that wait for one thing: their number, since when the first waits, and their money in minor units per
    currency, where there is an amount."""

    count: int
    since: datetime | None
    amounts: dict[str, int] = field(default_factory=dict)


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


async def census(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, WaitingOrders] | None:
    """Count waiting orders by what they wait for. None if another worker is counting.

    Reads every waiting order through an index, so it runs every few minutes and not with each poll. Raises what asyncpg
    raises, OSError and TimeoutError (after CENSUS_SECONDS).
    """
    one_instant = connection.transaction(isolation="repeatable_read", readonly=True)
    async with asyncio.timeout(CENSUS_SECONDS), one_instant:
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", CENSUS_LOCK):
            return None
        await connection.execute(f"set local statement_timeout = {int(CENSUS_SECONDS * 1000)}")
        found = {what: WaitingOrders(0, None) for what in WAITS}
        for what, currency, count, since, amount in await connection.fetch(_WAITING, None, timeout=CENSUS_SECONDS):
            before = found[what]
            amounts = before.amounts if amount is None else {**before.amounts, currency: int(amount)}
            found[what] = WaitingOrders(before.count + count, min(since, before.since or since), amounts)
        return found


async def waiting_orders(
    connection: asyncpg.Connection[asyncpg.Record], what: str | None
) -> AsyncIterator[tuple[str, str, datetime]]:
    """Yield waiting orders, for one of WAITS or for all, the longest wait first: id, what for, since when.

    Raises what asyncpg raises.
    """
    async with connection.transaction(readonly=True):
        async for order_id, waits_for, since in connection.cursor(_WAITING_ORDERS, what, prefetch=PREFETCH):
            yield order_id, waits_for, since


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

# An id that occurs only in quarantined records is no order: it has no version.
_HELD_UP = f"""
select o.order_id, min(q.at) as since
from quarantined_orders q join orders o on purchasing_order_hash(o.order_id) = q.order_hash
where o.version is not null and ($1::text is null or $1 = '{QUARANTINE}') group by o.order_id
"""  # noqa: S608 - constants
_WAITING = f"""
select w.key, w.value ->> 'currency', count(*), to_timestamp(min((w.value ->> 'since')::bigint) / 1000000.0),
    sum((w.value ->> 'amount')::bigint)
from orders, json_each(waits) as w where waits is not null group by 1, 2
union all
select '{QUARANTINE}', null, count(*), min(since), null from ({_HELD_UP}) as held_up having count(*) > 0
"""  # noqa: S608 - constants
_WAITING_ORDERS = f"""
select order_id, w.key, to_timestamp((w.value ->> 'since')::bigint / 1000000.0) as since
from orders, json_each(waits) as w
where waits is not null and ($1::text is null or w.key = $1)
union all
select order_id, '{QUARANTINE}', since from ({_HELD_UP}) as held_up
order by since, order_id, key
"""  # noqa: S608 - constants
