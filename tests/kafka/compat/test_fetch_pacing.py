"""The time that a real broker is asked to gather records: as long as events come."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher

from service.inbox.consumer import BATCH_WITHIN_MS
from service.kafka.compat.fetch_pacing import BUSY_BYTES, BUSY_MS, IDLE_BYTES, IDLE_MS, Gathering
from tests.delivery.service import eventually

IDLE, BUSY = (IDLE_MS, IDLE_BYTES), (BUSY_MS, BUSY_BYTES)


@pytest.fixture
def asked(monkeypatch):
    """The milliseconds and bytes of each fetch request."""
    found = []
    librarys = fetcher.FetchRequest

    def request(wait, at_least, *more, **named):
        found.append((wait, at_least))
        return librarys(wait, at_least, *more, **named)

    monkeypatch.setattr(fetcher, "FetchRequest", request)
    return found


@pytest.fixture
async def consumer(kafka, topic, asked):
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.start()
    yield consumer
    await consumer.stop()


async def test_the_broker_waits_for_more_while_batches_come_and_for_nothing_once_they_stop(
    kafka, topic, consumer, asked
):
    gathering = Gathering()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await eventually(lambda: asked, "the first fetch")
        assert asked == [IDLE], "the client's own are what it goes back to"
        for number in range(3):
            asked.clear()
            await producer.send_and_wait(topic, b"%d" % number)
            [[record]] = (await consumer.getmany(timeout_ms=10_000)).values()
            assert record.value == b"%d" % number
            gathering.batch_came(consumer)
            await eventually(lambda: BUSY in asked, "a fetch that gathers")
        await eventually(lambda: asked[-1] == IDLE, "a fetch that does not, nothing having come for a while")


async def test_each_batch_puts_off_the_end_of_gathering(consumer, monkeypatch):
    loop, due = asyncio.get_running_loop(), []
    later = loop.call_later

    def call_later(*arguments, **more):
        due.append(later(*arguments, **more))
        return due[-1]

    gathering = Gathering()
    monkeypatch.setattr(loop, "call_later", call_later)
    gathering.batch_came(consumer)
    gathering.batch_came(consumer)
    monkeypatch.undo()
    assert [handle.cancelled() for handle in due] == [True, False]


def test_a_look_for_records_waits_longer_than_the_broker():
    assert BUSY_MS < BATCH_WITHIN_MS
