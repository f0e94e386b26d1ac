"""A coordinator that can't answer is not taken for one that knows of no committed offsets."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)
from aiokafka.protocol.commit import OffsetFetchRequest_v2, OffsetFetchRequest_v3, OffsetFetchResponse_v3

from service.kafka.compat.committed_offsets import read_errors_of_committed_offsets

P = TopicPartition("purchasing.events.order.v1", 2)
LOADING, NOT_AVAILABLE, NOT_COORDINATOR, FORBIDDEN = 14, 15, 16, 30
COMMITS, ANSWERS, OFFSET = 1_500, 100, 7


def answered(request, partitions, code):
    """As the broker's answer comes off the wire."""
    throttled = (0,) if request is OffsetFetchRequest_v3 else ()
    topics = [(P.topic, partitions)] if partitions else []
    schema = request.RESPONSE_TYPE.SCHEMA
    return request.RESPONSE_TYPE.decode(schema.encode([*throttled, topics, code]))


async def asked(request, partitions, code):
    """The consumer's answer, and whether it looks for another coordinator."""
    return await made_of(answered(request, partitions, code))


async def made_of(answer):
    dead = []

    async def send(_request):
        return answer

    coordinator = SimpleNamespace(group_id="g", _send_req=send, coordinator_dead=lambda: dead.append(True))
    try:
        return await GroupCoordinator._do_fetch_commit_offsets(coordinator, [P]), bool(dead)
    except KafkaError as error:
        return type(error), bool(dead)


@pytest.mark.parametrize("request_class", [OffsetFetchRequest_v2, OffsetFetchRequest_v3])
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (LOADING, (GroupLoadInProgressError, False)),
        (NOT_AVAILABLE, (NotCoordinatorForGroupError, True)),
        (NOT_COORDINATOR, (NotCoordinatorForGroupError, True)),
        (FORBIDDEN, (GroupAuthorizationFailedError, False)),
    ],
)
async def test_an_error_of_the_group_is_one(request_class, code, outcome):
    read_errors_of_committed_offsets()
    assert await asked(request_class, [], code) == outcome


@pytest.mark.parametrize("request_class", [OffsetFetchRequest_v2, OffsetFetchRequest_v3])
async def test_without_an_error_the_brokers_answer_is_returned(request_class):
    for _ in range(2):
        read_errors_of_committed_offsets()
    found, _ = await asked(request_class, [(P.partition, OFFSET, "", 0)], 0)
    assert {partition: one.offset for partition, one in found.items()} == {P: OFFSET}
    assert (await asked(request_class, [(P.partition, -1, "", 0)], 0))[0] == {}


@pytest.fixture
def refused(monkeypatch):
    """The fields of each answer that refused the whole request, as the broker sent them."""
    found = []

    class Answer(OffsetFetchRequest_v3.RESPONSE_TYPE):
        def __init__(self, *fields):
            if fields[-1]:
                found.append(fields)
            super().__init__(*fields)

    monkeypatch.setattr(OffsetFetchRequest_v3, "RESPONSE_TYPE", Answer)
    return found


async def test_a_broker_that_has_only_just_come_back_does_not_forget_what_was_committed(fresh_kafka, refused):
    """Its coordinator takes longer over more commits, and answers from its first moment."""
    kafka = {"bootstrap_servers": fresh_kafka.bootstrap_servers}
    consumer = AIOKafkaConsumer(**kafka, group_id="g", enable_auto_commit=False, auto_offset_reset="none")
    consumer.assign([P])
    consumer.pause(P)
    admin = AIOKafkaAdminClient(**kafka)
    await consumer.start()
    await admin.start()
    try:
        for _ in range(COMMITS):
            await consumer.commit({P: OFFSET})
        # The first time as a rule: without a refusal nothing was tried.
        while not refused:
            await fresh_kafka.kill()
            asking = asyncio.create_task(_answers(consumer, admin))
            await fresh_kafka.start()
            assert await asking == {OFFSET}
        # From the same answers aiokafka itself reads: nothing was committed. See `reports/offset_fetch.md`.
        for fields in refused:
            assert await made_of(OffsetFetchResponse_v3(*fields)) == ({}, False)
    finally:
        await consumer.stop()
        await admin.close()


async def _answers(consumer, admin):
    """The answers about the partition, until there are enough; without an answer it asks again."""
    found = []
    while len(found) < ANSWERS:
        found.append(await consumer.committed(P))
        try:
            listed = await admin.list_consumer_group_offsets("g")
        except KafkaError:
            await asyncio.sleep(0)
            continue
        found.append(listed[P].offset if P in listed else None)
    return set(found)
