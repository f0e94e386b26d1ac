"""The batch subscriber on all event topics. It commits offsets only after the batch is stored.

FastStream swallows a handler's exception and takes the next batch, whose commit would skip the failed one. So the
handler here never raises. It returns only if its batch is stored, or if the subscriber takes no further batch because
the process is stopping or an unexpected error occurred. (`StopConsume` would serve the last two cases, but it cancels
the task that closes the consumer, which then stays in the group until its session ends.)
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
from service.kafka.compat.group_coordinator import lasting_tasks
from service.kafka.connection import Kafka
from service.kafka.security import broker_arguments
from service.kafka.topics import partitions_there
from service.orders.inbound_record import InboundRecord
from service.runtime.errors import catch_unexpected, describe
from service.runtime.failpoints import failpoint
from service.runtime.retry import happens_within, until_stored

log = structlog.get_logger("service.inbox")

MAX_RECORDS = 1000
# FastStream sleeps this long after each empty poll: shorter costs more when idle, longer delays records.
BATCH_WITHIN_MS = 20
SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_MS = 2_000
# Longest duration of a batch, including retries while the database is away, before the broker gives the partitions to
# another worker. That does no harm, because the other worker waits for the same database, but it fills the logs.
MAX_POLL_INTERVAL_MS = 300_000
GRACE_SECONDS = 8.0
LAST_COMMIT_SECONDS = 2.0
RUNNING_POLL_SECONDS = 0.01
GUARD_SECONDS = 1.0
# Partitions added to a topic are found within this time. Until they are read, they hold back every deadline.
METADATA_MAX_AGE_MS = 30_000

EVENT_TOPICS: tuple[str, ...] = tuple(topic.name for topic in TOPICS if topic.direction == "in")

Handle = Callable[[Sequence[InboundRecord]], Awaitable[object]]


class Inbox:
    """Reads the event topics for `group` and gives each batch to `handle` until it is stored.

    `handle` stores a batch in one transaction, and raises StoreUnavailableError if the same batch must be retried.
    `fail` is called with any other exception of `handle`, or with OffsetLostError; it ends the process by setting
    `stopping`. `open_topics` returns the topics that must not be read; call `follow_breakers` when it changes. `stored`
    is called after each batch, and `committed` after each commit of offsets with its seconds.
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
        committed: Callable[[float], None] = lambda _: None,
        middlewares: Sequence[Any] = (),
    ) -> None:
        self.failures_in_a_row = 0
        """Number of failed attempts to store the current batch."""
        self.failed_because: str | None = None
        """Reason of the last failed attempt."""
        self.partitions: list[TopicPartition] = []
        """All partitions, also those of other members, by the broker's last answer; known after the start."""
        self.assignments = 0
        """Number of assignments of the group so far."""
        self.rebalancing_since: float | None = None
        """Start of the current rebalance by the monotonic clock; None if none is under way."""
        self._handle = handle
        self._report = stored
        self._report_commit = committed
        self._group = group
        self._stopping = stopping
        self._fail = fail
        self._open_topics = open_topics
        self._in_progress = NO_OFFSETS
        self._committer = OffsetCommitter(self._commit_offsets, fail)
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
            # No producer and no admin client, so that reading needs no ACL to write.
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            apply_types=False,
            parser=self._parse,
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
            # Otherwise a header `reply_to` would make the service write to a topic of the sender's choice.
            no_reply=True,
            isolation_level="read_committed",
            auto_offset_reset="none",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            listener=Listener(EVENT_TOPICS, self._settle, self._note_rebalance),
        )

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The consumer, between start and stop."""
        return self._subscriber.consumer

    @property
    def assigned(self) -> Mapping[str, int]:
        """Number of assigned partitions per topic."""
        return Counter(p.topic for p in self.consumer.assignment()) if self.consumer is not None else {}

    @property
    def assignment(self) -> int | None:
        """Number of the present assignment; None while a rebalance is under way, when nothing may be committed."""
        return self.assignments if self.rebalancing_since is None else None

    @property
    def scout(self) -> AIOKafkaConsumer:
        """A consumer without a group, which reads first and end offsets of partitions."""
        return self._scout

    @property
    def in_progress(self) -> Mapping[TopicPartition, int]:
        """First offset, per partition, of the batch that is being handled and not stored yet."""
        return self._in_progress.begins

    async def existing(self) -> list[TopicPartition]:
        """Return the partitions that the event topics have now. Raises KafkaError, also if a topic has none."""
        self.partitions = await partitions_there(self._admin, EVENT_TOPICS)
        return self.partitions

    async def start(self) -> None:
        """Join the group and start reading. Raises KafkaError if the broker can't be reached, and OffsetLostError."""
        await self._scout.start()
        await self._admin.start()
        await self._settle_before()
        await self._broker.start()

    async def stop(self) -> None:
        """Leave the group, after finishing the current batch if that takes no longer than the grace period."""
        await self._committer.done(LAST_COMMIT_SECONDS)
        await self._broker.stop()
        await self._scout.stop()
        await self._admin.close()

    def follow_breakers(self) -> None:
        """Pause topics whose circuit breaker is open and resume the others, from the next batch on."""
        consumer, open_topics = self.consumer, self._open_topics()
        if consumer is None:
            return
        paused = consumer.paused()
        for partition in consumer.assignment():
            if (partition.topic in open_topics) != (partition in paused):
                (consumer.pause if partition.topic in open_topics else consumer.resume)(partition)

    async def guard(self, every: float = GUARD_SECONDS) -> None:
        """Run until asked to stop; raise the error of the consuming task, or of a task of the client library.

        Such an error is an unexpected one of the client library. FastStream would restart the consuming task for ever,
        without a delay, and log it once. `lasting_tasks` has the library's tasks, and what happens without them.
        """
        while not await happens_within(self._stopping, every):
            librarys = [] if self.consumer is None else lasting_tasks(self.consumer)
            for task in (*self._subscriber.tasks, *librarys):
                if (
                    task is not None
                    and task.done()
                    and not task.cancelled()
                    and (error := task.exception()) is not None
                ):
                    raise error

    async def _settle_before(self) -> None:
        """Settle the offsets of all partitions before joining the group.

        Otherwise a new group's first batch would find no offsets and pause. And a lost offset is reported before other
        workers lose their partitions to this one.
        """
        partitions = await self.existing()
        newcomer = AIOKafkaConsumer(
            **self._kafka, group_id=self._group, enable_auto_commit=False, auto_offset_reset="none"
        )
        newcomer.assign(partitions)
        # This consumer only asks for offsets and must not fetch.
        newcomer.pause(*partitions)
        await newcomer.start()
        try:
            await settle(newcomer, self._scout, self._group, partitions)
        except CommitFailedError:
            # The group has members, and each settles its assigned partitions.
            log.debug("group_active", message="The consumer group has members already.", group=self._group)
        finally:
            await newcomer.stop()

    async def _parse(self, records: Any, original: Any) -> Message:
        # Nothing suspends between the return of `getmany` and here, so positions and `_in_progress` change together.
        self._in_progress = await batch_offsets(self.consumer, records, self.assignments)
        if self.consumer is not None:
            self._gathering.batch_came(self.consumer)
        return await parse_batch(records, original)

    async def _on_batch(self, message: Message) -> None:
        with catch_unexpected(self._fail):
            if await self._stored(message):
                stored, self._in_progress = self._in_progress, NO_OFFSETS
                self._report(message.raw_message, Counter(p.topic for p in self.partitions), self._stopwatch.all())
                await self._committer.add(stored)
                # FastStream's message is in a reference cycle; empty it, so that the records don't wait for the garbage
                # collector.
                message.raw_message = ()
                if self._stopping.is_set():
                    await self._committer.done(LAST_COMMIT_SECONDS)
                return
        # The batch is not stored, so take no other one; `stop` follows.
        while self._subscriber.running:  # noqa: ASYNC110 - FastStream has no event for it
            await asyncio.sleep(RUNNING_POLL_SECONDS)

    async def _stored(self, message: Message) -> bool:
        if self._stopping.is_set():
            return False
        self._stopwatch = Stopwatch()
        with self._stopwatch.time("decode"):
            inbound_records = [inbound_record_of(record) for record in message.raw_message]
        storing = partial(self._store, inbound_records)
        return bool(await until_stored(storing, self._stopping, "store the batch", on_failures=self._note_attempt))

    async def _store(self, inbound_records: Sequence[InboundRecord]) -> bool:
        with self._stopwatch.time("store"):
            await self._handle(inbound_records)
        return True

    def _note_rebalance(self, *, done: bool) -> None:
        """Note the start or end of a rebalance."""
        self.rebalancing_since = None if done else time.monotonic()
        if done:
            self.assignments += 1
            self.follow_breakers()

    def _note_attempt(self, failures: int, because: str | None) -> None:
        self.failures_in_a_row, self.failed_because = failures, because

    async def _commit_offsets(self, batch: BatchOffsets) -> None:
        await failpoint("inbox.before_offset_commit")
        begun = time.perf_counter()
        if self.consumer is not None:
            await commit_offsets(self.consumer, batch, self.assignment)
        self._report_commit(time.perf_counter() - begun)

    async def _settle(self, assigned: set[TopicPartition]) -> None:
        consumer = self.consumer
        if consumer is None or not assigned:
            return
        with catch_unexpected(self._fail):
            await failpoint("inbox.assigned")
            try:
                await settle(consumer, self._scout, self._group, assigned)
            except KafkaError as error:
                # No record is skipped meanwhile, because there is no offset reset. The watermark tracker settles the
                # offsets at its next look.
                log.warning(
                    "offsets_not_settled",
                    message="Settling the offsets of the assigned partitions failed; retrying.",
                    because=describe(error),
                )
