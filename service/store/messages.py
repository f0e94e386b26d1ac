"""Look-ups for one message: the facts with its id or of its order, and how far its partition was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.driver_errors import translated
from service.store.search import is_searchable

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

FACTS_MAX = 100


class ReceivedMessage(NamedTuple):
    """A message that became a fact."""

    order_id: str
    source: str
    id: str
    nth: int
    """Its place in the order in which the order's facts were received, from 1."""
    type: str
    at: datetime
    received_at: datetime


async def messages_with_id(
    connection: asyncpg.Connection[asyncpg.Record], given: str, source: str | None
) -> list[ReceivedMessage]:
    """Return the messages with an id, from one source or (None) from any, at most FACTS_MAX. Raises StoreError."""
    if not is_searchable(given) or (source is not None and not is_searchable(source)):
        return []
    async with translated():
        return [ReceivedMessage(*row) for row in await connection.fetch(_BY_ID, given, source, FACTS_MAX)]


async def messages_of_order(connection: asyncpg.Connection[asyncpg.Record], order_id: str) -> list[ReceivedMessage]:
    """Return an order's messages in the order in which they were received, the last FACTS_MAX. Raises StoreError."""
    if not is_searchable(order_id):
        return []
    async with translated():
        rows = await connection.fetch(_OF_ORDER, order_id, FACTS_MAX)
    return [ReceivedMessage(*row) for row in reversed(rows)]


async def watermark_of(
    connection: asyncpg.Connection[asyncpg.Record], topic: str, partition: int
) -> tuple[bool, datetime | None]:
    """Return whether a partition is known, and its watermark; None: it has none yet. Raises StoreError."""
    async with translated():
        row = await connection.fetchrow(_PROGRESS, topic, partition)
    return (False, None) if row is None else (True, row[0])


_BY_ID = """
select order_id, source, id, nth, type, at, received_at from facts
where id = $1 and ($2::text is null or source = $2) order by received_at, order_id limit $3
"""
_OF_ORDER = """
select order_id, source, id, nth, type, at, received_at from (
    select order_id, source, id, nth, type, at, received_at from facts where order_id = $1
    union all
    select order_id, source, id, nth, type, at, received_at from archived_fact_rows where order_id = $1) as f
order by nth desc limit $2
"""
_PROGRESS = "select watermark from input_progress where topic = $1 and partition = $2"
