"""A consumer whose membership in its group, fetching or heartbeats failed for good reports it."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from service.kafka.compat.client_shutdown import close_consumer
from service.kafka.compat.group_coordinator import lasting_tasks
from tests.waiting import HANG_SECONDS, eventually

FIRST, SECOND = "purchasing.events.order.v1", "purchasing.events.payment.v1"


class TakesOneTopic(RoundRobinPartitionAssignor):
    """Fails unexpectedly when its member gets partitions of the other."""

    @classmethod
    def on_assignment(cls, assignment):
        if any(topic == SECOND for topic, _ in assignment.partitions()):
            raise ValueError("nobody foresaw")


async def poll_for_ever(consumer):
    while True:
        await consumer.getmany(timeout_ms=10)


async def test_the_end_of_coordination_is_seen_although_a_poll_only_raises(kafka):
    """Each poll raises the same KafkaError, as it would while a right is missing. FastStream polls again, for ever."""
    consumer = AIOKafkaConsumer(
        FIRST,
        bootstrap_servers=kafka,
        group_id=f"coordination-{uuid.uuid4().hex}",
        partition_assignment_strategy=[TakesOneTopic],
    )
    async with consumer:
        await asyncio.wait_for(consumer.getmany(), HANG_SECONDS)
        coordination, fetching, _ = lasting_tasks(consumer)
        assert not coordination.done()
        consumer.subscribe([FIRST, SECOND])
        await eventually(coordination.done, "coordination fails")
        assert not fetching.done()
        error = coordination.exception()
        assert isinstance(error, KafkaError)
        assert isinstance(error.__cause__, ValueError)
        for _ in range(3):
            with pytest.raises(KafkaError, match="nobody foresaw"):
                await consumer.getmany()


async def test_the_end_of_fetching_is_seen_although_polls_return_nothing(kafka):
    consumer = AIOKafkaConsumer(FIRST, bootstrap_servers=kafka, group_id=f"fetching-{uuid.uuid4().hex}")

    def unforeseen(_assignment):
        raise ValueError("nobody foresaw")

    await consumer.start()
    try:
        coordination, fetching, _ = lasting_tasks(consumer)
        consumer._fetcher._get_actions_per_node = unforeseen
        await eventually(fetching.done, "fetching fails")
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            await producer.send_and_wait(FIRST, b"{}")
        assert await consumer.getmany(timeout_ms=100) == {}
        assert not coordination.done()
        assert isinstance(fetching.exception(), KafkaError)
    finally:
        await close_consumer(consumer)


async def test_the_end_of_heartbeats_is_seen_although_the_member_does_not_join_again(kafka):
    consumer = AIOKafkaConsumer(FIRST, bootstrap_servers=kafka, group_id=f"heartbeat-{uuid.uuid4().hex}")

    async def unforeseen():
        raise KafkaError("nobody foresaw")

    async with consumer:
        await asyncio.wait_for(consumer.getmany(), HANG_SECONDS)
        coordination, fetching, heartbeats = lasting_tasks(consumer)
        consumer._coordinator._heartbeat_interval_ms = 0
        consumer._coordinator._do_heartbeat = unforeseen
        await eventually(heartbeats.done, "heartbeats fail")
        with pytest.raises(KafkaError, match="nobody foresaw"):
            await asyncio.wait_for(poll_for_ever(consumer), HANG_SECONDS)
        assert lasting_tasks(consumer) == [coordination, fetching, heartbeats]
        assert not coordination.done()
        assert isinstance(heartbeats.exception(), KafkaError)
