"""Rewind: read the input again from where the database is, if Kafka's committed offsets are ahead of it.

A database that was restored from a backup, promoted from a lagging replica or newly created lacks facts whose offsets
were committed. Going on from those offsets would skip them. Records that are read a second time are known and change
nothing, so in doubt the input is read again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError
from purchasing_contracts.topics import TOPICS

from service.kafka.connection import Kafka
from service.kafka.topics import partitions_there

log = structlog.get_logger("service.inbox")

CLOCKS_APART = timedelta(minutes=10)
"""The lead that the database's clock may have over a broker's, which sets the records' timestamps. So much of the input
is read again after each failover; what a broker's clock is behind by more is lost if the database lost it."""
EVENT_TOPICS = tuple(topic.name for topic in TOPICS if topic.direction == "in")

Watermarks = Mapping[tuple[str, int], datetime | None]
"""Instant up to which the database has handled each partition; None or missing: nothing is known."""


async def rewind(kafka: Kafka, group: str, watermarks: Watermarks, *, alone: bool) -> bool:
    """Move the group's offsets back to where the database is.

    Return False if offsets must move back but the group has members, who would go on from theirs. With `alone`, return
    False whenever the group has members, because a member may still commit what it stored before. The event topics need
    the broker's timestamps (LogAppendTime). Raises KafkaError.
    """
    async with _newcomer(kafka, group) as consumer:
        partitions = await _partitions(kafka)
        consumer.assign(partitions)
        # This consumer only asks for offsets and must not fetch.
        consumer.pause(*partitions)
        committed = {p: at for p in partitions if (at := await consumer.committed(p)) is not None}
        back = await _behind(consumer, committed, watermarks)
        # Kafka takes a commit from outside the group only if the group has no members, so the commit is the check.
        offsets = (committed if alone else {}) | {partition: to for partition, (to, _) in back.items()}
        if not offsets:
            return True
        try:
            await consumer.commit(offsets)
        except CommitFailedError:
            log.debug("group_active", message="The consumer group has members already.", group=group)
            return False
    if not back:
        return True
    records = sum(from_ - to for to, from_ in back.values())
    log.info(
        "input_rewound",
        message="Kafka's committed offsets were ahead of the database, so the input is read again from where the "
        "database is. Known messages change nothing.",
        group=group,
        partitions=len(back),
        records_at_most=records,
        unknown_partitions=sum((p.topic, p.partition) not in watermarks for p in back),
    )
    return True


async def _behind(
    consumer: Any, committed: Mapping[TopicPartition, int], watermarks: Watermarks
) -> dict[TopicPartition, tuple[int, int]]:
    """Return (offset to go back to, committed offset) per partition whose committed offset is ahead of the database."""
    wanted = list(committed)
    begins = await consumer.beginning_offsets(wanted)
    ends = await consumer.end_offsets(wanted)
    times = {p: at for p in wanted if (at := watermarks.get((p.topic, p.partition))) is not None}
    timestamps = {p: int((at - CLOCKS_APART).timestamp() * 1000) for p, at in times.items()}
    found = await consumer.offsets_for_times(timestamps) if timestamps else {}
    back: dict[TopicPartition, tuple[int, int]] = {}
    for partition, position in committed.items():
        # `settle` handles a new group's start and lost offsets.
        if not begins[partition] < position <= ends[partition]:
            continue
        to = begins[partition]
        if partition in times:
            first = found.get(partition)
            to = position if first is None else first.offset
        if to < position:
            back[partition] = (to, position)
    return back


async def _partitions(kafka: Kafka) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        return await partitions_there(admin, EVENT_TOPICS)
    finally:
        await admin.close()


@asynccontextmanager
async def _newcomer(kafka: Kafka, group: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(**kafka, group_id=group, enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
