"""Clients of other languages against the real broker: each writes events in both modes, with its own partitioner, and
reads the commands that follow; an order whose events come through different partitions ends right.
"""

import asyncio
import json
import uuid
import zlib
from itertools import cycle

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

from tests.delivery.clients import CLIENTS, Client, pairs
from tests.delivery.outside import ORDERS, case_events, order_id, topic_for
from tests.golden import cases
from tests.waiting import HANG_SECONDS

REFUNDS = "purchasing.commands.refund.v1"
STRUCTURED = ["content-type", "application/cloudevents+json"]
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time")
PARTITIONS = 6


def structured(event):
    return {
        "topic": topic_for(event), "key": event["subject"], "headers": STRUCTURED,
        "payload": json.dumps(event, ensure_ascii=False),
    }  # fmt: skip


def binary(event):
    headers = [part for name in ATTRIBUTES for part in (f"ce_{name}", event[name])]
    return {
        "topic": topic_for(event), "key": event["subject"], "headers": [*headers, "content-type", "application/json"],
        "payload": json.dumps(event["data"], ensure_ascii=False),
    }  # fmt: skip


def expected_refund(name):
    """Line and amount of the refund that a worked example ends with."""
    (command,) = next(case for case in cases() if case.name.startswith(name)).commands
    return command["line"], command["amount"]


def refunded(seen):
    return any(one.topic == REFUNDS for one in seen)


@pytest.fixture
async def never_committed(outside):
    """The key of a refund whose transaction was aborted: who doesn't read committed records only would see it."""
    key = f"aborted-{uuid.uuid4().hex[:8]}"
    async with AIOKafkaProducer(bootstrap_servers=outside.bootstrap, transactional_id=key) as producer:
        await producer.begin_transaction()
        for partition in range(PARTITIONS):
            await (await producer.send(REFUNDS, b"{}", key.encode(), partition=partition))
        await producer.abort_transaction()
    return key


async def ends_of(bootstrap: str, topic: str):
    """The present end of each partition of a topic."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as reader:
        return await reader.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])


async def records_of(bootstrap: str, topic: str, wanted: set[str], since=()):
    """All committed records of a topic (since these offsets), once those with the wanted keys are among them."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    found = []
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with reader, asyncio.timeout(HANG_SECONDS):

        async def read() -> None:
            for records in (await reader.getmany(timeout_ms=200)).values():
                found.extend(records)

        reader.assign(partitions)
        for partition, offset in dict(since).items():
            reader.seek(partition, offset)
        while not wanted <= {one.key.decode() for one in found}:
            await read()
        # Not before: the end of what is committed is known a moment after the commit.
        ends = await reader.end_offsets(partitions)
        while any([await reader.position(one) < ends[one] for one in partitions]):
            await read()
    return found


def as_told(record):
    return record.key.decode(), {name: content.decode() for name, content in record.headers}, record.value.decode()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
async def test_a_client_writes_events_in_both_modes_and_reads_the_commands(client: Client, outside, never_committed):
    if client.there() is None:
        return
    orders = {mode: order_id() for mode in (structured, binary)}
    records = [mode(event) for mode, order in orders.items() for event in case_events("11", order)]

    await asyncio.to_thread(client.write, outside.bootstrap, records)

    for order in orders.values():
        seen = await outside.until(order, refunded)
        (refund,) = [one.event["data"] for one in seen if one.topic == REFUNDS]
        assert (refund["line"], refund["amount"]["value"]) == expected_refund("11")

    expected = [as_told(record) for record in await records_of(outside.bootstrap, REFUNDS, set(orders.values()))]
    found = await asyncio.to_thread(client.read, outside.bootstrap, REFUNDS, len(expected))

    got = [(one["key"], dict(pairs(one["headers"])), one["payload"]) for one in found]
    assert sorted(got, key=str) == sorted(expected, key=str)
    assert sorted(orders.values()) == sorted(key for key, _, _ in got if key in orders.values())
    assert never_committed not in {key for key, _, _ in got}
    assert all(headers["content-type"] == STRUCTURED[1] for _, headers, _ in got)


def spread_order_id() -> str:
    """An order whose key librdkafka's partitioner puts elsewhere than the Java client's."""
    while True:
        order = order_id()
        ours = (murmur2(order.encode()) & 0x7FFFFFFF) % PARTITIONS
        if zlib.crc32(order.encode()) % PARTITIONS != ours:
            return order


async def test_an_order_spread_over_partitions_by_different_clients_ends_right(outside):
    order = spread_order_id()
    clients = [client for client in CLIENTS if client.there() is not None]
    turns = cycle(clients)
    # Other tests may have written what this reader can't get past.
    before = await ends_of(outside.bootstrap, ORDERS)

    for number, event in enumerate(case_events("13", order)):
        client = next(turns)
        record = (structured, binary)[number % 2](event)
        await asyncio.to_thread(client.write, outside.bootstrap, [record])

    seen = await outside.until(order, lambda seen: any(refunded([one]) for one in seen))
    (refund,) = [one.event["data"] for one in seen if one.topic == REFUNDS]
    assert (refund["line"], refund["amount"]["value"]) == expected_refund("13")
    written = await records_of(outside.bootstrap, ORDERS, {order}, before)
    assert len({record.partition for record in written if record.key == order.encode()}) > 1


@pytest.mark.parametrize(
    "client", [one for one in CLIENTS if one.name in ("kafka-clients", "kafkajs", "franz-go")], ids=lambda one: one.name
)
async def test_a_client_partitions_keys_as_documented(client: Client, outside):
    if client.there() is None:
        return
    order = order_id()

    placed = await asyncio.to_thread(client.write, outside.bootstrap, [structured(case_events("11", order)[0])])

    assert placed == [(murmur2(order.encode()) & 0x7FFFFFFF) % PARTITIONS]
