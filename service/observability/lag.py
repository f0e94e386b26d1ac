"""The lag of the consumer group, as the broker reports it: the same from inside and from outside.

| figure | meaning |
|---|---|
| `end` | one past the last offset, open transactions included (Kafka's own tool counts up to here) |
| `stable` | one past the last readable offset: before the first open transaction |
| `committed` | the group's next offset; None: it never read the partition |
| `oldest_at` | the broker's time of the first message between `committed` and `stable` |

Offsets are not messages: transaction markers and messages of an aborted transaction take offsets too. So a partition
whose offsets differ is read: if nothing readable comes before `stable`, no message is unhandled. If something does, the
count may include markers, one per transaction, and is an upper limit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    RecordTooLargeError,
)

from service.kafka.compat.group_coordinator import retry_without_coordinator
from service.kafka.connection import Kafka
from service.kafka.topics import partitions_there

LOOK_SECONDS = 10.0
RETENTION_EVERY_SECONDS = 60.0
"""The pause between two requests for the retention, which is a separate request to the broker."""
OLDEST_SECONDS = 3.0
FETCH_BYTES = 65_536
"""Usually enough for the first batch of a partition; if not, the partition is read again with WHOLE_MESSAGE_BYTES."""
WHOLE_MESSAGE_BYTES = 2_000_000
CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """The group's lag on one partition. `empty`: it was read, and nothing readable comes before `stable`."""

    topic: str
    partition: int
    begin: int
    end: int
    stable: int
    committed: int | None
    oldest_at: float | None = None
    empty: bool = False

    @property
    def goes_on_at(self) -> int:
        """The offset of the first unhandled record: the committed one, or the first of the partition."""
        return self.begin if self.committed is None or self.is_lost else self.committed

    @property
    def messages(self) -> int:
        """The number of readable messages that are not handled yet."""
        return 0 if self.empty else max(0, self.stable - self.goes_on_at)

    @property
    def held_back(self) -> int:
        """Offsets held back by a producer's open transaction."""
        return max(0, self.end - max(self.stable, self.goes_on_at))

    @property
    def is_lost(self) -> bool:
        """Whether records were removed, or the topic was created again, before the group had read them."""
        return self.committed is not None and not self.begin <= self.committed <= self.end

    def seconds(self, now: float) -> float | None:
        """Return the age of the oldest unhandled message; 0: there is none; None: it could not be read in time."""
        if not self.messages:
            return 0.0
        return None if self.oldest_at is None else max(0.0, now - self.oldest_at)


@dataclass(frozen=True, slots=True)
class GroupLag:
    """The lag of all partitions. `members`: None without the right to ask. `retention`: seconds by topic, None: for
    ever; without the right to ask, the topic is missing (`unseen_retention`). `at` is this machine's time, in
    seconds."""

    partitions: tuple[PartitionLag, ...]
    members: int | None
    retention: Mapping[str, float | None]
    at: float

    @property
    def unseen_retention(self) -> list[str]:
        """Topics whose retention the broker did not show; it needs a right of its own."""
        return sorted({one.topic for one in self.partitions} - self.retention.keys())


