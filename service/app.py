"""The service as a whole: the only place where the real parts are joined.

It starts from the outside in (database, schema, topics, then relay and inbox) and ends from the inside out.
What may come back is waited for with a reason in the log: a database or a broker that is away. What only a
person can mend ends it with a sentence: an old schema, missing topics, a lost offset.
"""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from service.deadlines import watch_deadlines
from service.ending import SHUTDOWN_SECONDS, End, be_gone_within, within
from service.failures import anything_else, describe
from service.inbox.fuse import FuseLimits, Fuses
from service.inbox.retries import happens_within, pause_before, until_stored
from service.inbox.subscriber import Inbox
from service.inbox.watch import Watch
from service.ops.kafka_noise import calm
from service.ops.reach import broker_problem, database_problem
from service.orders.arrival import Arrival
from service.orders.engine import Engine
from service.orders.handled import Handled
from service.outbox.relay import Relay
from service.settings import Settings
from service.store.fuses import FusesInDatabase
from service.store.migrate import schema_problem
from service.store.postgres import PostgresStore, SessionLimits
from service.store.rows import ProgressRow
from service.terms.source import TermsInDatabase
from service.topics import TopicProblem, topic_problems

log = structlog.get_logger("service")

INBOX_SECONDS = 10.0
RELAY_SECONDS = 12.0
STORE_SECONDS = 2.0
STUCK_AT_ONCE = 1000


class StartError(Exception):
    """The service can't start before a person has done something. Its text says what, a sentence a line."""


async def serve(settings: Settings) -> End:
    """Run until SIGTERM or SIGINT, or until something goes wrong that waiting doesn't mend. Returns which."""
    end = End(asyncio.Event())
    loop = asyncio.get_running_loop()
    calm(loop)
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, end.ask, number.name)
    with anything_else(end.because_of):
        await _serve(settings, end)
    for number in signals:
        loop.remove_signal_handler(number)
    return end


async def _serve(settings: Settings, end: End) -> None:
    kafka, url = settings.kafka(), settings.database()
    if not await _database_ready(url, end):
        return
    async with _store(url) as store:
        lanes = store.installation.lanes
        if not await _topics_ready(kafka, lanes, end):
            return
        terms = await until_stored(lambda: TermsInDatabase.read(store), end.asked)
        if terms is None:
            return
        engine = Engine(store, terms)
        limits = FuseLimits(settings.fuse_share, settings.fuse_records, settings.fuse_at_least)
        fuses = Fuses(FusesInDatabase(store), limits)
        await until_stored(fuses.look, end.asked)
        async with _relay(settings, lanes, end) as relay:

            async def handle(arrivals: Sequence[Arrival]) -> None:
                handled = await engine.handle(arrivals)
                fuses.count(arrivals, handled)
                _tell(handled, relay)

            async def retry_stuck() -> None:
                if stuck := await store.stuck(STUCK_AT_ONCE):
                    _tell(await engine.look_again(stuck), relay)

            async def fire_due() -> Handled | None:
                handled = await until_stored(engine.fire_due, end.asked)
                if handled is not None:
                    _tell(handled, relay)
                return handled

            # A new version may know better what to do with orders whose rules raised.
            await until_stored(retry_stuck, end.asked)
            async with (
                _inbox(kafka, settings.consumer_group, handle, store, fuses, end),
                _task(fuses.run(end.asked), "fuses", end),
                _task(watch_deadlines(fire_due, end.asked), "deadlines", end),
            ):
                # What was loaded to get here stays: the collector needn't look at it again and again.
                gc.collect()
                gc.freeze()
                await end.asked.wait()
                be_gone_within(SHUTDOWN_SECONDS, end)


def _tell(handled: Handled, relay: Relay) -> None:
    """Wake the relay, and say which records were put aside and which orders' rules raised, without content."""
    relay.wake(handled.lanes)
    for arrival, refusal in handled.refused:
        log.warning(
            "A record breaks the contract and is put aside.",
            topic=arrival.topic,
            partition=arrival.partition,
            offset=arrival.offset,
            reason=refusal.reason,
            place=refusal.place,
            order=refusal.order_id,
        )
    for stuck in handled.stuck:
        log.error(
            "The rules failed on an order. It publishes nothing until it is assessed again.",
            order=stuck.order_id,
            because=stuck.error,
            at=list(stuck.places),
        )


async def _database_ready(url: str, end: End) -> bool:
    """Wait until PostgreSQL can be reached; False if the process was asked to end first. Raises StartError."""
    if not await _available(partial(database_problem, url), "PostgreSQL", end):
        return False
    if problem := await schema_problem(url):
        raise StartError(problem)
    return True


