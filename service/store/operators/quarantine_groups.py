"""Open quarantined records in groups: those of one topic, reason, place and sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated
from service.store.operators.quarantine import QuarantinedRecord, page_of_group

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from service.store.rows import RecordIdentity

GROUPS_MAX = 200
RECORDS_SHOWN = 50


class Group(NamedTuple):
    """The common values of a group. `place` has `*` for numbers: /data/items/0 and /data/items/7 are one place."""

    topic: str
    reason: str
    place: str
    source: str | None
    """The sender; None: it could not be read."""


class Behind(NamedTuple):
    """Money that orders wait for which a group's records hold up."""

    amount: int
    currency: str | None


class GroupFigures(NamedTuple):
    """A group, how many records it has, and what it holds up."""

    group: Group
    records: int
    first: datetime
    last: datetime
    orders: int
    """Existing orders that the records may concern."""
    behind: Sequence[Behind]
    """By currency, the money behind everything that these orders wait for, in minor units."""


async def groups(connection: asyncpg.Connection[asyncpg.Record]) -> list[GroupFigures]:
    """Return the groups, the largest first, at most GROUPS_MAX. Raises StoreError."""
    async with translated(), connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(_GROUPS, GROUPS_MAX)
        held = await connection.fetch(_HELD_UP)
    orders: dict[Group, int] = {}
    behind: dict[Group, list[Behind]] = {}
    for row in held:
        group = Group(*tuple(row)[:4])
        orders[group] = row[4]
        if row[5] is not None:
            behind.setdefault(group, []).append(Behind(int(row[6]), row[5]))
    found = [(Group(*tuple(row)[:4]), row) for row in rows]
    return [
        GroupFigures(group, row[4], row[5], row[6], orders.get(group, 0), behind.get(group, ())) for group, row in found
    ]


async def records_of(
    connection: asyncpg.Connection[asyncpg.Record], group: Group, after: RecordIdentity | None
) -> list[QuarantinedRecord]:
    """Return records of a group after `after`, sorted by place, at most RECORDS_SHOWN. Raises StoreError."""
    condition = f"""q.resolved_at is null and q.topic = $1 and q.reason = $2 and {PLACE} = $3
        and q.source is not distinct from $4"""
    return await page_of_group(connection, condition, group, after, RECORDS_SHOWN)


PLACE = "regexp_replace(q.place, '/[0-9]+', '/*', 'g')"
_GROUPS = f"""
select q.topic, q.reason, {PLACE} as place, q.source, count(*), min(q.at), max(q.at)
from quarantine q where q.resolved_at is null
group by 1, 2, 3, 4 order by count(*) desc, max(q.at) desc, 1, 2, 3, 4 limit $1
"""  # noqa: S608 - constants
# An order's waits count once per group, however many of its records hold the order up.
_HELD_UP = f"""
with held as (
    select distinct q.topic, q.reason, {PLACE} as place, q.source, o.order_id
    from quarantine q
    join quarantined_orders h using (topic, partition, "offset", digest)
    join orders o on purchasing_order_hash(o.order_id) = h.order_hash
    where q.resolved_at is null and o.version is not null
), orders_of as (
    select topic, reason, place, source, count(*) as orders from held group by 1, 2, 3, 4
), money as (
    select h.topic, h.reason, h.place, h.source, w.currency, sum(w.amount) as amount
    from held h join orders o using (order_id),
        json_to_recordset(o.waits) as w (amount bigint, currency text)
    where w.amount is not null group by 1, 2, 3, 4, 5
)
select n.topic, n.reason, n.place, n.source, n.orders, m.currency, m.amount
from orders_of n left join money m on (m.topic, m.reason, m.place) = (n.topic, n.reason, n.place)
    and m.source is not distinct from n.source
order by 1, 2, 3, 4, 6
"""  # noqa: S608 - constants
