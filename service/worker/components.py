"""The parts of a worker as context managers: created at entry, stopped in bounded time at exit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from service.inbox.circuit_breaker import CircuitBreakers
from service.inbox.consumer import Inbox
from service.inbox.rewind import Watermarks, rewind
from service.inbox.watermark import WatermarkTracker
from service.kafka.connection import Kafka
from service.orders.inbound_record import InboundRecord
from service.outbox.lane import Report
from service.outbox.relay import Relay
from service.runtime.retry import SERVERS, attempts, done_before, until_stored
from service.runtime.settings import Settings
from service.runtime.shutdown import Shutdown, run_with_timeout
from service.store.connection import pool_of
from service.store.postgres import PostgresStore, SessionLimits
from service.store.rows import ProgressRow
from service.worker.background import running
from service.worker.startup import Waits, store_ready, waited_for
from service.worker.telemetry import Telemetry

log = structlog.get_logger("service")

MEMBERS = (
    "the database is new, or was failed over or restored since its input was last compared to Kafka, and members of "
    "the group would skip what it lacks. Members that use this database end by themselves; a member that stays uses "
    "another database"
)
INBOX_SECONDS = 10.0
RELAY_SECONDS = 12.0
STORE_SECONDS = 2.0
# Time limit of a statement of the relay.
RELAY_STATEMENT_SECONDS = 30.0


@asynccontextmanager
async def store_component(url: str, shutdown: Shutdown, waits: Waits) -> AsyncIterator[PostgresStore | None]:
    """Connect the store; None if the process was asked to stop first. Raises what `store_ready` raises."""
    store = await store_ready(url, shutdown, waits)
    try:
        yield store
    finally:
        if store is not None:
            await run_with_timeout(STORE_SECONDS, store.close(), "closing the database's connections")


@asynccontextmanager
async def relay_component(
    settings: Settings,
    kafka: Kafka,
    store: PostgresStore,
    shutdown: Shutdown,
    report: Report,
) -> AsyncIterator[Relay]:
    """Run the relay, which calls `report` after each transaction."""
    # One connection per lane for queries, and one to listen on.
    pool = await pool_of(
        settings.database(),
        store.timeline,
        min_size=0,
        max_size=len(store.installation.own) + 2,
        command_timeout=RELAY_STATEMENT_SECONDS,
        settings=SessionLimits().settings() | {"application_name": "purchasing-relay"},
    )
    relay = Relay(pool, kafka, refund_limits=settings.refund_limits(), report=report)
    task = asyncio.create_task(relay.run(), name="relay")
    task.add_done_callback(shutdown.with_task)
    try:
        yield relay
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=RELAY_SECONDS)
        pool.terminate()


@asynccontextmanager
async def inbox_component(
    settings: Settings,
    kafka: Kafka,
    handle: Callable[[Sequence[InboundRecord]], Awaitable[None]],
    store: PostgresStore,
    breakers: CircuitBreakers,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> AsyncIterator[None]:
    """Run the inbox. Runs none if the process was asked to stop before it had joined its group."""
    group = settings.consumer_group

    def make() -> Inbox:
        return Inbox(
            kafka,
            group,
            handle,
            shutdown.requested,
            shutdown.because_of,
            lambda: breakers.open_topics,
            stored=telemetry.metrics.batch,
            committed=telemetry.metrics.committed,
            middlewares=telemetry.middlewares,
        )

    await _rewound(settings, kafka, store, telemetry, shutdown)
    async with _started(make, telemetry, shutdown) as inbox:
        if inbox is None:
            yield
            return
        telemetry.worker.inbox = inbox
        breakers.changed = inbox.follow_breakers
        inbox.follow_breakers()
        # A partition that nobody has read holds back every deadline, so note all partitions, not only ours.
        unread = [ProgressRow(p.topic, p.partition, None) for p in inbox.partitions]
        await until_stored(lambda: store.note_progress(unread), shutdown.requested, "note new partitions")
        telemetry.worker.waits_for = None
        log.info(
            "service_running",
            message="The service is running.",
            group=group,
            lanes=store.installation.lanes,
            http_port=telemetry.port,
        )
        watching = _track_watermark(inbox, group, store, shutdown.requested)
        async with running(inbox.guard(), "guard", shutdown), running(watching, "watermark", shutdown):
            yield


@asynccontextmanager
async def _started(make: Callable[[], Inbox], telemetry: Telemetry, shutdown: Shutdown) -> AsyncIterator[Inbox | None]:
    """Yield an inbox that has joined its group, after any number of attempts; None if asked to stop first."""
    async for _ in attempts(shutdown.requested, SERVERS):
        inbox = make()
        try:
            if await _joined(inbox, telemetry, shutdown):
                yield inbox
                return
        finally:
            await run_with_timeout(INBOX_SECONDS, inbox.stop(), "leaving the consumer group")
    yield None


async def _rewound(
    settings: Settings, kafka: Kafka, store: PostgresStore, telemetry: Telemetry, shutdown: Shutdown
) -> None:
    """Rewind the input to where the database is, if Kafka's committed offsets are ahead of it.

    This needs an empty group. A group that works with this database is consistent already. After a failover or a
    restore its members end by themselves, and this waits for that.
    """
    async for _ in attempts(shutdown.requested, SERVERS):
        known = await until_stored(partial(_known, store), shutdown.requested, "read the watermarks")
        if known is None:
            return
        watermarks, agrees = known
        done: list[bool] = []

        async def back(watermarks: Watermarks = watermarks, alone: bool = not agrees, done: list[bool] = done) -> None:
            done.append(await rewind(kafka, settings.consumer_group, watermarks, alone=alone))

        try:
            await done_before(shutdown.requested, back())
        except KafkaError as error:
            _note_waiting_for_kafka(error, telemetry)
            continue
        if any(done) or agrees:
            await until_stored(
                partial(store.note_input_agrees, watermarks), shutdown.requested, "note that the input agrees"
            )
            return
        telemetry.worker.waits(f"the consumer group {settings.consumer_group} to have no members: {MEMBERS}")
        log.warning(
            "startup_waiting",
            message="Startup waits for something.",
            waiting_for="the consumer group to have no members",
            because=MEMBERS,
        )


async def _known(store: PostgresStore) -> tuple[Watermarks, bool]:
    return await store.watermarks(), await store.input_agrees()


async def _joined(inbox: Inbox, telemetry: Telemetry, shutdown: Shutdown) -> bool:
    """Join the group; False if Kafka is away, or the process was asked to stop."""
    try:
        return await done_before(shutdown.requested, inbox.start())
    except KafkaError as error:
        _note_waiting_for_kafka(error, telemetry)
        return False


def _note_waiting_for_kafka(error: KafkaError, telemetry: Telemetry) -> None:
    reason = waited_for(error)
    telemetry.worker.waits(f"Kafka: {reason}")
    log.warning("startup_waiting", message="Startup waits for something.", waiting_for="Kafka", because=reason)


async def _track_watermark(inbox: Inbox, group: str, store: PostgresStore, stopping: asyncio.Event) -> None:
    async def note(watermarks: Mapping[TopicPartition, datetime | None]) -> None:
        await store.note_progress([ProgressRow(p.topic, p.partition, watermarks[p]) for p in sorted(watermarks)])

    tracker = WatermarkTracker(
        inbox.consumer,
        inbox.scout,
        group,
        existing=inbox.existing,
        in_progress=lambda: inbox.in_progress,
        assignment=lambda: inbox.assignment,
        clock=store.server_time,
        note=note,
    )
    await tracker.run(stopping)
