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

from service.orders.arrival import Arrival

Records = tuple[ConsumerRecord[bytes, bytes], ...]
Message = StreamMessage[Records]
M = TypeVar("M")

LOG_APPEND_TIME = 1


async def parse_batch(records: Records, original: Callable[[Records], Awaitable[Message]]) -> Message:
    """FastStream's `parser`: a message that carries the records untouched and takes nothing out of them."""
    message = await original((replace(records[0], headers=(), key=None, value=None),))
    message.raw_message = records
    message.batch_headers = []
    return message


async def pass_through(message: M) -> M:
    """FastStream's `decoder`: the handler gets the message itself; decoding is the codec's."""
    return message


def arrival_of(record: ConsumerRecord[bytes, bytes]) -> Arrival:
    """One record, decoded. Its time counts only where the broker set it: a producer's clock proves nothing
    about the input.
    """
    headers: Any = record.headers
    return Arrival(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp if record.timestamp_type == LOG_APPEND_TIME else None,
        key=record.key,
        value=record.value,
        headers=tuple(headers),
        heard=decode(record.topic, record.key, record.value, headers),
    )
