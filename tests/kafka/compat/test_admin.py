"""A topic is described without being created, at a broker that creates topics by itself."""

import uuid

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError

from service.kafka.compat.admin import describe_without_creating
from tests.waiting import eventually


async def test_to_describe_a_topic_does_not_create_it_as_aiokafkas_own_request_does(strict_broker):
    ours, aiokafkas = (f"absent-{uuid.uuid4().hex[:8]}" for _ in range(2))
    admin = AIOKafkaAdminClient(bootstrap_servers=strict_broker.kafka.bootstrap_servers)
    await admin.start()
    try:
        [described] = await describe_without_creating(admin, [ours])
        assert described["error_code"] == UnknownTopicOrPartitionError.errno
        await admin.describe_topics([aiokafkas])

        async def created() -> bool:
            return aiokafkas in await admin.list_topics()

        # The broker would have asked its controller for the first topic before.
        await eventually(created, f"{aiokafkas} is created")
        assert ours not in await admin.list_topics()
        await admin.delete_topics([aiokafkas])
    finally:
        await admin.close()
