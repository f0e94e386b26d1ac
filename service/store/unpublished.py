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
    """When the oldest was decided."""


async def unpublished(connection: asyncpg.Connection[asyncpg.Record]) -> list[Unpublished]:
    """Return the outputs that wait, of each lane the oldest ROWS_MAX. Raises what asyncpg raises."""
    return [Unpublished(*row) for row in await connection.fetch(_UNPUBLISHED, ROWS_MAX)]


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
