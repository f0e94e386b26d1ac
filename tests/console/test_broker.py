"""The console's broker: what stands at a place of a topic, read without a group and without a commit; and a position
that two people adopt."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer

from service.console.broker import Broker, BrokerAwayError, Record
from service.console.server import running_console
from service.outbox.repair.adopt import lane_report
from tests.console.acting import (
    PATIENT,
    confirm,
    operation,
    person,
    preview_of,
    propose,
)
from tests.console.conftest import settings_for
from tests.console.test_acts import commands_of, rows
from tests.console.test_database import as_owner
from tests.console.test_order_page import hear
from tests.orders.stories import dissolved

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


@pytest.mark.usefixtures("patient")
async def test_a_lane_continues_after_the_position_that_two_people_adopt(kafka, database, engine, provider) -> None:
    await hear(engine, dissolved())
    ((lane, last),) = await rows(database, "select lane, max(position) from outbox group by lane")
    money = sum(amount for *_, amount in await commands_of(database, "ord-1"))
    broker, settings = Broker({"bootstrap_servers": kafka}, "nobody"), settings_for(database, **provider.settings())
    async with (
        running_console(settings, PATIENT, broker) as running,
        person(running, provider, "u-ann") as ann,
        person(running, provider, "u-bo") as bo,
    ):
        proposal = await propose(ann, "adopt", lane=str(lane), position=str(last))
        preview = await preview_of(ann, proposal)
        assert sum(one["amount"] for one in preview["moves"]) == money > 0
        assert {
            "template": "Positions {first} to {last} are NEVER published.",
            "arguments": {"first": 1, "last": last},
        } in (preview["notes"])
        await confirm(ann, proposal, 403)
        await confirm(bo, proposal)
        assert [one["outcome"] for one in (await operation(bo, proposal))["items"]] == ["done"]
        # It stands otherwise now: a second proposal for the same position has nothing of the first preview left.
        again = await preview_of(ann, await propose(ann, "adopt", lane=str(lane), position=str(last)))
        assert again["moves"] == []
    async with as_owner(database) as owner:
        report = await lane_report(owner, {"bootstrap_servers": kafka}, lane)
    assert report.cursor is not None
    assert report.cursor.position == last
    assert await rows(database, "select done_by from operator_actions where what = 'lanes adopt'") == [
        ("U-Ann (u-ann), confirmed by U-Bo (u-bo)",)
    ]
