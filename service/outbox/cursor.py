"""A lane's cursor: the last committed record of its partition of the cursor topic.

The relay writes the cursor in the same Kafka transaction as the records that it counts, so the two always agree
(design, "Two cursors"). The partition is read backwards from its end, because only the last record counts, compaction
may lag, and transaction markers take offsets too.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from purchasing_contracts.topics import OUTBOX

from service.kafka.compat.client_shutdown import close_consumer
from service.kafka.connection import Kafka

CURSOR_TOPIC = OUTBOX.name
"""Compacted; one partition per lane."""

FIRST_WINDOW = 8
WIDER = 8


class CursorUnreadableError(Exception):
    """The last record of a cursor partition is not a cursor. The text says where the record is, not its content."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A lane of an outbox, published up to and including `position`. `sha256`: hash of that output's value,
    hexadecimal."""

    outbox_id: str
    lane: int
    position: int
    sha256: str


TYPES: Mapping[str, type] = {"outbox_id": str, "lane": int, "position": int, "sha256": str}


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a cursor partition: the offset after the last committed record, and that record's cursor, if any."""

    end: int
    cursor: Cursor | None


def encode(cursor: Cursor) -> bytes:
    """Return the cursor record's value: a JSON object of the members."""
    return json.dumps(asdict(cursor), separators=(",", ":")).encode()


def decode(value: bytes | None) -> Cursor:
    """Return the cursor in this value; ignore unknown members. Raises CursorUnreadableError."""
    try:
        read = json.loads(value or b"")
        members = {name: read[name] for name in TYPES}
    except (ValueError, KeyError, TypeError) as error:
        raise CursorUnreadableError(f"it is not a cursor ({type(error).__name__})") from None
    for name, wanted in TYPES.items():
        if type(members[name]) is not wanted:
            raise CursorUnreadableError(f"it is not a cursor ({name} is of another type)")
    return Cursor(**members)


async def read_tail(kafka: Kafka, lane: int) -> Tail:
    """Read the lane's committed cursor.

    It is only exact after the lane's producer was initialised: before that, a predecessor's transaction may still be
    committed. It has no timeout of its own, so wrap it in one. Raises KafkaError, and CursorUnreadableError with the
    offset.
    """
    partition = TopicPartition(CURSOR_TOPIC, lane)
    async with _reader(kafka, partition) as consumer:
        begin: int = (await consumer.beginning_offsets([partition]))[partition]
        end: int = (await consumer.end_offsets([partition]))[partition]
        window = FIRST_WINDOW
        while begin < end:
            start = max(begin, end - window)
            last = await _last_record(consumer, partition, start, end)
            if last is not None:
                try:
                    return Tail(end, decode(last.value))
                except CursorUnreadableError as error:
                    raise CursorUnreadableError(
                        f"the record at offset {last.offset} of partition {lane} of {CURSOR_TOPIC}: {error}"
                    ) from None
            if start == begin:
                break
            window *= WIDER
        return Tail(end, None)


@asynccontextmanager
async def _reader(kafka: Kafka, partition: TopicPartition) -> AsyncIterator[Any]:
    # One consumer per reading: on a used one, the question for the end waits behind the consumer's own long poll.
    consumer = AIOKafkaConsumer(
        **kafka,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="none",
        fetch_max_wait_ms=50,
    )
    try:
        await consumer.start()
        consumer.assign([partition])
        yield consumer
    finally:
        await close_consumer(consumer)


async def _last_record(consumer: Any, partition: TopicPartition, start: int, end: int) -> Any | None:
    consumer.seek(partition, start)
    last = None
    # The position also passes transaction markers and aborted records, which `getmany` never returns.
    while await consumer.position(partition) < end:
        for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, ()):
            if record.offset < end:
                last = record
    return last
