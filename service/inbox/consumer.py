"""The batch subscriber on all event topics, and what holds it to its promise: stored first, committed
then, or not at all.

FastStream swallows what a handler raises, takes the next batch, and that one's commit goes past
the one that failed. So the handler here never raises, and returns only when its batch is stored, or when the
subscriber takes no further batch: because the process was asked to stop, or because something happened that
nobody foresaw. (`StopConsume` would do for the last two, but it cancels the task that is closing the
consumer, which then stays in the group until its session ends.)
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from purchasing_contracts.topics import TOPICS

from service.inbox.commits import NO_OFFSETS, BatchOffsets, OffsetCommitter, batch_offsets, commit_offsets
from service.inbox.listener import LibraryLog, Listener
from service.inbox.offsets import settle
from service.inbox.parser import Message, inbound_record_of, parse_batch, pass_through
from service.inbox.stopwatch import Stopwatch
from service.kafka.compat.fetch_pacing import Gathering
from service.kafka.compat.group_coordinator import coordination_task
from service.kafka.connection import Kafka
from service.kafka.security import broker_arguments
from service.kafka.topics import partitions_there
from service.orders.inbound_record import InboundRecord
from service.runtime.errors import catch_unexpected, describe
from service.runtime.failpoints import failpoint
from service.runtime.retry import happens_within, until_stored

log = structlog.get_logger("service.inbox")

MAX_RECORDS = 1000
# FastStream sleeps this long after every look that found nothing: what it costs when idle, a record pays in latency.
BATCH_WITHIN_MS = 20
SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_MS = 2_000
# How long one batch may take (the database away included) before the broker gives its partitions to another
# worker. Being given away harms nothing, the other worker waits for the same database, but it makes noise.
MAX_POLL_INTERVAL_MS = 300_000
GRACE_SECONDS = 8.0
LAST_COMMIT_SECONDS = 2.0
RUNNING_POLL_SECONDS = 0.01
GUARD_SECONDS = 1.0
# How soon partitions that were added to a topic are read. Until then they hold every deadline back.
METADATA_MAX_AGE_MS = 30_000

EVENT_TOPICS: tuple[str, ...] = tuple(topic.name for topic in TOPICS if topic.direction == "in")

Handle = Callable[[Sequence[InboundRecord]], Awaitable[object]]


class Inbox:
    """Reads the event topics for `group` and hands each batch to `handle` until it is stored.

    `handle` stores a batch in one transaction; it raises StoreUnavailableError when the same batch is to be tried
    again. `fail` is told what else it raised, or that an offset is lost (OffsetLostError), and ends the process by
    setting `stopping`. `open_topics` says which topics are not to be read on (`follow_breakers`, when it changes).
    """

    def __init__(
        self,
        kafka: Kafka,
        group: str,
        handle: Handle,
        stopping: asyncio.Event,
        fail: Callable[[Exception], None],
        open_topics: Callable[[], Collection[str]] = tuple,
        stored: Callable[[Any, Mapping[str, int], Mapping[str, float]], None] = lambda *_: None,
        middlewares: Sequence[Any] = (),
    ) -> None:
        self.failures_in_a_row = 0
        """How often the batch in hand could not be stored so far."""
        self.failed_because: str | None = None
        """Why it could not, the last time."""
        self.partitions: list[TopicPartition] = []
        """All partitions there are, whoever has them, as the broker said last; known once it has started."""
        self.assignments = 0
        """How often the group has given out its partitions."""
        self.rebalancing_since: float | None = None
        """By the monotonic clock; None while this worker has its partitions, or knows that it has none."""
        self._handle = handle
        self._report = stored
        self._group = group
        self._stopping = stopping
        self._fail = fail
        self._open_topics = open_topics
        self._in_hand = NO_OFFSETS
        self._committer = OffsetCommitter(fail)
        self._gathering = Gathering()
        self._stopwatch = Stopwatch()
        self._kafka = kafka
        self._scout = AIOKafkaConsumer(**kafka)
        self._admin = AIOKafkaAdminClient(**kafka)
        self._broker = self._new_broker(middlewares)
        self._subscriber = self._subscribed(group)
        self._subscriber(self._on_batch)

    def _new_broker(self, middlewares: Sequence[Any]) -> KafkaBroker:
        return KafkaBroker(
            **broker_arguments(self._kafka),
            client_id=f"{self._kafka.get('client_id', 'purchasing')}-inbox",
            # No producer and no admin client: reading needs no right to write.
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            apply_types=False,
            parser=self._take_in_hand,
            decoder=pass_through,
            graceful_timeout=GRACE_SECONDS,
            logger=LibraryLog(),
            log_level=logging.DEBUG,
            middlewares=middlewares,
        )

    def _subscribed(self, group: str) -> Any:
        return self._broker.subscriber(
            *EVENT_TOPICS,
            group_id=group,
            batch=True,
            max_records=MAX_RECORDS,
            batch_timeout_ms=BATCH_WITHIN_MS,
            ack_policy=AckPolicy.MANUAL,
            # A header `reply_to` must not make us write to a topic of the sender's choice.
            no_reply=True,
            isolation_level="read_committed",
            auto_offset_reset="none",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            listener=Listener(EVENT_TOPICS, self._settle, self._given_out),
        )

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The consumer, between start and stop."""
        return self._subscriber.consumer

    @property
    def assigned(self) -> Mapping[str, int]:
        """How many partitions of each topic are this worker's."""
        return Counter(p.topic for p in self.consumer.assignment()) if self.consumer is not None else {}

    @property
    def scout(self) -> AIOKafkaConsumer:
        """A consumer without a group, for asking where partitions begin and end."""
        return self._scout

    @property
    def in_hand(self) -> Mapping[TopicPartition, int]:
        """Where, by partition, the batch begins that the consumer handed out and that is not stored yet."""
        return self._in_hand.begins

    async def existing(self) -> list[TopicPartition]:
        """All partitions the event topics have at this moment. Raises KafkaError, also where one of them has none."""
        self.partitions = await partitions_there(self._admin, EVENT_TOPICS)
        return self.partitions

    async def start(self) -> None:
        """Join the group and begin. Raises KafkaError where the broker can't be reached, and
        OffsetLostError.
        """
        await self._scout.start()
        await self._admin.start()
        await self._settle_before()
        await self._broker.start()

    async def stop(self) -> None:
        """Leave the group; the batch in hand is finished first if that takes no longer than the grace
        period.
        """
        await self._committer.done(LAST_COMMIT_SECONDS)
        await self._broker.stop()
        await self._scout.stop()
        await self._admin.close()

    def follow_breakers(self) -> None:
        """Read no further where the topic's circuit breaker is open, and on where it is not, from the next batch on."""
        consumer, open_topics = self.consumer, self._open_topics()
        if consumer is None:
            return
        paused = consumer.paused()
        for partition in consumer.assignment():
            if (partition.topic in open_topics) != (partition in paused):
                (consumer.pause if partition.topic in open_topics else consumer.resume)(partition)

    async def guard(self, every: float = GUARD_SECONDS) -> None:
        """Go on until asked to stop; raises what the consuming task ended with, or the one that keeps us in the group.

        That can only be an error of the client library's that nobody foresaw. FastStream would start the first over for
        ever, at full speed, and say so once; without the second every look for records fails, for ever too.
        """
        while not await happens_within(self._stopping, every):
            member = [] if self.consumer is None else [coordination_task(self.consumer)]
            for task in (*self._subscriber.tasks, *member):
                if (
                    task is not None
                    and task.done()
                    and not task.cancelled()
                    and (error := task.exception()) is not None
                ):
                    raise error

    async def _settle_before(self) -> None:
        """Settle all partitions while we are no member yet: a new group's first batch would find no offsets and
        pause, and a lost offset is said before work is taken away from others.
        """
        partitions = await self.existing()
        newcomer = AIOKafkaConsumer(
            **self._kafka, group_id=self._group, enable_auto_commit=False, auto_offset_reset="none"
        )
        newcomer.assign(partitions)
        # Nothing is to be fetched, only asked.
        newcomer.pause(*partitions)
        await newcomer.start()
        try:
            await settle(newcomer, self._scout, self._group, partitions)
        except CommitFailedError:
            # The group has members: it is theirs to settle, and each settles what it is assigned.
            log.debug("group_active", message="The consumer group has members already.", group=self._group)
        finally:
            await newcomer.stop()

    async def _take_in_hand(self, records: Any, original: Any) -> Message:
        # From getmany's return to here nothing is awaited that waits, so positions and this change together.
        self._in_hand = await batch_offsets(self.consumer, records, self.assignments)
        if self.consumer is not None:
            self._gathering.batch_came(self.consumer)
        return await parse_batch(records, original)

    async def _on_batch(self, message: Message) -> None:
        with catch_unexpected(self._fail):
            if await self._stored(message):
                await self._committer.begin(self._commit_offsets(message.raw_message, self._in_hand, self._stopwatch))
                self._in_hand = NO_OFFSETS
                # FastStream's message refers to itself: so much as a batch would else be left to Python's collector.
                message.raw_message = ()
                if self._stopping.is_set():
                    await self._committer.done(LAST_COMMIT_SECONDS)
                return
        # Not stored, so no other batch may be taken; `stop` is on its way.
        while self._subscriber.running:  # noqa: ASYNC110 - FastStream has no event for it
            await asyncio.sleep(RUNNING_POLL_SECONDS)

    async def _stored(self, message: Message) -> bool:
        if self._stopping.is_set():
            return False
        self._stopwatch = Stopwatch()
        with self._stopwatch.time("decode"):
            inbound_records = [inbound_record_of(record) for record in message.raw_message]
        storing = partial(self._store, inbound_records)
        return bool(await until_stored(storing, self._stopping, "store the batch", told=self._told))

    async def _store(self, inbound_records: Sequence[InboundRecord]) -> bool:
        with self._stopwatch.time("store"):
            await self._handle(inbound_records)
        return True

    def _given_out(self, *, done: bool) -> None:
        """The group gives out its partitions, or has done so."""
        self.rebalancing_since = None if done else time.monotonic()
        if done:
            self.assignments += 1
            self.follow_breakers()

    def _told(self, failures: int, because: str | None) -> None:
        self.failures_in_a_row, self.failed_because = failures, because

    async def _commit_offsets(self, records: Sequence[Any], batch: BatchOffsets, stopwatch: Stopwatch) -> None:
        await failpoint("inbox.before_offset_commit")
        with stopwatch.time("commit"):
            if self.consumer is not None:
                await commit_offsets(self.consumer, batch, self.assignments)
        self._report(records, Counter(p.topic for p in self.partitions), stopwatch.seconds)

    async def _settle(self, assigned: set[TopicPartition]) -> None:
        consumer = self.consumer
        if consumer is None or not assigned:
            return
        with catch_unexpected(self._fail):
            await failpoint("inbox.assigned")
            try:
                await settle(consumer, self._scout, self._group, assigned)
            except KafkaError as error:
                # Nothing is skipped meanwhile, as there is no offset reset; the watch settles it when it
                # looks.
                log.warning(
                    "offsets_not_settled",
                    message="Settling the offsets of the assigned partitions failed; retrying.",
                    because=describe(error),
                )
