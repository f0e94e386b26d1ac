"""What is stored has its offsets committed while the next batch is taken in: the broker's answer takes milliseconds,
and nothing hangs on it. Where they are not, a record comes again and is known.
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
    """A batch that the consumer handed out: where it begins and where reading goes on behind it, by partition."""

    begins: Mapping[TopicPartition, int]
    positions: Mapping[TopicPartition, int]
    """Behind the batch and the markers of transactions that follow it."""
    assignment: int
    """How often the group had given out its partitions by then."""


NO_OFFSETS = BatchOffsets({}, {}, 0)


async def batch_offsets(consumer: AIOKafkaConsumer | None, records: Iterable[Any], assignment: int) -> BatchOffsets:
    """Return where the batch begins and ends that `getmany` has just returned. Nothing is awaited that waits: its
    positions are known."""
    begins: dict[TopicPartition, int] = {}
    for record in records:
        begins.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    positions = {} if consumer is None else {one: await consumer.position(one) for one in begins}
    return BatchOffsets(begins, positions, assignment)


class OffsetCommitter:
    """One at a time, in the order of the batches. `fail` is told what nobody foresaw."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail
        self._last: asyncio.Task[None] | None = None

    async def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done beside what follows, once the one before is."""
        await self.done()
        self._last = asyncio.create_task(self._run(work), name="commit")

    async def done(self, seconds: float | None = None) -> None:
        """Wait until the last one that was begun is done."""
        if self._last is not None:
            await asyncio.wait([self._last], timeout=seconds)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        with catch_unexpected(self._fail):
            await work


async def commit_offsets(consumer: AIOKafkaConsumer, batch: BatchOffsets, assignment: int) -> None:
    """Commit up to where the batch ends, unless the group has given out its partitions since: whoever has them now
    may be further."""
    try:
        if batch.assignment == assignment:
            await consumer.commit(dict(batch.positions))
    except (CommitFailedError, IllegalStateError):
        # The group gave our partitions to others meanwhile. They get these records again, find the facts known.
        log.info(
            "commit_rebalanced",
            message="Offsets were not committed because the group was rebalanced. This is harmless: the records come "
            "again and are known.",
        )
    except KafkaError as error:
        # The next commit covers this one; without one, the records come again and are known.
        log.warning(
            "commit_failed",
            message="Committing offsets failed. This is harmless: the next commit covers them, or the records come "
            "again and are known.",
            because=describe(error),
        )
