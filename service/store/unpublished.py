"""Outputs that are decided and not published: of which topics, since when, and for how much money."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

ROWS_MAX = 1_000
"""Outputs read per lane, the oldest first."""


class Unpublished(NamedTuple):
    """The outputs of a topic, and of a currency where they are commands with an amount."""

    topic: str
    currency: str | None
    outputs: int
    amount: int | None
    """The sum of the commands' amounts, in minor units."""
    since: datetime
    """The instant of the oldest decision."""


async def unpublished(connection: asyncpg.Connection[asyncpg.Record]) -> list[Unpublished]:
    """Return the outputs that wait, of each lane the oldest ROWS_MAX. Raises what asyncpg raises."""
    return [Unpublished(*row) for row in await connection.fetch(_UNPUBLISHED, ROWS_MAX)]


class WaitingOutput(NamedTuple):
    """An output that is not published; `order_id` None: a notice about a record."""

    lane: int
    position: int
    order_id: str | None
    topic: str
    value: bytes


async def waiting_outputs(connection: asyncpg.Connection[asyncpg.Record], lane: int, limit: int) -> list[WaitingOutput]:
    """Return the outputs of a lane (-1: of all) that wait, at most `limit`. Raises what asyncpg raises."""
    return [WaitingOutput(*row) for row in await connection.fetch(_WAITING, lane, limit)]


async def outputs_between(
    connection: asyncpg.Connection[asyncpg.Record], lane: int, after: int, to: int, limit: int
) -> list[WaitingOutput]:
    """Return the outputs of a lane after a position up to another, at most `limit`. Raises what asyncpg raises."""
    return [WaitingOutput(*row) for row in await connection.fetch(_BETWEEN, lane, after, to, limit)]


_WAITING = """
select o.lane, o.position, o.order_id, o.topic, o.value
from lanes l left join relay_notes n using (lane)
cross join lateral (
    select lane, position, order_id, topic, value from outbox
    where lane = l.lane and position > coalesce(n.position, 0) order by position limit $2
) as o
where $1::smallint = -1 or l.lane = $1
order by o.lane, o.position limit $2
"""
_BETWEEN = """
select lane, position, order_id, topic, value from outbox
where lane = $1 and position > $2 and position <= $3 order by position limit $4
"""
# Only commands move money; a decision's amount says what somebody owes or is owed.
_UNPUBLISHED = """
select topic, amount ->> 'currency' as currency, count(*), sum((amount ->> 'value')::bigint)::bigint, min(decided_at)
from (
    select o.topic, o.decided_at, case when o.topic like 'purchasing.commands.%'
        then convert_from(o.value, 'UTF8')::json #> '{data,amount}' end as amount
    from lanes l left join relay_notes n using (lane)
    cross join lateral (
        select topic, decided_at, value from outbox
        where lane = l.lane and position > coalesce(n.position, 0) order by position limit $1
    ) as o
) as waiting
group by topic, currency order by topic, currency
"""
