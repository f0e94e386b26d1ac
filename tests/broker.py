"""The one broker of a test process, handed from test to test.

A broker costs four seconds of the processor to start and four hundredths of it for as long as it is there, so a process
has one for all its tests, and a test says what it needs it to be: there with all topics, or empty as well. It may
do with it what it likes: stop, kill or freeze it, lose topics or make others of these names.
"""

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from purchasing_contracts.topics import TOPICS, Topic

from service.embedded import EmbeddedKafka
from service.kafka.topics import create_topics
from tests.waiting import eventually

LANES = 4


class SharedBroker:
    """An `EmbeddedKafka`, started when it is first needed. Call `empty` before you use `kafka`."""

    def __init__(self, kafka: EmbeddedKafka) -> None:
        self.kafka = kafka
        self._whole = False

    async def empty(self, lanes: int = LANES, topics: Sequence[Topic] = TOPICS) -> EmbeddedKafka:
        """Make it run, with these topics and nothing in them. Whatever is done with it afterwards, the next test finds
        it as that one needs it.
        """
        self._whole = False
        self.kafka.resume()
        if not self.kafka.running:
            await self.kafka.start()
        await lose_topics(self.kafka.bootstrap_servers)
        await create_topics({"bootstrap_servers": self.kafka.bootstrap_servers}, lanes, topics)
        return self.kafka

    async def fill(self) -> str:
        """Make it run, with all topics, whatever others left in them; return its `host:port`."""
        if not self._whole:
            await self.empty()
            self._whole = True
        return self.kafka.bootstrap_servers


async def lose_topics(bootstrap: str) -> None:
    """Delete all topics of the service, what they hold, and how far any group was in them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if name.startswith("purchasing.")]
        if names:
            await admin.delete_topics(names)

        async def gone() -> bool:
            return not set(names) & set(await admin.list_topics())

        async def forgotten() -> bool:
            try:
                groups = [group for group, *_ in await admin.list_consumer_groups()]
                offsets = [await admin.list_consumer_group_offsets(group) for group in groups]
            except KafkaError:  # their coordinator is not there yet
                return False
            return not set(names) & {partition.topic for group in offsets for partition in group}

        await eventually(gone, "no topics")
        await eventually(forgotten, "no committed offsets")
    finally:
        await admin.close()
