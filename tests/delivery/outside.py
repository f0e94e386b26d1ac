"""The world outside the service: senders of events and readers of its outputs, with clients of their own."""

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from purchasing_contracts.topics import TOPICS, class_of, topic_of

from tests.golden import CASES
from tests.waiting import HANG_SECONDS, eventually

OUT = {topic.name: topic.partitions for topic in TOPICS if topic.direction == "out"}
ORDERS = "purchasing.events.order.v1"
QUARANTINE = "purchasing.quarantine.v1"


def topic_for(event: dict[str, Any]) -> str:
    cls = class_of(event["type"])
    assert cls is not None, event["type"]
    return topic_of(cls).name


def order_id() -> str:
    """An order id that nobody else has."""
    return f"ord-{uuid.uuid4().hex[:12]}"


def case_events(name: str, order: str) -> list[dict[str, Any]]:
    """The events of a worked example (its name or how it begins), for this order."""
    (path,) = CASES.glob(f"{name}*.json")
    return list(renamed(json.loads(path.read_text())["events"], order))


def renamed(events: Any, order: str, old: str = "ord-1001") -> Any:
    """The same events for another order: its id stands in subjects, ids and references."""
    return json.loads(json.dumps(events).replace(old, order))


@dataclass(frozen=True)
class Seen:
    """One published record as a reader gets it."""

    topic: str
    partition: int
    offset: int
    key: str
    event: dict[str, Any]

    @property
    def version(self) -> int:
        return int(self.event["data"].get("order_version", 0))


class Sender:
    """A sender of events."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    async def __aenter__(self) -> Self:
        self.producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await self.producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.producer.stop()

    async def send(self, event: dict[str, Any]) -> TopicPartition:
        """Send an event in structured mode; returns its partition and waits until Kafka has it."""
        return (await self.send_raw(topic_for(event), event["subject"].encode(), json.dumps(event).encode()))[0]

    async def send_raw(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Any = (), partition: int | None = None
    ) -> tuple[TopicPartition, int]:
        """Send any record; returns where it is."""
        sent = await self.producer.send_and_wait(topic, value, key, partition=partition, headers=list(headers))
        return TopicPartition(topic, sent.partition), sent.offset


class Outside(Sender):
    """A sender, and a reader (`read_committed`) of everything published since the block began, in its background."""

    def __init__(self, bootstrap: str, database: str, group: str = "purchasing", *, past: bool = False) -> None:
        super().__init__(bootstrap)
        self.group, self.past = group, past
        self.by_key: dict[str, list[Seen]] = defaultdict(list)
        self._database = database
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.pool = await asyncpg.create_pool(self._database, min_size=1, max_size=4)
        self.reader = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level="read_committed")
        self.offsets = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        for client in (self.reader, self.offsets):
            await client.start()
        partitions = [TopicPartition(name, n) for name, count in OUT.items() for n in range(count)]
        self.reader.assign(partitions)
        await (self.reader.seek_to_beginning(*partitions) if self.past else self.reader.seek_to_end(*partitions))
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])
        for client in (self.reader, self.offsets):
            await client.stop()
        await self.pool.close()
        await super().__aexit__()

    async def _read(self) -> None:
        async for record in self.reader:
            key = record.key.decode()
            seen = Seen(record.topic, record.partition, record.offset, key, json.loads(record.value))
            async with self._arrived:
                self.by_key[key].append(seen)
                self._arrived.notify_all()

    async def send_and_settle(self, event: dict[str, Any]) -> None:
        """Send an event, and wait until it is handled and everything it led to is published."""
        where, offset = await self.send_raw(topic_for(event), event["subject"].encode(), json.dumps(event).encode())
        await self.handled(where, offset)
        await self.settled(event["subject"])

    async def handled(self, where: TopicPartition, offset: int) -> None:
        """Wait until the service has committed this record."""

        async def is_handled() -> bool:
            return (await self.offsets.committed(where) or 0) > offset

        await eventually(is_handled, f"{where} committed up to {offset}")

    async def settled(self, order: str) -> list[Seen]:
        """Wait until all outputs that the database has of an order were read; returns them in the order's own order."""
        last = await self.pool.fetchval("select max(order_version) from outbox where order_id = $1", order) or 0
        await self.until(order, lambda seen: {one.version for one in seen} >= set(range(1, last + 1)))
        return self.outputs(order)

    async def until(self, key: str, enough: Callable[[list[Seen]], bool]) -> list[Seen]:
        """Wait until what was read with this key is enough."""
        async with asyncio.timeout(HANG_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: enough(self.by_key[key]))
            return list(self.by_key[key])

    async def to_the_end(self) -> None:
        """Wait until everything that is in the output topics now was read."""
        partitions = self.reader.assignment()
        ends = await self.reader.end_offsets(partitions)

        async def at_the_end() -> bool:
            return all([await self.reader.position(partition) >= ends[partition] for partition in partitions])

        await eventually(at_the_end, "the end of the output topics")

    def outputs(self, order: str) -> list[Seen]:
        """Commands and decisions of an order, by version."""
        return sorted((one for one in self.by_key[order] if one.topic != QUARANTINE), key=lambda one: one.version)

    def notices(self) -> list[dict[str, Any]]:
        """All quarantine notices read so far."""
        return [one.event for seen in self.by_key.values() for one in seen if one.topic == QUARANTINE]
