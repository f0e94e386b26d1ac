"""A topic is described without being created, at a broker that creates topics by itself."""

import uuid

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError

from service.kafka.compat.admin import describe_without_creating
from tests.waiting import eventually


async def test_to_describe_a_topic_does_not_create_it_as_aiokafkas_own_request_does(strict_broker):
    name = f"absent-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=strict_broker.kafka.bootstrap_servers)
    await admin.start()
    try:
        for _ in range(2):
            [described] = await describe_without_creating(admin, [name])
            assert described["error_code"] == UnknownTopicOrPartitionError.errno
        assert name not in await admin.list_topics()
        await admin.describe_topics([name])

        async def created() -> bool:
            return name in await admin.list_topics()

        await eventually(created, f"{name} is created")
        await admin.delete_topics([name])
    finally:
        await admin.close()
