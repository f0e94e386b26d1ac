"""How far a lane has been published: the last committed record of its partition of the cursor topic.

The relay writes the cursor in the same Kafka transaction as the records it counts, so the two can't disagree
(design, "Two cursors"). It is read from the partition's end backwards: compaction may lag, transaction
markers take offsets too, and the last record is the one that counts.
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
"""One partition a lane, compacted."""

FIRST_WINDOW = 8
WIDER = 8


class CursorUnreadableError(Exception):
    """The last record of a cursor partition is no cursor; the text says where it lies, not what is in it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A lane of an outbox is published up to and including `position`; `sha256` is that output's value's,
    hexadecimal."""

    outbox_id: str
    lane: int
    position: int
    sha256: str


TYPES: Mapping[str, type] = {"outbox_id": str, "lane": int, "position": int, "sha256": str}


@dataclass(frozen=True, slots=True)
class Tail:
    """What stands at a partition's end: its end offset (of what is committed) and the last record's cursor,
    if there is one."""

    end: int
    cursor: Cursor | None


def encode(cursor: Cursor) -> bytes:
    """The cursor record's value: a JSON object of the members."""
    return json.dumps(asdict(cursor), separators=(",", ":")).encode()


def decode(value: bytes | None) -> Cursor:
    """The cursor of such a value. Raises CursorUnreadableError; unknown members are ignored."""
    try:
        read = json.loads(value or b"")
        members = {name: read[name] for name in TYPES}
    except (ValueError, KeyError, TypeError) as error:
        raise CursorUnreadableError(f"it is no cursor ({type(error).__name__})") from None
    for name, wanted in TYPES.items():
        if type(members[name]) is not wanted:
            raise CursorUnreadableError(f"it is no cursor ({name} is of another type)")
    return Cursor(**members)


async def read_tail(kafka: Kafka, lane: int) -> Tail:
    """The lane's cursor as it is committed now.

    Only exact after the lane's producer was initialised: before that, a predecessor's transaction may still
    be about to be committed. Not bounded in time: wrap it. Raises KafkaError, and CursorUnreadableError with
    the offset.
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
    # A consumer of its own for each reading: on a used one, asking for the end waits behind its own long
    # poll.
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
    # The position passes markers and aborted records, which are never handed out.
    while await consumer.position(partition) < end:
        for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, ()):
            if record.offset < end:
                last = record
    return last
