"""A look at the assigned partitions every second or so, for what no batch can tell.

A batch says how far its partitions were read by its last records. Where nothing arrives, only the
partition's end can say it: everything is handled that was there when we asked. And a partition whose records
were removed, or that was made anew, under a running service yields nothing and fails nothing, so that has to
be looked for too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from service.failures import describe
from service.inbox.offsets import OffsetLostError, bounds, lost, settle
from service.inbox.retries import happens_within
from service.store.errors import StoreUnavailableError

log = structlog.get_logger("service.inbox")

LOOK_EVERY = 1.0
POSITION_WITHIN = 0.5

Reached = Mapping[TopicPartition, datetime]


class Watch:
    """Looks at the consumer's partitions while no batch is in hand.

    `clock` is the instant by the database, `note` keeps what was reached. `idle` says whether every record
    that the consumer handed out is stored: only then does its position mean "handled up to here".
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        scout: AIOKafkaConsumer,
        group: str,
        *,
        idle: Callable[[], bool],
        clock: Callable[[], Awaitable[datetime]],
        note: Callable[[Reached], Awaitable[None]],
    ) -> None:
        self._consumer = consumer
        self._scout = scout
        self._group = group
        self._idle = idle
        self._clock = clock
        self._note = note
        # A leader that has just taken over may show an end before the real one for a moment, so a loss is
        # seen twice.
        self._suspected: dict[TopicPartition, int] = {}
        self._acknowledged: dict[TopicPartition, int] = {}

    async def run(self, stopping: asyncio.Event, every: float = LOOK_EVERY) -> None:
        """Look until `stopping`. Raises OffsetLostError; what is away for a moment is looked at again next
        time.
        """
        while not await happens_within(stopping, every):
            try:
                await self.look()
            except (KafkaError, StoreUnavailableError) as error:
                log.debug("Could not look at the partitions' ends.", because=describe(error))

    async def look(self) -> Reached:
        """Note the partitions whose end is reached, with the instant at which that was asked. Raises
        OffsetLostError.
        """
        # The instant comes first: what the broker answers afterwards contains everything up to it.
        asked_at = await self._clock()
        positions = await self._positions()
        at = await bounds(self._scout, positions)
        reached: dict[TopicPartition, datetime] = {}
        for partition, position in positions.items():
            begins, ends = at[partition]
            if problem := lost(partition, self._group, position, begins, ends):
                if self._suspected.get(partition) == position:
                    raise OffsetLostError(problem)
                self._suspected[partition] = position
                continue
            self._suspected.pop(partition, None)
            if position == ends:
                reached[partition] = asked_at
        if reached:
            await self._note(reached)
        await self._acknowledge(positions)
        return reached

    async def _acknowledge(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions that moved without a batch: over the markers of transactions. An idle partition would
        else show lag for ever, and look as if its last records had gone unread once retention removes them.
        """
        moved = {tp: position for tp, position in positions.items() if self._acknowledged.get(tp) != position}
        if moved:
            await self._consumer.commit(moved)
            self._acknowledged.update(moved)

    async def _positions(self) -> dict[TopicPartition, int]:
        """Up to where each assigned partition is handled; empty while a batch is in hand."""
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
        return positions if self._idle() else {}
