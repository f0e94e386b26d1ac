"""The broker, where one is configured for the console: how far the group is, and what stands at a place of a topic."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import InvalidTopicError, KafkaError, UnknownTopicOrPartitionError
from purchasing_contracts.topics import TOPICS

from service.kafka.topics import partitions_there
from service.observability.lag import LagLook
from service.runtime.errors import describe

if TYPE_CHECKING:
    from service.kafka.connection import Kafka
    from service.observability.lag import GroupLag

EVENT_TOPICS = tuple(topic.name for topic in TOPICS if topic.direction == "in")
RECORD_SECONDS = 4.0
CLOSE_SECONDS = 1.0
RECORD_BYTES = 2_000_000


class BrokerAwayError(Exception):
    """The broker gave no usable answer in time. The text says why."""


class Record(NamedTuple):
    """A record as it stands in a topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Broker:
    """Asks the broker as a client that joins no group and commits nothing."""

    def __init__(self, kafka: Kafka, group: str) -> None:
        """Take how to connect, after `compat.install()`, and the workers' group."""
        self.kafka = kafka
        self._group = group

    async def lag(self) -> GroupLag | None:
        """Return how far the group is; None: no usable answer."""
        try:
            async with LagLook(self.kafka, self._group, EVENT_TOPICS) as look:
                return await look.look()
        except (KafkaError, OSError, TimeoutError):
            return None

    async def record(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return the record at a place; None if there is none there, not yet or no longer. Raises BrokerAwayError."""
        admin = AIOKafkaAdminClient(**self.kafka)
        reader = AIOKafkaConsumer(
            **self.kafka,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=RECORD_BYTES,
            fetch_max_wait_ms=100,
        )
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                await admin.start()
                place = TopicPartition(topic, partition)
                if place not in await partitions_there(admin, [topic]):
                    return None
                await reader.start()
                return await _read(reader, place, offset)
        except (UnknownTopicOrPartitionError, InvalidTopicError):
            return None
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerAwayError(describe(error)) from None
        finally:
            for end in (reader.stop, admin.close):
                with suppress(KafkaError, OSError, TimeoutError):
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await end()


async def _read(reader: AIOKafkaConsumer, place: TopicPartition, offset: int) -> Record | None:
    reader.assign([place])
    begin, end = (await reader.beginning_offsets([place]))[place], (await reader.end_offsets([place]))[place]
    if not begin <= offset < end:
        return None
    reader.seek(place, offset)
    while await reader.position(place) <= offset:
        for record in (await reader.getmany(place, timeout_ms=200, max_records=1)).get(place, ()):
            if record.offset != offset:
                return None
            return Record(record.key, record.value, tuple(record.headers))
    return None
