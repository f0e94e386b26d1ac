"""The batch subscriber on all event topics, and what holds it to its promise: stored first, acknowledged
then, or not at all.

FastStream swallows what a handler raises, takes the next batch, and that one's acknowledgement commits past
the one that failed. So the handler here never returns or raises before its batch is stored, with two
exceptions, and after both nothing is ever acknowledged again: the process is asked to stop, or something
happened that nobody foresaw. Then it raises `StopConsume`, which closes the consumer, and the process ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from faststream import AckPolicy
from faststream.exceptions import StopConsume
from faststream.kafka import KafkaBroker
from purchasing_contracts.topics import TOPICS

from service.failpoints import failpoint
from service.failures import anything_else, describe
from service.inbox.offsets import OffsetLostError, settle
from service.inbox.parser import Message, arrival_of, parse_batch, pass_through
from service.inbox.retries import until_stored
from service.inbox.security import security_of
from service.orders.arrival import Arrival

log = structlog.get_logger("service.inbox")

MAX_RECORDS = 1000
BATCH_WITHIN_MS = 100
SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_MS = 2_000
# How long one batch may take (the database away included) before the broker gives its partitions to another
# worker. Being given away harms nothing, the other worker waits for the same database, but it makes noise.
MAX_POLL_INTERVAL_MS = 300_000
GRACE_SECONDS = 8.0

EVENT_TOPICS: tuple[str, ...] = tuple(topic.name for topic in TOPICS if topic.direction == "in")

Handle = Callable[[Sequence[Arrival]], Awaitable[object]]


class Inbox:
    """Reads the event topics for `group` and hands each batch to `handle` until it is stored.

    `handle` stores a batch in one transaction; it raises StoreUnavailableError when the same batch is to be
    tried again. `failed` becomes set when the service has to end; `failure` then says why (OffsetLostError
    has a text for people).
    """

    def __init__(self, kafka: Mapping[str, Any], group: str, handle: Handle, stopping: asyncio.Event) -> None:
        self.failed = asyncio.Event()
        self.failure: Exception | None = None
        self.failures_in_a_row = 0
        self._handle = handle
        self._group = group
        self._stopping = stopping
        self._in_hand = False
        self._scout = AIOKafkaConsumer(**kafka)
        connection = {name: value for name, value in kafka.items() if name == "bootstrap_servers"}
        self._broker = KafkaBroker(
            **connection,
            security=security_of(kafka),
            client_id="purchasing-inbox",
            # No producer and no admin client: reading needs no right to write.
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            parser=self._take_in_hand,
            decoder=pass_through,
            graceful_timeout=GRACE_SECONDS,
            logger=_LibraryLog(),
            log_level=10,
        )
        self._subscriber = self._broker.subscriber(
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
            listener=_Listener(self._settle),
        )
        self._subscriber(self._on_batch)

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The consumer, between start and stop."""
        return self._subscriber.consumer

    @property
    def scout(self) -> AIOKafkaConsumer:
        """A consumer without a group, for asking where partitions begin and end."""
        return self._scout

    @property
    def idle(self) -> bool:
        """Whether everything the consumer handed out is stored."""
        return not self._in_hand

    async def start(self) -> None:
        """Join the group and begin. Raises KafkaError where the broker can't be reached."""
        await self._scout.start()
        await self._broker.start()

    async def stop(self) -> None:
        """Leave the group; the batch in hand is finished first if that takes no longer than the grace
        period.
        """
        await self._broker.stop()
        await self._scout.stop()

    def fail(self, error: Exception) -> None:
        """End the service because of this: from here on no batch is taken and nothing is acknowledged."""
        if self.failure is None:
            self.failure = error
            if not isinstance(error, OffsetLostError):
                log.error("A batch failed in a way nobody foresaw, so the service ends.", exc_info=error)
        self.failed.set()

    async def _take_in_hand(self, records: Any, original: Any) -> Message:
        # From getmany's return to here nothing is awaited that waits, so positions and this flag change
        # together.
        self._in_hand = True
        return await parse_batch(records, original)

    async def _on_batch(self, message: Message) -> None:
        with anything_else(self.fail):
            if await self._stored(message):
                await failpoint("inbox.after_commit_before_ack")
                await self._acknowledge(message)
                self._in_hand = False
                return
        raise StopConsume

    async def _stored(self, message: Message) -> bool:
        if self.failed.is_set():
            return False
        arrivals = [arrival_of(record) for record in message.raw_message]

        async def store() -> bool:
            await self._handle(arrivals)
            return True

        return bool(await until_stored(store, self._stopping, told=self._told))

    def _told(self, failures: int) -> None:
        self.failures_in_a_row = failures

    async def _acknowledge(self, message: Message) -> None:
        try:
            await message.ack()
        except CommitFailedError:
            # The group gave our partitions to others meanwhile. They get these records again, find the facts
            # known.
            log.info("Not acknowledged, the group was rebalanced: harmless, what comes again is known.")
        except KafkaError as error:
            # The next acknowledgement covers this one; without one, the records come again and are known.
            log.warning("Not acknowledged: harmless, what comes again is known.", because=describe(error))

    async def _settle(self, assigned: set[TopicPartition]) -> None:
        consumer = self.consumer
        if consumer is None or not assigned:
            return
        with anything_else(self.fail):
            try:
                await settle(consumer, self._scout, self._group, assigned)
            except KafkaError as error:
                # Nothing is skipped meanwhile, as there is no offset reset; the watch settles it when it
                # looks.
                log.warning("The assigned partitions' offsets are not settled yet.", because=describe(error))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self, settle_all: Callable[[set[TopicPartition]], Awaitable[None]]) -> None:
        self._settle_all = settle_all

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing to do: a batch in hand is stored all the same, and its next owner finds the facts known."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("Partitions assigned.", partitions=sorted(f"{p.topic}/{p.partition}" for p in assigned))
        await self._settle_all(assigned)


class _LibraryLog:
    """What FastStream logs, without the texts of errors that it puts into its messages."""

    def log(self, level: int, msg: Any, /, *, exc_info: Any = None, **_extra: object) -> None:
        text = str(msg)
        if isinstance(exc_info, BaseException):
            text = text.partition(":")[0]
        if text:
            log.log(level, text, exc_info=exc_info)
