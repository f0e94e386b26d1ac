"""The console's broker: what stands at a place of a topic, read without a group and without a commit."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer

from service.console.broker import Broker, BrokerAwayError, Record

ORDERS = "purchasing.events.order.v1"


async def test_a_record_is_read_at_its_place_and_nowhere_else(kafka) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id="console-test") as producer:
        async with producer.transaction():
            sent = await producer.send_and_wait(ORDERS, b"value", key=b"key", headers=[("h", b"1")], partition=0)
        async with producer.transaction():
            await producer.send_and_wait(ORDERS, b"next", partition=0)
    broker = Broker({"bootstrap_servers": kafka}, "nobody")
    assert await broker.record(ORDERS, 0, sent.offset) == Record(b"key", b"value", (("h", b"1"),))
    # The end of the transaction takes an offset of its own.
    assert await broker.record(ORDERS, 0, sent.offset + 1) is None
    assert await broker.record(ORDERS, 0, sent.offset + 1_000_000) is None
    assert await broker.record(ORDERS, 6, 0) is None
    assert await broker.record("purchasing.none", 0, 0) is None
    assert await broker.record("no topic's name", 0, 0) is None
    lag = await broker.lag()
    assert lag is not None
    assert {one.topic for one in lag.partitions} >= {ORDERS}


async def test_an_unreachable_broker_is_reported_as_away() -> None:
    broker = Broker({"bootstrap_servers": "127.0.0.1:1"}, "nobody")
    assert await broker.lag() is None
    with pytest.raises(BrokerAwayError):
        await broker.record(ORDERS, 0, 0)
