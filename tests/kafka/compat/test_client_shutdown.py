"""A producer in any state is thrown away in bounded time, a consumer is closed, and nothing of them goes on."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import ProducerFenced

from service.embedded import EmbeddedKafka
from service.kafka.clients import new_producer
from service.kafka.compat.client_shutdown import close_consumer, throw_away, transaction_error
from tests.waiting import HANG_SECONDS

TOPIC = "purchasing.decisions.v1"


async def idle(producer, broker) -> None:
    async with producer.transaction():
        await producer.send_and_wait(TOPIC, b"{}", b"k")


async def in_a_transaction(producer, broker) -> None:
    await producer.begin_transaction()
    await producer.send(TOPIC, b"{}", b"k")


async def fenced(producer, broker) -> None:
    await producer.begin_transaction()
    successor = new_producer({"bootstrap_servers": broker.bootstrap_servers}, "throw-away")
    await successor.start()
    await throw_away(successor)
    with pytest.raises(ProducerFenced):
        await producer.send_and_wait(TOPIC, b"{}", b"k")
    assert isinstance(transaction_error(producer), ProducerFenced)


async def sending_without_a_broker(producer, broker) -> None:
    await producer.begin_transaction()
    await producer.send_and_wait(TOPIC, b"{}", b"k")
    await broker.kill()
    for _ in range(20):
        await producer.send(TOPIC, b"{}", b"k")
    await asyncio.sleep(0)


async def committing_without_a_broker(producer, broker) -> None:
    await producer.begin_transaction()
    await producer.send_and_wait(TOPIC, b"{}", b"k")
    await broker.kill()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(producer.commit_transaction(), 0.5)


async def on_a_frozen_broker(producer, broker) -> None:
    await producer.begin_transaction()
    await producer.send_and_wait(TOPIC, b"{}", b"k")
    broker.pause()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(producer.commit_transaction(), 0.5)


STATES = [
    idle,
    in_a_transaction,
    fenced,
    on_a_frozen_broker,
    sending_without_a_broker,
    committing_without_a_broker,
]


async def test_a_producer_is_thrown_away_in_every_state(fresh_kafka: EmbeddedKafka) -> None:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    kafka = {"bootstrap_servers": fresh_kafka.bootstrap_servers}
    for state in STATES:
        if not fresh_kafka.running:
            await fresh_kafka.start()
        before = asyncio.all_tasks()
        producer = new_producer(kafka, "throw-away")
        await asyncio.wait_for(producer.start(), HANG_SECONDS)
        await state(producer, fresh_kafka)
        await asyncio.wait_for(throw_away(producer), HANG_SECONDS)
        assert asyncio.all_tasks() == before, state.__name__
        if state is on_a_frozen_broker:
            fresh_kafka.resume()
    assert complaints == []


async def test_a_producer_that_was_never_started_is_thrown_away_too(kafka: str) -> None:
    before = asyncio.all_tasks()
    await throw_away(new_producer({"bootstrap_servers": kafka}, "never-started"))
    assert asyncio.all_tasks() == before


async def test_clients_of_a_frozen_broker_are_ended_while_their_own_stop_waits(fresh_kafka: EmbeddedKafka) -> None:
    """Of a broker that is away for good, `stop()` waits for ever: see `reports/producer_stop.md` beside the module."""
    kafka = {"bootstrap_servers": fresh_kafka.bootstrap_servers}
    before = asyncio.all_tasks()

    async def clients():
        producer = new_producer(kafka, uuid.uuid4().hex)
        # It may wait longer for an answer than this test does for its end.
        consumer = AIOKafkaConsumer(TOPIC, **kafka, group_id=uuid.uuid4().hex, request_timeout_ms=10**6)
        await producer.start()
        await in_a_transaction(producer, fresh_kafka)
        await consumer.start()
        return producer, consumer

    (producer, consumer), theirs = await clients(), await clients()
    fresh_kafka.pause()
    for each in (producer, theirs[0]):
        await each.send(TOPIC, b"{}", b"k")
    stopping = [asyncio.create_task(client.stop()) for client in theirs]
    await asyncio.wait_for(throw_away(producer, 0.1), HANG_SECONDS)
    await asyncio.wait_for(close_consumer(consumer, 0.1), HANG_SECONDS)
    assert [stop.done() for stop in stopping] == [False, False]
    fresh_kafka.resume()
    await asyncio.wait_for(asyncio.gather(*stopping), HANG_SECONDS)
    assert asyncio.all_tasks() == before
