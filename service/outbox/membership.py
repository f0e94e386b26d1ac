"""This process's lanes, by the consumer group on the cursor topic. A process owns a lane if it is assigned its
partition.

The group only distributes lanes over processes; nothing is consumed through it. aiokafka rebalances eagerly: each
member gives up all partitions each time. So nothing happens on revocation, and on assignment only changed lanes stop or
start. Two processes may run a lane for a moment; the transactional id makes sure that only the newer one publishes.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from service.kafka.compat.client_shutdown import close_consumer
from service.kafka.connection import Kafka
from service.outbox.cursor import CURSOR_TOPIC
from service.outbox.errors import outcome
from service.runtime.errors import describe
from service.runtime.retry import Backoff, attempts

log = structlog.get_logger("service.outbox")

SESSION_MS = 6_000
"""The time for which a lane stands still after its process died or froze. The broker's minimum
(group.min.session.timeout.ms) is usually 6000 too."""
HEARTBEATS = 6
POLL_MS = 1_000
START_SECONDS = 20.0
GROUP_TIMEOUT_SECONDS = 5.0
NEW_CONSUMER = Backoff(first_seconds=0.3, longest_seconds=5.0)


class CursorTopicError(Exception):
    """The cursor topic is missing, or its number of partitions differs from the outbox's number of lanes."""


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """This process's membership in the group. Calls `on_lanes`, which must not block, with the lanes of each
    assignment. `own`: the lanes of this database, if other cells have the others."""

    def __init__(
        self,
        kafka: Kafka,
        group_id: str,
        lanes: int,
        on_lanes: Callable[[frozenset[int]], None],
        session_ms: int = SESSION_MS,
        *,
        own: Collection[int] | None = None,
    ) -> None:
        self._session_ms = session_ms
        self._kafka = kafka
        self._group_id = group_id
        self._lanes = lanes
        self._own = frozenset(range(lanes) if own is None else own)
        self._on_lanes = on_lanes
        self._consumer: Any = None
        self._owned: frozenset[int] = frozenset()
        self._pending = True
        self._assignments = 0
        self.problem: str | None = None

    @property
    def joined(self) -> bool:
        """Whether the group has assigned lanes and no rebalance is known to be under way."""
        return not self._pending

    @property
    def assignments(self) -> int:
        """Number of assignments of the group so far."""
        return self._assignments

    async def run(self) -> None:
        """Be a member until cancelled, then leave. Replace a failed consumer, after a delay with jitter."""
        async for attempt in attempts(None, NEW_CONSUMER):
            before = self._assignments
            error = await outcome(self._consume())
            if self._assignments > before:
                attempt.begin_again()
            self._log_problem(error)

    async def still_ours(self, lane: int) -> bool:
        """Return whether this process owns the lane by the group's answer. Raises aiokafka's errors and TimeoutError.

        It asks by committing an offset, which the group accepts only from members of its current generation.
        """
        consumer, assignments = self._consumer, self._assignments
        if consumer is None or not self._settled_since(assignments) or lane not in self._owned:
            return False
        partition = TopicPartition(CURSOR_TOPIC, lane)
        try:
            async with asyncio.timeout(GROUP_TIMEOUT_SECONDS):
                end = (await consumer.end_offsets([partition]))[partition]
                if not self._settled_since(assignments):
                    # A commit during a rebalance makes aiokafka join once more.
                    return False
                await consumer.commit({partition: OffsetAndMetadata(end, "")})
        except (CommitFailedError, IllegalStateError):
            return False
        # After a rebalance aiokafka repeats the commit in the new generation, where success says nothing about this
        # lane.
        return self._settled_since(assignments)

    def _settled_since(self, assignments: int) -> bool:
        """Return whether no rebalance has begun or ended since this number of assignments."""
        return not self._pending and self._assignments == assignments

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._kafka,
            group_id=self._group_id,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_committed",
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=self._session_ms // HEARTBEATS,
            partition_assignment_strategy=[StickyPartitionAssignor],
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await consumer.start()
                await self._refuse_missing_topic(consumer)
            self._consumer = consumer
            consumer.subscribe([CURSOR_TOPIC], listener=self)
            while True:
                # All partitions are paused, so this returns nothing. But the group removes a member that never polls.
                await consumer.getmany(timeout_ms=POLL_MS)
                if self.problem is not None and self._pending:
                    raise CursorTopicError(self.problem)
        finally:
            self._consumer = None
            self._pending = True
            await close_consumer(consumer)

    async def _refuse_missing_topic(self, consumer: Any) -> None:
        # This question never makes a broker create the topic, whatever its settings.
        if CURSOR_TOPIC not in await consumer.topics():
            raise CursorTopicError(f"there is no topic {CURSOR_TOPIC}, or it may not be read: create the topics first")

    def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        """Note the start of a rebalance. Lanes go on: most are assigned again, and a new owner fences the others."""
        self._pending = True

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Start and stop lanes by the new assignment. Must be quick: the new generation's heartbeats begin after it."""
        if self._consumer is None:
            # The consumer is being closed while a rebalance ends.
            return
        partitions = self._consumer.partitions_for_topic(CURSOR_TOPIC) or ()
        if len(partitions) != self._lanes:
            self.problem = f"{CURSOR_TOPIC} has {len(partitions)} partitions, the outbox has {self._lanes} lanes"
            self._owned = frozenset()
            self._on_lanes(self._owned)
            return
        self._consumer.pause(*assigned)
        self.problem = None
        # The group spreads all partitions over its members, those of other cells' lanes too.
        self._owned = self._own.intersection(partition.partition for partition in assigned)
        self._pending = False
        self._assignments += 1
        log.info("lanes_assigned", message="Lanes assigned.", lanes=sorted(self._owned))
        self._on_lanes(self._owned)

    def _log_problem(self, error: Exception | None) -> None:
        problem = str(error) if isinstance(error, CursorTopicError) else describe(error or RuntimeError("it ended"))
        log.log(
            logging.DEBUG if problem == self.problem else logging.WARNING,
            "lanes_not_assigned",
            message="This worker gets no lanes; trying again.",
            because=problem,
        )
        self.problem = problem
