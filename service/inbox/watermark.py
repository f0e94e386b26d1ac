"""A look at the assigned partitions every second or so: how far the input was read, and whether it is still there.

How far a partition was read is said without trusting any record's time (a producer sets it, and brokers' clocks
differ): the database's clock is read first, the partition's end asked then, and once everything before that end is
handled, the partition was read up to that instant. So a deadline, which goes by the same clock, can't pass while a
payment that was there in time lies unread. Which partitions there are is asked before anything is noted, so
that one which is new holds every deadline back too.

And a partition whose records were removed, or that was made anew, under a running service yields nothing and fails
nothing, so that has to be looked for.
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
    """Where a partition ended at an instant (by the database), or later."""

    end: int
    asked_at: datetime


class WatermarkTracker:
    """Looks at the consumer's partitions, whether or not a batch is in hand.

    `clock` is the instant by the database, `note` keeps what was reached (None: nothing known yet of a partition
    that exists). `existing` asks the broker for all partitions of the event topics. `in_hand` says where the batch
    begins that the consumer handed out and that is not stored yet: up to there, or else to the consumer's position,
    a partition is handled.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        scout: AIOKafkaConsumer,
        group: str,
        *,
        existing: Callable[[], Awaitable[Iterable[TopicPartition]]],
        in_hand: Callable[[], Mapping[TopicPartition, int]],
        clock: Callable[[], Awaitable[datetime]],
        note: Callable[[Watermarks], Awaitable[None]],
    ) -> None:
        self._consumer = consumer
        self._scout = scout
        self._group = group
        self._existing = existing
        self._in_hand = in_hand
        self._clock = clock
        self._note = note
        self._known: frozenset[TopicPartition] = frozenset()
        self._end_offsets: dict[TopicPartition, EndOffset] = {}
        # A leader that has just taken over may show an end before the real one for a moment, so a loss is
        # seen twice.
        self._suspected: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}

    async def run(self, stopping: asyncio.Event, every: float = LOOK_EVERY) -> None:
        """Look until `stopping`. Raises OffsetLostError; what is away for a moment is looked at again next
        time.
        """
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
        """Note the partitions that are handled up to where an earlier look saw their end, with the instant of that
        look. Raises OffsetLostError.
        """
        await self._get_to_know()
        handled, whole = await self._handled()
        watermarks: dict[TopicPartition, datetime | None] = {
            partition: end_offset.asked_at
            for partition, end_offset in self._end_offsets.items()
            if partition in handled and handled[partition] >= end_offset.end
        }
        if watermarks:
            await self._note(watermarks)
        # End offsets of what is no longer ours would only grow old.
        self._end_offsets = {
            p: end_offset for p, end_offset in self._end_offsets.items() if p in handled and p not in watermarks
        }
        await self._ask_end_offsets(handled)
        await self._commit_moved({partition: handled[partition] for partition in whole})
        return watermarks

    async def _get_to_know(self) -> None:
        """Have every partition there is known to hold deadlines back, before anything is noted that lets them pass."""
        new = frozenset(await self._existing()) - self._known
        if new:
            await self._note(dict.fromkeys(new))
            self._known |= new

    async def _ask_end_offsets(self, handled: Mapping[TopicPartition, int]) -> None:
        # The instant comes first: what the broker answers afterwards contains everything up to it.
        asked_at = await self._clock()
        for partition, (begins, ends) in (await bounds(self._scout, handled)).items():
            position = handled[partition]
            if problem := lost(partition, self._group, position, begins, ends):
                if self._suspected.get(partition) == position:
                    raise OffsetLostError(problem)
                self._suspected[partition] = position
                continue
            self._suspected.pop(partition, None)
            self._end_offsets.setdefault(partition, EndOffset(ends, asked_at))

    async def _commit_moved(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions that moved without a batch: over the markers of transactions. An idle partition would
        else show lag for ever, and look as if its last records had gone unread once retention removes them.
        """
        moved = {tp: position for tp, position in positions.items() if self._committed.get(tp) != position}
        if moved:
            await self._consumer.commit(moved)
            self._committed.update(moved)

    async def _handled(self) -> tuple[dict[TopicPartition, int], set[TopicPartition]]:
        """Up to where each assigned partition is handled, and which of them up to all that was handed out."""
        unknown: list[TopicPartition] = []
        positions: dict[TopicPartition, int] = {}
        for partition in self._consumer.assignment():
            try:
                async with asyncio.timeout(POSITION_WITHIN):
                    positions[partition] = await self._consumer.position(partition)
            except TimeoutError:
                unknown.append(partition)
            except IllegalStateError:
                # Given to another worker in between.
                continue
        if unknown:
            await settle(self._consumer, self._scout, self._group, unknown)
        # Asked after the positions: what a position stands behind is stored by now, or in hand still.
        in_hand = self._in_hand()
        handled = {p: min(position, in_hand.get(p, position)) for p, position in positions.items()}
        return handled, positions.keys() - in_hand.keys()
