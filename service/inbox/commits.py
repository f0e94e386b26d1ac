"""Offset commits of stored batches, while the next batches are being handled.

A commit costs the broker and this process about two milliseconds of processor time, as much as reading a small batch,
and nothing depends on it: without a commit, the records are delivered again and recognised as known. So batches that
follow each other closely are committed together.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from service.runtime.errors import catch_unexpected, describe
from service.runtime.retry import happens_within

COMMIT_EVERY_SECONDS = 0.1
"""Shortest time from one commit to the next. So much more of the input is read again after a crash or a rebalance."""

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
    """Calls `commit` in the background with the offsets of the batches stored since the last call: one call at a time,
    and one per COMMIT_EVERY_SECONDS at most. Calls `fail` with unexpected errors."""

    def __init__(self, commit: Callable[[BatchOffsets], Awaitable[None]], fail: Callable[[Exception], None]) -> None:
        self._commit = commit
        self._fail = fail
        self._waiting = NO_OFFSETS
        self._task: asyncio.Task[None] | None = None
        self._under_way = asyncio.Lock()
        self._not_before = 0.0
        self._at_once = asyncio.Event()

    async def add(self, stored: BatchOffsets) -> None:
        """Commit the offsets of a stored batch soon. If a commit is under way, wait for its end first."""
        async with self._under_way:
            if stored.assignment == self._waiting.assignment:
                stored = stored._replace(positions={**self._waiting.positions, **stored.positions})
            # In another assignment, the positions that wait would be refused: see `commit_offsets`.
            self._waiting = stored
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="commit")

    async def done(self, seconds: float | None = None) -> None:
        """Commit at once, and wait until that has ended, at most `seconds`."""
        if self._task is not None:
            self._at_once.set()
            await asyncio.wait([self._task], timeout=seconds)
            self._at_once.clear()

    async def _run(self) -> None:
        with catch_unexpected(self._fail):
            await happens_within(self._at_once, self._not_before - time.monotonic())
            async with self._under_way:
                self._not_before = time.monotonic() + COMMIT_EVERY_SECONDS
                taken, self._waiting = self._waiting, NO_OFFSETS
                await self._commit(taken)


async def commit_offsets(consumer: AIOKafkaConsumer, batch: BatchOffsets, assignment: int | None) -> None:
    """Commit these positions, unless the group was rebalanced since (the new owner may be further), or is being
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
