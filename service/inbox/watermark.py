"""The watermark tracker: finds every second how far the assigned partitions were read, and whether they are intact.

The watermark does not rely on records' timestamps, because a producer may set them and brokers' clocks differ. The
tracker reads the database's clock, then asks for the partition's end. Once everything before that end is handled, the
partition's watermark is that instant. So a deadline, which goes by the same clock, can't pass while a payment that
arrived in time is unread. All partitions are listed before any watermark is stored, so that a new partition holds
deadlines back too.

A partition whose records were removed, or that was recreated, yields neither records nor errors. So the tracker checks
for that too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from service.inbox.offsets import OffsetLostError, bounds, lost, settle
from service.runtime.errors import describe
from service.runtime.retry import happens_within
from service.store.errors import StoreUnavailableError

log = structlog.get_logger("service.inbox")

LOOK_EVERY = 1.0
POSITION_WITHIN = 0.5

Watermarks = Mapping[TopicPartition, datetime | None]


class EndOffset(NamedTuple):
    """A partition's end, read after the instant `requested_at` by the database's clock."""

    end: int
    requested_at: datetime


class WatermarkTracker:
    """Tracks the consumer's partitions, whether or not a batch is being handled.

    `clock` returns the database's instant. `note` stores watermarks (None: the partition exists, nothing is known).
    `existing` returns all partitions of the event topics. `in_progress` returns the first offsets of the batch
    that is being handled. A partition is handled up to there, or else up to the consumer's position. `assignment`
    returns the number of the group's present assignment, None during a rebalance.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        scout: AIOKafkaConsumer,
        group: str,
        *,
        existing: Callable[[], Awaitable[Iterable[TopicPartition]]],
        in_progress: Callable[[], Mapping[TopicPartition, int]],
        assignment: Callable[[], int | None],
        clock: Callable[[], Awaitable[datetime]],
        note: Callable[[Watermarks], Awaitable[None]],
    ) -> None:
        self._consumer = consumer
        self._scout = scout
        self._group = group
        self._existing = existing
        self._in_progress = in_progress
        self._assignment = assignment
        self._clock = clock
        self._note = note
        self._known: frozenset[TopicPartition] = frozenset()
        self._end_offsets: dict[TopicPartition, EndOffset] = {}
        # A new leader may briefly report an end before the real one, so an offset counts as lost only if two looks
        # agree.
        self._suspected: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._committed_in: int | None = None

    async def run(self, stopping: asyncio.Event, every: float = LOOK_EVERY) -> None:
        """Call `look` until `stopping`; retry while Kafka or the database is unavailable. Raises OffsetLostError."""
        while not await happens_within(stopping, every):
            try:
                await self.look()
            except (KafkaError, StoreUnavailableError) as error:
                log.debug(
                    "ends_not_read",
                    message="Reading the partitions' end offsets failed; retrying.",
                    because=describe(error),
                )

    async def look(self) -> Watermarks:
        """Store the watermark of each partition that is handled up to the end seen by an earlier look. Return the
        watermarks.

        The watermark is the instant of that look. Raises OffsetLostError.
        """
        await self._note_new_partitions()
        assignment = self._assignment()
        handled, whole = await self._handled()
        watermarks: dict[TopicPartition, datetime | None] = {
            partition: end_offset.requested_at
            for partition, end_offset in self._end_offsets.items()
            if partition in handled and handled[partition] >= end_offset.end
        }
        if watermarks:
            await self._note(watermarks)
        # Drop the ends of partitions that are no longer assigned; they would only grow old.
        self._end_offsets = {
            p: end_offset for p, end_offset in self._end_offsets.items() if p in handled and p not in watermarks
        }
        await self._read_end_offsets(handled)
        await self._commit_moved({partition: handled[partition] for partition in whole}, assignment)
        return watermarks

    async def _note_new_partitions(self) -> None:
        """Store new partitions without a watermark, so that they hold deadlines back, before storing any watermark."""
        new = frozenset(await self._existing()) - self._known
        if new:
            await self._note(dict.fromkeys(new))
            self._known |= new

    async def _read_end_offsets(self, handled: Mapping[TopicPartition, int]) -> None:
        # Read the clock first: the broker's later answer contains everything up to that instant.
        requested_at = await self._clock()
        for partition, (begins, ends) in (await bounds(self._scout, handled)).items():
            position = handled[partition]
            if problem := lost(partition, self._group, position, begins, ends):
                if self._suspected.get(partition) == position:
                    raise OffsetLostError(problem)
                self._suspected[partition] = position
                continue
            self._suspected.pop(partition, None)
            self._end_offsets.setdefault(partition, EndOffset(ends, requested_at))

    async def _commit_moved(self, positions: Mapping[TopicPartition, int], assignment: int | None) -> None:
        """Commit positions that moved without records, over transaction markers, if they are of the present assignment.

        Otherwise an idle partition would always show lag, and once retention removes its last records, they would look
        unread. In a new assignment all are committed again, because a commit of another worker may have come later. For
        why not during a rebalance, see `commit_offsets`.
        """
        if assignment is None or assignment != self._assignment():
            return
        if assignment != self._committed_in:
            self._committed, self._committed_in = {}, assignment
        moved = {tp: position for tp, position in positions.items() if self._committed.get(tp) != position}
        if moved:
            await self._consumer.commit(moved)
            self._committed.update(moved)

    async def _handled(self) -> tuple[dict[TopicPartition, int], set[TopicPartition]]:
        """Return the handled offset of each assigned partition, and the partitions without a batch being handled."""
        unknown: list[TopicPartition] = []
        positions: dict[TopicPartition, int] = {}
        for partition in self._consumer.assignment():
            try:
                async with asyncio.timeout(POSITION_WITHIN):
                    positions[partition] = await self._consumer.position(partition)
            except TimeoutError:
                unknown.append(partition)
            except IllegalStateError:
                # The partition was assigned to another worker meanwhile.
                continue
        if unknown and self._assignment() is not None:
            await settle(self._consumer, self._scout, self._group, unknown)
        # Ask after the positions: whatever is before a position is now stored or in hand.
        in_progress = self._in_progress()
        handled = {p: min(position, in_progress.get(p, position)) for p, position in positions.items()}
        return handled, positions.keys() - in_progress.keys()
