"""A lane's cursor, found at the end of its partition whatever lies behind it."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from service.outbox.cursor import CURSOR_TOPIC, Cursor, CursorUnreadableError, decode, encode, read_tail
from tests.outbox.world import World

CURSOR = Cursor("an outbox", 2, 17, "ab" * 32)


def at(position: int) -> bytes:
    return encode(Cursor("an outbox", 2, position, "ab" * 32))


async def commit(producer: AIOKafkaProducer, *positions: int) -> None:
    async with producer.transaction():
        for position in positions:
            await producer.send_and_wait(CURSOR_TOPIC, at(position), b"2", partition=2)


async def abort(producer: AIOKafkaProducer, count: int) -> None:
    await producer.begin_transaction()
    sent = [await producer.send(CURSOR_TOPIC, at(n), b"2", partition=2) for n in range(count)]
    await asyncio.gather(*sent)
    await producer.abort_transaction()


def test_a_cursor_is_read_as_it_was_written() -> None:
    assert decode(encode(CURSOR)) == CURSOR


def test_members_a_later_version_adds_are_ignored() -> None:
    assert decode(encode(CURSOR)[:-1] + b',"later":1}') == CURSOR


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"hello",
        b"\xff",
        b"[]",
        b"17",
        b"{}",
        encode(CURSOR).replace(b"17", b'"17"'),
        encode(CURSOR).replace(b"17", b"true"),
        encode(CURSOR).replace(b"17", b"17.0"),
    ],
)
def test_anything_else_is_no_cursor(value: bytes | None) -> None:
    with pytest.raises(CursorUnreadableError, match="it is not a cursor"):
        decode(value)


async def test_an_empty_partition_has_no_cursor(world: World) -> None:
    tail = await read_tail(world.kafka, 2)
    assert (tail.end, tail.cursor) == (0, None)


async def test_the_last_committed_cursor_counts_despite_later_markers_and_aborts(
    world: World,
) -> None:
    producer = await world.producer("cursor-test")
    await commit(producer, 1, 2, 3)
    # Enough behind it that the first windows from the end hold nothing readable.
    await abort(producer, 100)
    for _ in range(20):
        await abort(producer, 1)
    tail = await read_tail(world.kafka, 2)
    await producer.stop()
    assert tail.cursor is not None
    assert tail.cursor.position == 3
    assert tail.end == 3 + 1 + 101 + 40


async def test_a_partition_with_nothing_but_aborted_records_has_no_cursor(world: World) -> None:
    producer = await world.producer("cursor-test")
    await abort(producer, 30)
    tail = await read_tail(world.kafka, 2)
    await producer.stop()
    assert tail.cursor is None


async def test_a_transaction_still_open_is_not_read(world: World) -> None:
    producer = await world.producer("cursor-test")
    await commit(producer, 1)
    await producer.begin_transaction()
    await producer.send_and_wait(CURSOR_TOPIC, at(2), b"2", partition=2)
    tail = await read_tail(world.kafka, 2)
    assert tail.cursor is not None
    assert tail.cursor.position == 1
    # Its successor's start ends it, and then the tail is exact.
    successor = await world.producer("cursor-test")
    tail = await read_tail(world.kafka, 2)
    assert tail.cursor is not None
    assert tail.cursor.position == 1
    await commit(successor, 2)
    tail = await read_tail(world.kafka, 2)
    assert tail.cursor is not None
    assert tail.cursor.position == 2
    await successor.stop()
    await producer.stop()


async def test_after_thousands_of_transactions_without_compaction_the_last_is_found(world: World) -> None:
    producer = await world.producer("cursor-test")
    for first in range(0, 600, 3):
        await commit(producer, first, first + 1, first + 2)
    tail = await read_tail(world.kafka, 2)
    await producer.stop()
    assert tail.cursor is not None
    assert tail.cursor.position == 599
