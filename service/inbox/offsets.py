"""Where reading goes on, and when it must not.

A consumer's `auto_offset_reset` answers two questions with one word: where a new group begins, and what to
do when the offset it is to go on from is no longer there. Our answers differ. A new group begins at the
start of every partition; a lost offset stops the service, because going on would skip records that were
never handled. So the word is `none`, a new group's start is found and committed here, and lost offsets are
recognised here and put into a sentence.
"""

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

log = structlog.get_logger("service.inbox")

AGAIN_SECONDS = 0.5
"""How long after a lost offset it is looked for again."""


class OffsetLostError(Exception):
    """A partition can't be read on from where the group left off. Its text is for an operator."""


def lost(partition: TopicPartition, group: str, position: int, begins: int, ends: int) -> str | None:
    """What is wrong with going on at `position` in a partition that holds [begins, ends); None if nothing."""
    one = f"{partition.topic}:{partition.partition}"
    place = f"Topic {partition.topic}, partition {partition.partition}: group {group} goes on at {position}"
    cure = (
        f"stop every worker and set the group's offset to the earliest (kafka-consumer-groups "
        f"--group {group} --topic {one} --reset-offsets --to-earliest --execute)"
    )
    if position < begins:
        return (
            f"{place}, but the topic begins at {begins}: the records between were removed unread. Nothing is "
            f"skipped unasked. If they are lost for good, {cure} and have the senders repeat them."
        )
    if position > ends:
        return (
            f"{place}, but the topic ends at {ends}: it was recreated or restored. What was stored is safe, and "
            f"a record that comes again changes nothing, so {cure}."
        )
    return None


async def bounds(
    scout: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> Mapping[TopicPartition, tuple[int, int]]:
    """First offset and end (one past the last, open transactions included) of each partition.

    `scout` reads uncommitted and belongs to no group: a read_committed consumer is told an end before open
    transactions.
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
    """Make sure that each assigned partition has an offset to go on from: commit its start for a group that
    is new to it.

    Committed at once, so that what retention removes from now on is noticed. Raises OffsetLostError, once the
    same offset was found lost twice: another worker may commit, or a broker take over, just as we look.
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
    """The starts of the partitions that are new to the group; of others the offset that is lost, and a sentence."""
    # What is committed comes first: the end of a partition, asked before it, would already have been passed by
    # whoever read the partition meanwhile, for seconds or more where this process was frozen in between.
    committed = {partition: await consumer.committed(partition) for partition in partitions}
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
