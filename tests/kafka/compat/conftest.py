"""Fixtures for the guards of `service.kafka.compat`. `unpatched` takes all workarounds away, see `tests.conftest`."""

import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests import batches


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    yield admin
    await admin.close()


@pytest.fixture
async def topic(admin: AIOKafkaAdminClient) -> str:
    """A new topic with one partition."""
    name = f"compat-{uuid.uuid4().hex[:8]}"
    await admin.create_topics([NewTopic(name, 1, 1)])
    return name


class Log:
    """The topic's one partition: batches go in as they are, and aiokafka's consumer reads them."""

    def __init__(self, kafka: str, topic: str) -> None:
        self.kafka = kafka
        self.partition = TopicPartition(topic, 0)

    async def append(self, *data: bytes) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
            for one in data:
                await batches.send(producer, *self.partition, one)

    def consumer(self) -> AIOKafkaConsumer:
        """Reads from the start, and is not started."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, auto_offset_reset="earliest")
        consumer.assign([self.partition])
        return consumer

    async def records(self, count: int) -> list:
        return [record for portion in await self.read(count) for record in portion]

    async def read(self, count: int) -> list[list]:
        """The records as they are handed out, until there are so many. Raises what `getmany` raises."""
        found: list[list] = []
        async with self.consumer() as consumer:
            while sum(map(len, found)) < count:
                found += (await consumer.getmany(timeout_ms=10_000, max_records=1_000)).values()
        return found


@pytest.fixture
def log(kafka: str, topic: str) -> Log:
    return Log(kafka, topic)
