"""A person's word on where a lane goes on, after Kafka and the database have been found to contradict each other.

Writes a cursor as the relay would, with the lane's producer initialised first: whoever still had the lane is shut out.
The decision is written down in the database before it takes effect.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.kafka.clients import new_producer
from service.kafka.compat.client_shutdown import throw_away
from service.outbox.cursor import CURSOR_TOPIC, Cursor, CursorUnreadableError, encode, read_tail
from service.outbox.reader import OutboxReader
from service.store.driver_errors import translated

if TYPE_CHECKING:
    import asyncpg

    from service.kafka.connection import Kafka
    from service.store.rows import Installation

STEP_SECONDS = 10.0

_DECIDED = """
with noted as (update relay_notes set position = $2 where lane = $1 and position > $2)
insert into operator_actions (done_by, what, subject, outcome, why) values ($3, 'lanes adopt', $4, $5, $6)
"""


class AdoptError(Exception):
    """A lane can't be let go on there; the text says why."""


@dataclass(frozen=True, slots=True)
class LaneReport:
    """A lane by both accounts: `cursor` is Kafka's (None: none, or `unreadable`), `noted` what the relay noted as
    published, `last` the newest output in the database."""

    lane: int
    cursor: Cursor | None
    unreadable: str
    noted: int
    last: int

    def published(self, outbox_id: str) -> int:
        """Up to where the lane's outputs are known to be published: by Kafka, where its cursor is ours, else by the
        relay's note."""
        ours = self.cursor is not None and self.cursor.outbox_id == outbox_id
        return max(self.noted, self.cursor.position if ours and self.cursor is not None else 0)

    def says(self, outbox_id: str) -> str:
        """Return it in words."""
        if self.unreadable:
            kafka = f"Kafka: {self.unreadable}"
        elif self.cursor is None:
            kafka = "Kafka: no cursor"
        elif self.cursor.outbox_id != outbox_id:
            kafka = f"Kafka: position {self.cursor.position} of another outbox ({self.cursor.outbox_id})"
        else:
            kafka = f"Kafka: published up to {self.cursor.position}"
        return f"lane {self.lane}: {kafka}; database: noted as published up to {self.noted}, newest {self.last}"


async def lane_report(connection: asyncpg.Connection[Any], kafka: Kafka, lane: int) -> LaneReport:
    """How a lane stands. Only exact where nobody publishes on it. Raises KafkaError, StoreUnavailableError."""
    async with translated():
        journal = OutboxReader(connection)
        noted, last = await journal.noted(lane), await journal.last_position(lane)
    try:
        async with asyncio.timeout(STEP_SECONDS):
            return LaneReport(lane, (await read_tail(kafka, lane)).cursor, "", noted, last)
    except CursorUnreadableError as error:
        return LaneReport(lane, None, str(error), noted, last)


def consequences(standing: LaneReport, outbox_id: str, position: int) -> list[str]:
    """What happens if the lane goes on behind this position, in sentences."""
    published = standing.published(outbox_id)
    told = [f"{standing.says(outbox_id)}."]
    if position < published:
        told.append(f"Positions {position + 1} to {min(published, standing.last)} are published AGAIN.")
    if position > published:
        told.append(f"Positions {published + 1} to {position} are NEVER published.")
    if position < standing.last:
        told.append(f"Publishing goes on with position {position + 1}.")
    else:
        told.append("Publishing goes on with the next output that is decided.")
    return told


async def adopt(
    connection: asyncpg.Connection[Any],
    kafka: Kafka,
    installation: Installation,
    lane: int,
    position: int,
    by: str,
    why: str,
) -> None:
    """Let the lane go on behind this position, which the database must have (or 0: from the beginning).

    Raises AdoptError, KafkaError, TimeoutError, StoreUnavailableError. May be repeated after any of them.
    """
    outbox_id = str(installation.outbox_id)
    async with translated():
        sha256 = await OutboxReader(connection).hash_at(lane, position) if position else ""
    if sha256 is None:
        raise AdoptError(f"Lane {lane} has no position {position} in the database: it can't go on behind it.")
    producer = new_producer(kafka, f"{outbox_id}.{lane}")
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await producer.start()
        before = await lane_report(connection, kafka, lane)
        outcome = f"goes on behind position {position}; before: {before.says(outbox_id)}"
        async with translated():
            # First the note: one that is ahead of the cursor would stop the lane again, one behind it does no harm.
            await connection.execute(_DECIDED, lane, position, by, f"lane {lane}", outcome, why)
        cursor = Cursor(outbox_id, lane, position, sha256)
        async with asyncio.timeout(STEP_SECONDS), producer.transaction():
            sent = await producer.send(CURSOR_TOPIC, encode(cursor), str(lane).encode(), partition=lane)
            await sent
    finally:
        await throw_away(producer)
