"""Halted orders and stuck orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg


class Halted(NamedTuple):
    """A halted or stuck order, which publishes nothing. `stuck`: the class of its rules' error. `held_at`: since when
    an operator holds it."""

    order_id: str
    stuck: str | None
    held_at: datetime | None


async def halt_of(connection: asyncpg.Connection[asyncpg.Record], order_id: str) -> Halted | None:
    """Return whether the order is halted or stuck; None if it is unknown."""
    row = await connection.fetchrow("select order_id, stuck, held_at from orders where order_id = $1", order_id)
    return None if row is None else Halted(*row)


async def halted(connection: asyncpg.Connection[asyncpg.Record], after: str, limit: int) -> list[Halted]:
    """Return at most `limit` halted or stuck orders after this id, sorted by id."""
    return [Halted(*row) for row in await connection.fetch(_HALTED, after, limit)]


async def hold(connection: asyncpg.Connection[asyncpg.Record], order_id: str, by: str, why: str) -> bool:
    """Halt an order, so that it decides nothing from now on, and record who did it. Return whether it was not halted
    yet."""
    return bool(await connection.fetch(_HOLD, order_id, by, why))


async def note_retry(
    connection: asyncpg.Connection[asyncpg.Record], order_id: str, by: str, why: str | None, outcome: str
) -> None:
    """Record that an operator had an order looked at again, and the outcome."""
    await connection.execute(_NOTE, by, order_id, outcome, why)


_HALTED = """
select order_id, stuck, held_at from orders
where (stuck is not null or held_at is not null) and order_id > $1 order by order_id limit $2
"""
_HOLD = """
with held as (
    update orders set held_at = clock_timestamp() where order_id = $1 and held_at is null returning order_id
)
insert into operator_actions (done_by, what, subject, outcome, why)
select $2, 'order hold', order_id, 'done', $3 from held
returning subject
"""
_NOTE = """
insert into operator_actions (done_by, what, subject, outcome, why) values ($1, 'order retry', $2, $3, $4)
"""
