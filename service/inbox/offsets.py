"""The offsets from which reading goes on, and lost offsets.

A consumer's `auto_offset_reset` sets two things at once: where a new group begins, and what happens if the committed
offset no longer exists. This service needs two different answers. A new group begins at the start of each partition. A
lost offset stops the service, because going on would skip records that were never handled. So the setting is `none`;
this module finds and commits the start of a new group, and reports lost offsets.
"""

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

log = structlog.get_logger("service.inbox")

AGAIN_SECONDS = 0.5
"""Delay before a lost offset is checked again."""


class OffsetLostError(Exception):
    """A partition can't be read on from the group's offset. The text is for an operator."""


def lost(partition: TopicPartition, group: str, position: int, begins: int, ends: int) -> str | None:
    """Return the problem with reading on at `position` in a partition with records in [begins, ends); None if there is
    none."""
    one = f"{partition.topic}:{partition.partition}"
    place = f"Topic {partition.topic}, partition {partition.partition}: group {group} goes on at {position}"
    cure = (
        f"stop every worker and set the group's offset to the earliest (kafka-consumer-groups "
        f"--group {group} --topic {one} --reset-offsets --to-earliest --execute)"
    )
    if position < begins:
        return (
            f"{place}, but the topic begins at {begins}: the records between were removed unread. The "
            f"service never skips records by itself. If they are lost, {cure} and ask the senders to repeat them."
        )
    if position > ends:
        return (
            f"{place}, but the topic ends at {ends}: it was recreated or restored. What was stored is safe, and "
            f"a repeated record changes nothing, so {cure}."
        )
    return None


async def bounds(
    scout: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> Mapping[TopicPartition, tuple[int, int]]:
    """Return the first offset and the end of each partition. The end is one past the last record, open transactions
    included.

    `scout` reads uncommitted and belongs to no group: a read_committed consumer gets an end before open transactions.
    """
    wanted = list(partitions)
    if not wanted:
        return {}
    begins = await scout.beginning_offsets(wanted)
    ends = await scout.end_offsets(wanted)
    return {partition: (begins[partition], ends[partition]) for partition in wanted}


async def settle(
    consumer: AIOKafkaConsumer, scout: AIOKafkaConsumer, group: str, partitions: Iterable[TopicPartition]
) -> None:
    """Make sure that each assigned partition has an offset; commit the partition's start if it is new to the group.

    The start is committed at once, so that a removal by retention is noticed from now on. Raises OffsetLostError if two
    looks find the same offset lost: during one look another worker may commit, or another broker may become leader.
    """
    wanted = list(partitions)
    suspected: Mapping[TopicPartition, tuple[int, str]] = {}
    while True:
        new, problems = await _look(consumer, scout, group, wanted)
        for partition, (position, problem) in problems.items():
            if partition in suspected and suspected[partition][0] == position:
                raise OffsetLostError(problem)
        if not problems:
            break
        suspected = problems
        await asyncio.sleep(AGAIN_SECONDS)
    if new:
        for partition, begins in new.items():
            consumer.seek(partition, begins)
        await consumer.commit(new)
        log.info(
            "partitions_new",
            message="The group is new to these partitions; reading them from their start.",
            group=group,
            partitions=len(new),
        )


async def _look(
    consumer: AIOKafkaConsumer, scout: AIOKafkaConsumer, group: str, partitions: list[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, tuple[int, str]]]:
    """Return the starts of partitions that are new to the group, and for lost offsets the offset and the problem."""
    # Ask for committed offsets first. If the ends were read first, another worker could read past them and commit
    # before the second question, which would look like a lost offset.
    # All at once, because the group waits for this member's heartbeats meanwhile.
    offsets = await asyncio.gather(*(consumer.committed(partition) for partition in partitions))
    committed = dict(zip(partitions, offsets, strict=True))
    at = await bounds(scout, partitions)
    new: dict[TopicPartition, int] = {}
    problems: dict[TopicPartition, tuple[int, str]] = {}
    for partition, (begins, ends) in at.items():
        position = committed[partition]
        if position is None:
            new[partition] = begins
        elif problem := lost(partition, group, position, begins, ends):
            problems[partition] = (position, problem)
    return new, problems
