"""Conversion of Kafka records for FastStream and the engine, safe against hostile records.

FastStream's own parser decodes each header as UTF-8 and silently drops the whole batch if a header is null or invalid.
It also replies to the topic in a header `reply_to`. So it gets one record without headers, from which it builds its
message. The records themselves are passed on unchanged, and the codec reports their faults.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from aiokafka import ConsumerRecord
from faststream.message import StreamMessage
from purchasing_contracts.envelope import decode

from service.kafka.compat.compressed_batches import UnreadableBatch
from service.orders.inbound_record import InboundRecord

Records = tuple[ConsumerRecord[bytes, bytes], ...]
Message = StreamMessage[Records]
M = TypeVar("M")


async def parse_batch(records: Records, original: Callable[[Records], Awaitable[Message]]) -> Message:
    """FastStream's `parser`: return a message that carries the records unchanged and contains none of their content."""
    message = await original((replace(records[0], headers=(), key=None, value=None),))
    message.raw_message = records
    message.batch_headers = []
    return message


async def pass_through(message: M) -> M:
    """FastStream's `decoder`: pass the message through; the codec decodes."""
    return message


def inbound_record_of(record: ConsumerRecord[bytes, bytes]) -> InboundRecord:
    """Decode one record. Its timestamp is ignored: a producer may have set it, and brokers' clocks differ."""
    if isinstance(record.value, UnreadableBatch):
        batch = record.value
        return InboundRecord(record.topic, record.partition, batch.offset, None, batch, (), batch.refusal)
    headers: Any = record.headers
    return InboundRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(headers),
        decoded=decode(record.topic, record.key, record.value, headers),
    )
