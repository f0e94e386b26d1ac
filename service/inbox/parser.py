"""From Kafka's records to what FastStream and the engine are handed, with nothing that a hostile record
could break.

FastStream's own parser decodes every header as UTF-8 and drops the whole batch, in silence, where one is
null or isn't. It also answers to a topic that the header `reply_to` names. So it is shown one record without
headers, to build its message from, and the records themselves go on as they came: what is wrong with them is
for the codec to say.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from aiokafka import ConsumerRecord
from faststream.message import StreamMessage
from purchasing_contracts.binding import size_of
from purchasing_contracts.envelope import decode

from service.orders.arrival import Arrival

Records = tuple[ConsumerRecord[bytes, bytes], ...]
Message = StreamMessage[Records]
M = TypeVar("M")


PORTION_BYTES = 8_000_000
"""A usual batch is far smaller than that; eight records of the largest size that a broker takes."""


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
    """One record, decoded. Its time counts for nothing: a producer may have set it, and brokers' clocks differ."""
    headers: Any = record.headers
    return Arrival(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(headers),
        heard=decode(record.topic, record.key, record.value, headers),
    )


def portions(records: Records) -> Iterator[Records]:
    """Cut a batch, in its order, so that no portion has more than PORTION_BYTES of keys, values and headers, except
    where one record alone has.

    A compressed batch of a megabyte may hold a gigabyte of zeros: as one transaction that would be more than
    PostgreSQL takes in a message, and several times as much memory.
    """
    first, held = 0, 0
    for n, record in enumerate(records):
        headers: Any = record.headers
        size = size_of(record.key, record.value, headers)
        if n > first and held + size > PORTION_BYTES:
            yield records[first:n]
            first, held = n, 0
        held += size
    if records:
        yield records[first:]
