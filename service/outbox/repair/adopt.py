"""Adoption of a position: a person decides where a lane resumes after Kafka and the database contradicted each other.

It writes a cursor like the relay, after initialising the lane's producer, which fences the previous owner. The decision
is recorded in the database before it takes effect.
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
from service.store.operators.archive import archived_after

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
    """The lane can't resume there; the text says why."""


@dataclass(frozen=True, slots=True)
class LaneReport:
    """A lane by both accounts. `cursor`: Kafka's (None: none, or `unreadable`). `noted`: position that the relay noted
    as published. `last`: the newest output in the database."""

    lane: int
    cursor: Cursor | None
    unreadable: str
    noted: int
    last: int

    def published(self, outbox_id: str) -> int:
        """Return the last position known to be published: the greater of the relay's note and this outbox's cursor, if
        any."""
        ours = self.cursor is not None and self.cursor.outbox_id == outbox_id
        return max(self.noted, self.cursor.position if ours and self.cursor is not None else 0)

    def in_words(self, outbox_id: str) -> str:
        """Return the report as a sentence."""
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
    """Read both accounts of a lane. Exact only if nobody publishes on it. Raises KafkaError, StoreUnavailableError."""
    async with translated():
        journal = OutboxReader(connection)
        noted, last = await journal.noted(lane), await journal.last_position(lane)
    try:
        async with asyncio.timeout(STEP_SECONDS):
            return LaneReport(lane, (await read_tail(kafka, lane)).cursor, "", noted, last)
    except CursorUnreadableError as error:
        return LaneReport(lane, None, str(error), noted, last)


def consequences(report: LaneReport, outbox_id: str, position: int) -> list[str]:
    """Return sentences about what happens if the lane resumes after this position."""
    published = report.published(outbox_id)
    sentences = [f"{report.in_words(outbox_id)}."]
    if position < published:
        sentences.append(f"Positions {position + 1} to {min(published, report.last)} are published AGAIN.")
    if position > published:
        sentences.append(f"Positions {published + 1} to {position} are NEVER published.")
    if position < report.last:
        sentences.append(f"Publishing resumes with position {position + 1}.")
    else:
        sentences.append("Publishing resumes with the next new output.")
    return sentences


async def adopt(
    connection: asyncpg.Connection[Any],
    kafka: Kafka,
    installation: Installation,
    lane: int,
    position: int,
    by: str,
    why: str,
) -> None:
    """Make the lane resume after this position, which must exist in the database (or 0: from the beginning).

    Raises AdoptError, KafkaError, TimeoutError, StoreUnavailableError; may be repeated after any of them.
    """
    outbox_id = str(installation.outbox_id)
    async with translated():
        sha256 = await OutboxReader(connection).hash_at(lane, position) if position else ""
    if sha256 is None:
        raise AdoptError(f"Lane {lane} has no position {position} in the outbox: publishing can't resume after it.")
    if archived := await archived_after(connection, lane, position):
        raise AdoptError(
            f"{len(archived)} archived orders have outputs of lane {lane} after position {position}, which would be "
            f"published again: have them back before, by `archive restore --outputs-after {lane}:{position}`."
        )
    producer = new_producer(kafka, f"{outbox_id}.{lane}")
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await producer.start()
        before = await lane_report(connection, kafka, lane)
        outcome = f"resumes after position {position}; before: {before.in_words(outbox_id)}"
        async with translated():
            # Lower the note first: a note ahead of the cursor would stop the lane again, one behind it does no harm.
            await connection.execute(_DECIDED, lane, position, by, f"lane {lane}", outcome, why)
        cursor = Cursor(outbox_id, lane, position, sha256)
        async with asyncio.timeout(STEP_SECONDS), producer.transaction():
            sent = await producer.send(CURSOR_TOPIC, encode(cursor), str(lane).encode(), partition=lane)
            await sent
    finally:
        await throw_away(producer)
