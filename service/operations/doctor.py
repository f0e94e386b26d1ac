"""Check what the service depends on. Each check says what it found and what to do.

Changes nothing: it writes to no topic and joins no group. At Kafka it only opens the transactional id
`{outbox id}.doctor`, which no lane uses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from service.kafka.acls import acls
from service.kafka.cells import group_problem, lanes_without_a_group
from service.kafka.compat.acl_probe import on_group, on_topics
from service.kafka.connection import Kafka, connection_of
from service.kafka.topics import durability_problems, topic_problems
from service.observability import database_figures
from service.observability.lag import LagLook
from service.observability.reachability import UnreachableError, broker_problem, database_problem
from service.rules.facts import micros
from service.runtime.acl_errors import TOPIC_NAMES, group_to_grant, missing_acl, to_grant
from service.runtime.errors import describe
from service.runtime.settings import Settings, SettingsError
from service.store.errors import StoreError
from service.store.migrate import schema_problem
from service.store.rows import INSTALLATION, Installation
from service.terms.cautions import calendar_caution
from service.terms.table import read_book

if TYPE_CHECKING:
    from collections.abc import Iterable

SKEW_SECONDS = 5.0
STEP_SECONDS = 15.0
SETTINGS = "DESCRIBE_CONFIGS"

State = Literal["well", "look", "bad"]
"""bad: the service cannot work; look: it can, but somebody should know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `about` is one of database, schema, clock, terms, state, broker, cell, topics,
    acls."""

    about: str
    state: State
    words: str


Findings = AsyncIterator[Finding]


async def examine(settings: Settings, event_topics: Iterable[str]) -> list[Finding]:
    """Run all checks. Leaves out checks that depend on something missing. Never raises for what it checks."""
    found = [one async for one in _database(settings.database())]
    outbox = await _outbox(settings.database()) if _all_well(found, "database", "schema") else None
    async for one in _broker(settings, outbox, tuple(event_topics)):
        found.append(one)  # noqa: PERF401 - the two are read one after the other
    return found


def _all_well(found: list[Finding], *about: str) -> bool:
    return not any(one.about in about and one.state == "bad" for one in found)


async def _database(url: str) -> Findings:
    try:
        reason = await database_problem(url)
    except UnreachableError as error:
        yield Finding("database", "bad", str(error))
        return
    if reason:
        yield Finding("database", "bad", f"PostgreSQL can't be reached: {reason}")
        return
    yield Finding("database", "well", "PostgreSQL answers")
    try:
        async for one in _pooler(url):
            yield one
        problem = await schema_problem(url)
        if problem:
            yield Finding("schema", "bad", problem)
            return
        yield Finding("schema", "well", "the tables match this version")
        async for one in _inside(url):
            yield one
    except StoreError as error:
        yield Finding("database", "bad", str(error))
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        yield Finding("database", "bad", f"PostgreSQL stopped answering: {describe(error)}")


async def _pooler(url: str) -> Findings:
    connection = await database_figures.connect(url)
    connection.terminate()
    if connection.is_pooled:
        words = (
            "a pooler, such as PgBouncer, is between this program and PostgreSQL; it keeps sessions "
            "(session pooling), and their limits are in force"
        )
        yield Finding("database", "well", words)


async def _inside(url: str) -> Findings:
    connection = await database_figures.connect(url)
    try:
        before = time.time()
        figures = await database_figures.figures(connection)
        skew = figures.totals["at"].timestamp() - (before + time.time()) / 2
        book = await read_book(connection)
    finally:
        connection.terminate()
    if abs(skew) > SKEW_SECONDS:
        words = (
            f"the database's clock is {skew:+.1f} s off this machine's; deadlines follow the former: set both by NTP"
        )
        yield Finding("clock", "look", words)
    else:
        yield Finding("clock", "well", f"the database's clock is {skew:+.1f} s off this machine's")
    if book.sets:
        yield Finding("terms", "well", f"{len(book.sets)} sets of terms")
        caution = calendar_caution(book, micros(figures.totals["at"]))
        if caution is not None:
            yield Finding("terms", "look", caution)
    else:
        yield Finding("terms", "look", "no terms were imported: the built-in terms apply to everybody (`terms import`)")
    stuck, unknown = figures.totals["stuck"], figures.totals["unknown"]
    open_topics = sorted(row["topic"] for row in figures.open_breakers)
    for bad, words in (
        (
            stuck,
            f"{stuck} orders are stuck because the rules fail on them: see `order list`",
        ),
        (
            open_topics,
            (f"circuit breakers are open for {', '.join(open_topics)}: see `quarantine list`, then `breaker reset`"),
        ),
        (figures.pauses, "the outbox is paused: see `outbox status`, then `outbox resume`"),
        (unknown, f"{unknown} partitions were never read to an end: no deadline passes until they are"),
    ):
        if bad:
            yield Finding("state", "look", words)


async def _outbox(url: str) -> Installation | None:
    try:
        connection = await database_figures.connect(url)
        try:
            row = await connection.fetchrow(INSTALLATION)
        finally:
            connection.terminate()
    except (StoreError, asyncpg.PostgresError, OSError, TimeoutError):
        return None
    return None if row is None else Installation(*row)


async def _broker(settings: Settings, outbox: Installation | None, event_topics: tuple[str, ...]) -> Findings:
    try:
        kafka = connection_of(settings)
        reason = await broker_problem(kafka)
    except (SettingsError, UnreachableError) as error:
        yield Finding("broker", "bad", str(error))
        return
    if reason:
        yield Finding("broker", "bad", f"Kafka can't be reached: {reason}")
        return
    yield Finding("broker", "well", "Kafka answers")
    if outbox is None:
        yield Finding("topics", "look", "not compared, because the number of lanes is in the database")
        return

    async for one in _guarded("cell", lambda: _cell(settings, kafka, outbox)):
        yield one
    async for one in _guarded("topics", lambda: _topics(settings, kafka, outbox.lanes)):
        yield one
    async for one in _guarded("broker", lambda: _durability(settings, kafka)):
        yield one
    async for one in _guarded("acls", lambda: _acls(settings, kafka, outbox)):
        yield one
    async for one in _guarded("state", lambda: _behind(settings, kafka, event_topics)):
        yield one
    async for one in _guarded("acls", lambda: _transactions(kafka, outbox)):
        yield one


async def _cell(settings: Settings, kafka: Kafka, outbox: Installation) -> Findings:
    group = settings.consumer_group
    if problem := group_problem(group, outbox.own, outbox.lanes):
        yield Finding("cell", "bad", problem)
        return
    if not outbox.is_cell:
        return
    yield Finding(
        "cell", "well", f"this database has the lanes {outbox.first_lane} to {outbox.last_lane} of {outbox.lanes}"
    )
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        groups = [name for name, *_ in await admin.list_consumer_groups()]
    finally:
        await admin.close()
    if unread := lanes_without_a_group(group, outbox.lanes, groups):
        words = (
            f"no consumer group reads the orders of lanes {', '.join(map(str, unread))}, or this user may not see it: "
            "start the cell that has them before the topics remove what it has not read"
        )
        yield Finding("cell", "look", words)


async def _topics(settings: Settings, kafka: Kafka, lanes: int) -> Findings:
    problems = await topic_problems(kafka, lanes, replicas=settings.topic_replicas)
    for problem in problems:
        yield Finding("topics", "bad" if problem.stops else "look", problem.sentence)
    if not problems:
        yield Finding("topics", "well", "all topics match the registry")


async def _durability(settings: Settings, kafka: Kafka) -> Findings:
    for sentence in await durability_problems(kafka, settings.topic_replicas):
        yield Finding("broker", "look", sentence)


async def _acls(settings: Settings, kafka: Kafka, outbox: Installation) -> Findings:
    """Check the ACLs on topics and groups by asking the broker, which also covers topics that are empty."""
    needed = acls(settings.consumer_group, str(outbox.outbox_id))
    missing = []
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        for topic, allowed in (await on_topics(admin, TOPIC_NAMES)).items():
            # topic_problems checks the right to see settings.
            if not {op for one in needed if one.covers("TOPIC", topic) for op in one.operations} <= {
                *allowed,
                SETTINGS,
            }:
                missing.append(to_grant(topic))
        groups = [one.name for one in needed if one.kind == "GROUP"]
        missing += [group_to_grant(group) for group in groups if "READ" not in await on_group(admin, group)]
    finally:
        await admin.close()
    for sentence in missing:
        yield Finding("acls", "bad", sentence)
    if not missing:
        yield Finding("acls", "well", "the Kafka user has all ACLs on topics and groups")


async def _behind(settings: Settings, kafka: Kafka, event_topics: tuple[str, ...]) -> Findings:
    async with LagLook(kafka, settings.consumer_group, event_topics) as look:
        lag = await look.look()
    for one in lag.partitions:
        if one.is_lost:
            words = (
                f"{one.topic}, partition {one.partition}: the group goes on at {one.committed}, the topic holds "
                f"{one.begin} to {one.end}: records were removed or the topic was created again "
                "(service/docs/runbook.md)"
            )
            yield Finding("state", "bad", words)
    if lag.members == 0:
        yield Finding("state", "look", "no worker is in the group: nobody reads the events")


async def _transactions(kafka: Kafka, outbox: Installation) -> Findings:
    producer = AIOKafkaProducer(**kafka, transactional_id=f"{outbox.outbox_id}.doctor")
    try:
        await producer.start()
        yield Finding("acls", "well", "transactions can be opened")
    finally:
        await producer.stop()


async def _guarded(about: str, examination: Callable[[], AsyncIterator[Finding]]) -> Findings:
    """Yield what the check finds; if the broker refuses, the missing right."""
    found: list[Finding] = []

    async def gather() -> None:
        found.extend([one async for one in examination()])

    try:
        await _within(gather)
    except KafkaError as error:
        found.append(Finding(about, "bad", missing_acl(error) or f"Kafka refused a request: {describe(error)}"))
    except (OSError, TimeoutError) as error:
        found.append(Finding(about, "bad", f"Kafka gave no usable answer: {describe(error)}"))
    for one in found:
        yield one


async def _within(work: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(STEP_SECONDS):
        await work()