async def _topics_ready(kafka: Mapping[str, Any], lanes: int, end: End) -> bool:
    """Wait until the broker can be reached; False if the process was asked to end first. Raises StartError."""
    if not await _available(partial(broker_problem, kafka), "Kafka", end):
        return False
    problems: list[TopicProblem] = []

    async def compare() -> str | None:
        try:
            problems[:] = await topic_problems(kafka, lanes)
        except KafkaError as error:
            return describe(error)
        return None

    if not await _available(compare, "Kafka", end):
        return False
    if stops := [problem.sentence for problem in problems if problem.stops]:
        raise StartError("\n".join(stops))
    for problem in problems:
        log.warning("A topic differs from the registry.", problem=problem.sentence)
    return True


async def _available(problem: Callable[[], Awaitable[str | None]], what: str, end: End) -> bool:
    attempt = 0
    while not end.asked.is_set():
        reason = await problem()
        if reason is None:
            return True
        attempt += 1
        log.warning(f"Waiting for {what}.", because=reason)
        await happens_within(end.asked, pause_before(attempt + 4))
    return False


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(url)
    try:
        yield store
    finally:
        await within(STORE_SECONDS, store.close(), "closing the database's connections")


@asynccontextmanager
async def _relay(settings: Settings, lanes: int, end: End) -> AsyncIterator[Relay]:
    # A query a lane, and one connection to listen on.
    pool = await asyncpg.create_pool(
        settings.database(),
        min_size=0,
        max_size=lanes + 2,
        timeout=10,
        command_timeout=30,
        server_settings=SessionLimits().settings() | {"application_name": "purchasing-relay"},
    )
    relay = Relay(pool, settings.kafka(), refund_limits=settings.refund_limits())
    task = asyncio.create_task(relay.run(), name="relay")
    task.add_done_callback(end.with_task)
    try:
        yield relay
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=RELAY_SECONDS)
        pool.terminate()


@asynccontextmanager
async def _inbox(
    kafka: Mapping[str, Any],
    group: str,
    handle: Callable[[Sequence[Arrival]], Awaitable[None]],
    store: PostgresStore,
    fuses: Fuses,
    end: End,
) -> AsyncIterator[None]:
    def make() -> Inbox:
        return Inbox(kafka, group, handle, end.asked, end.because_of, lambda: fuses.blown)

    async with _started(make, end) as inbox:
        if inbox is None:
            yield
            return
        fuses.changed = inbox.mind_fuses
        inbox.mind_fuses()
        # A partition that nobody has read yet holds every deadline back, so all must be known, not only ours.
        unread = [ProgressRow(p.topic, p.partition, None) for p in inbox.partitions]
        await until_stored(lambda: store.note_progress(unread), end.asked)
        log.info("The service is running.", group=group, lanes=store.installation.lanes)
        watching = _watch(inbox, group, store, end.asked)
        async with _task(inbox.guard(), "guard", end), _task(watching, "watch", end):
            yield


@asynccontextmanager
async def _task(work: Coroutine[Any, Any, None], name: str, end: End) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(end.with_task)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def _started(make: Callable[[], Inbox], end: End) -> AsyncIterator[Inbox | None]:
    """An inbox that has joined its group, however often that takes; None if the process was asked to end
    first.
    """
    attempt = 0
    while not end.asked.is_set():
        attempt += 1
        inbox = make()
        try:
            if await _joined(inbox, attempt, end):
                yield inbox
                return
        finally:
            await within(INBOX_SECONDS, inbox.stop(), "leaving the consumer group")
    yield None


async def _joined(inbox: Inbox, attempt: int, end: End) -> bool:
    """Whether it could join the group; if not, some time has passed."""
    try:
        await inbox.start()
    except KafkaError as error:
        log.warning("Waiting for Kafka.", because=describe(error))
        await happens_within(end.asked, pause_before(attempt + 4))
        return False
    return True


async def _watch(inbox: Inbox, group: str, store: PostgresStore, stopping: asyncio.Event) -> None:
    async def note(reached: Mapping[TopicPartition, datetime | None]) -> None:
        await store.note_progress([ProgressRow(p.topic, p.partition, reached[p]) for p in sorted(reached)])

    watch = Watch(
        inbox.consumer,
        inbox.scout,
        group,
        existing=inbox.existing,
        in_hand=lambda: inbox.in_hand,
        clock=store.server_time,
        note=note,
    )
    await watch.run(stopping)
