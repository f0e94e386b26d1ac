"""A consumer whose membership in its group failed for good says so."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from service.kafka.compat.group_coordinator import coordination_task
from tests.waiting import HANG_SECONDS, eventually

FIRST, SECOND = "purchasing.events.order.v1", "purchasing.events.payment.v1"


class TakesOneTopic(RoundRobinPartitionAssignor):
    """Fails, as nobody foresaw, when its member is given partitions of the other."""

    @classmethod
    def on_assignment(cls, assignment):
        if any(topic == SECOND for topic, _ in assignment.partitions()):
            raise ValueError("nobody foresaw")


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
        assert not coordination_task(consumer).done()
        consumer.subscribe([FIRST, SECOND])
        await eventually(lambda: coordination_task(consumer).done(), "coordination fails")
        error = coordination_task(consumer).exception()
        assert isinstance(error, KafkaError)
        assert isinstance(error.__cause__, ValueError)
        for _ in range(3):
            with pytest.raises(KafkaError, match="nobody foresaw"):
                await consumer.getmany()
