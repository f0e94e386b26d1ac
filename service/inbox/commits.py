"""Offset commits of stored batches, while the next batch is being handled.

The broker's answer takes milliseconds, and nothing depends on it: without a commit, the records are delivered again and
recognised as known.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from service.runtime.errors import catch_unexpected, describe

log = structlog.get_logger("service.inbox")


class BatchOffsets(NamedTuple):
    """A batch from the consumer: first offset and next position, per partition."""

    begins: Mapping[TopicPartition, int]
    positions: Mapping[TopicPartition, int]
    """Positions after the batch and after the transaction markers that follow it."""
    assignment: int
    """Number of assignments of the group when the batch was read."""


NO_OFFSETS = BatchOffsets({}, {}, 0)


async def batch_offsets(consumer: AIOKafkaConsumer | None, records: Iterable[Any], assignment: int) -> BatchOffsets:
    """Return the offsets of the batch that `getmany` has just returned. Its awaits don't suspend: the positions are
    known."""
    begins: dict[TopicPartition, int] = {}
    for record in records:
        if (record.topic, record.partition) not in begins:
            begins[TopicPartition(record.topic, record.partition)] = record.offset
    positions = {} if consumer is None else {one: await consumer.position(one) for one in begins}
    return BatchOffsets(begins, positions, assignment)


class OffsetCommitter:
    """Runs one commit at a time, in the order of the batches. Calls `fail` with unexpected errors."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail
        self._last: asyncio.Task[None] | None = None

    async def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background, after the previous commit has ended."""
        await self.done()
        self._last = asyncio.create_task(self._run(work), name="commit")

    async def done(self, seconds: float | None = None) -> None:
        """Wait until the last commit has ended, at most `seconds`."""
        if self._last is not None:
            await asyncio.wait([self._last], timeout=seconds)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        with catch_unexpected(self._fail):
            await work


async def commit_offsets(consumer: AIOKafkaConsumer, batch: BatchOffsets, assignment: int | None) -> None:
    """Commit the batch's positions, unless the group was rebalanced since (the new owner may be further), or is being
    rebalanced: `assignment` is None then.

    During a rebalance the broker refuses the commit, and aiokafka joins the group once more because of that: the next
    rebalance, with the next refused commit.
    """
    try:
        if batch.assignment == assignment:
            await consumer.commit(dict(batch.positions))
            return
    except (CommitFailedError, IllegalStateError):
        pass
    except KafkaError as error:
        # The next commit covers this one. Without a next one, the records are delivered again and are known.
        log.warning(
            "commit_failed",
            message="Committing offsets failed. This is harmless: the next commit covers them, or the records come "
            "again and are known.",
            because=describe(error),
        )
        return
    # The group gives the partitions to other workers, which read these records again and know their facts.
    log.info(
        "commit_rebalanced",
        message="Offsets were not committed because the group was rebalanced. This is harmless: the records come "
        "again and are known.",
    )
