"""From Kafka's records to what FastStream and the engine are handed, with nothing that a hostile record
could break.

FastStream's own parser decodes every header as UTF-8 and drops the whole batch, in silence, where one is
null or isn't. It also answers to a topic that the header `reply_to` names. So it is shown one record without
headers, to build its message from, and the records themselves go on as they came: what is wrong with them is
for the codec to say.
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
    """FastStream's `parser`: a message that carries the records untouched and takes nothing out of them."""
    message = await original((replace(records[0], headers=(), key=None, value=None),))
    message.raw_message = records
    message.batch_headers = []
    return message


async def pass_through(message: M) -> M:
    """FastStream's `decoder`: the handler gets the message itself; decoding is the codec's."""
    return message


def inbound_record_of(record: ConsumerRecord[bytes, bytes]) -> InboundRecord:
    """One record, decoded. Its time counts for nothing: a producer may have set it, and brokers' clocks differ."""
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