class LagLook:
    """Clients that join no group. `open` them, `look` as often as needed, `close` them after any error.

    `look` raises KafkaError, OSError and TimeoutError; it takes LOOK_SECONDS at most.
    """

    def __init__(self, kafka: Kafka, group: str, topics: Iterable[str]) -> None:
        self._kafka = kafka
        self._group = group
        self._topics = sorted(topics)
        self._admin = AIOKafkaAdminClient(**kafka)
        self._uncommitted = AIOKafkaConsumer(**kafka)
        self._committed = AIOKafkaConsumer(**kafka, isolation_level="read_committed")
        self._retention: Mapping[str, float | None] = {}
        self._retention_at = float("-inf")

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect."""
        async with asyncio.timeout(LOOK_SECONDS):
            await self._admin.start()
            await self._uncommitted.start()
            await self._committed.start()

    async def close(self) -> None:
        """Close all connections, even if the broker does not answer or this task is cancelled."""
        async with AsyncExitStack() as closing:
            for end in (self._committed.stop, self._uncommitted.stop, self._admin.close):
                closing.push_async_callback(_in_time, end)

    async def look(self) -> GroupLag:
        """Return the lag of all partitions of the topics."""
        async with asyncio.timeout(LOOK_SECONDS):
            partitions = await partitions_there(self._admin, self._topics)
            # Committed offsets first: a commit meanwhile makes the lag too large, never too small.
            committed = await retry_without_coordinator(lambda: self._admin.list_consumer_group_offsets(self._group))
            members = await retry_without_coordinator(self._members)
            begins = await self._uncommitted.beginning_offsets(partitions)
            stable = await self._committed.end_offsets(partitions)
            ends = await self._uncommitted.end_offsets(partitions)
            if (now := time.monotonic()) - self._retention_at >= RETENTION_EVERY_SECONDS:
                self._retention, self._retention_at = await self._retentions(), now
            found = [
                PartitionLag(
                    p.topic,
                    p.partition,
                    begins[p],
                    ends[p],
                    stable[p],
                    committed[p].offset if p in committed and committed[p].offset >= 0 else None,
                )
                for p in partitions
            ]
        behind = [one for one in found if one.messages]
        oldest = await oldest_unhandled(self._kafka, behind) if behind else {}
        looked = [oldest.get((one.topic, one.partition), one) for one in found]
        return GroupLag(tuple(looked), members, self._retention, time.time())

    async def _members(self) -> int | None:
        count = 0
        for answer in await self._admin.describe_consumer_groups([self._group]):
            for code, _group, _state, _type, _protocol, members, *_ in answer.groups:
                if code:
                    return None
                count += len(members)
        return count

    async def _retentions(self) -> Mapping[str, float | None]:
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in self._topics]
        found: dict[str, float | None] = {}
        for answer in await self._admin.describe_configs(resources):
            for _code, _message, _kind, name, entries in answer.resources:
                for entry in entries:
                    if entry[0] == "retention.ms":
                        found[name] = None if int(entry[1]) < 0 else int(entry[1]) / 1000
        return found


async def oldest_unhandled(kafka: Kafka, behind: Iterable[PartitionLag]) -> dict[tuple[str, int], PartitionLag]:
    """Return the partitions with the time of their first unhandled message, or as empty. Partitions that did not answer
    within OLDEST_SECONDS are returned unchanged. Raises KafkaError and OSError."""
    wanted = {TopicPartition(one.topic, one.partition): one for one in behind}
    found: dict[TopicPartition, PartitionLag] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(OLDEST_SECONDS):
            too_large = await _first_messages(kafka, wanted, found, FETCH_BYTES)
            if too_large:
                await _first_messages(kafka, too_large, found, WHOLE_MESSAGE_BYTES)
    return {(p.topic, p.partition): found.get(p, one) for p, one in wanted.items()}


async def _first_messages(
    kafka: Kafka, wanted: Mapping[TopicPartition, PartitionLag], found: dict[TopicPartition, PartitionLag], size: int
) -> dict[TopicPartition, PartitionLag]:
    """Put results into `found`; return the partitions whose first message does not fit into `size` bytes."""
    reader = AIOKafkaConsumer(
        **kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=size,
        fetch_max_wait_ms=50,
    )
    left = dict(wanted)
    too_large: dict[TopicPartition, PartitionLag] = {}
    try:
        await reader.start()
        reader.assign(list(left))
        for partition, one in left.items():
            reader.seek(partition, one.goes_on_at)
        while left:
            for partition, one in list(left.items()):
                try:
                    records = (await reader.getmany(partition, timeout_ms=20, max_records=1)).get(partition, ())
                except RecordTooLargeError:
                    too_large[partition] = left.pop(partition)
                    reader.pause(partition)
                    continue
                done = _settled(one, records, await reader.position(partition))
                if done is not None:
                    found[partition] = done
                    del left[partition]
                    reader.pause(partition)
    finally:
        await _in_time(reader.stop)
    return too_large


async def _in_time(end: Callable[[], Awaitable[None]]) -> None:
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await end()


def _settled(one: PartitionLag, records: Iterable[Any], position: int) -> PartitionLag | None:
    """Return the partition with the time of its first record, or as empty; None while neither is known."""
    whole = (one.topic, one.partition, one.begin, one.end, one.stable, one.committed)
    for record in records:
        if record.offset < one.stable:
            return PartitionLag(*whole, oldest_at=record.timestamp / 1000)
        return PartitionLag(*whole, empty=True)
    # The position passes markers and messages of aborted transactions, which are never returned.
    return PartitionLag(*whole, empty=True) if position >= one.stable else None
