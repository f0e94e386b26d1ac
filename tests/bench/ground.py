"""The servers of all contenders: one broker and one database server, with topics and a database new for each round."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from aiokafka.admin import AIOKafkaAdminClient
from purchasing_contracts.topics import TOPICS

from service.embedded import EmbeddedKafka, EmbeddedPostgres, EmbeddedStack
from service.kafka.topics import create_topics
from service.store.migrate import LANES
from tests.bench.disturbance import Usage, usage_of
from tests.databases import on_server
from tests.recovery.standby import Pair

GONE_SECONDS = 30.0


@dataclass(frozen=True)
class Ground:
    """The servers of one round: empty topics, an empty database."""

    kafka: EmbeddedKafka
    postgres: EmbeddedPostgres | Pair
    database: str
    group: str
    """A new consumer group's name: the offsets that an old group committed in the deleted topics may live on for a
    while."""
    logs: Path

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap_servers

    async def rows(self, query: str, *arguments: object) -> list[Any]:
        """Run a query."""
        connection = await asyncpg.connect(self.database)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    def value(self, query: str) -> Any:
        """The first column of a query's first row; for threads without an event loop."""
        return asyncio.run(self.rows(query))[0][0]


@asynccontextmanager
async def servers(directory: Path) -> AsyncIterator[EmbeddedStack]:
    """A broker and a database server as the demo and the tests start them: fsync and synchronous_commit on."""
    async with EmbeddedStack(directory, temporary=True) as stack:
        yield stack


@asynccontextmanager
async def ground(
    stack: EmbeddedStack, logs: Path, lanes: int = LANES, on: EmbeddedPostgres | Pair | None = None
) -> AsyncIterator[Ground]:
    """New topics and a new database (not migrated), `on` another server than the stack's if given."""
    name, postgres = f"bench_{uuid.uuid4().hex[:12]}", on or stack.postgres
    await on_server(postgres.dsn, f"create database {name}")
    await _new_topics(stack.kafka.bootstrap_servers, lanes)
    # Dirty pages of an earlier round must not be written out during this one.
    await on_server(postgres.dsn, "checkpoint")
    try:
        yield Ground(stack.kafka, postgres, postgres.dsn_of(name), name, logs)
    finally:
        await on_server(postgres.dsn, f"drop database {name} with (force)")


async def _new_topics(bootstrap: str, lanes: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        ours = {topic.name for topic in TOPICS}
        present = ours & set(await admin.list_topics())
        if present:
            await admin.delete_topics(sorted(present))
            async with asyncio.timeout(GONE_SECONDS):
                while ours & set(await admin.list_topics()):  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.05)
    finally:
        await admin.close()
    await create_topics({"bootstrap_servers": bootstrap}, lanes)


def usage(ground: Ground, contender: Iterable[int]) -> Usage:
    """Processor seconds of the contender's processes, the broker, the database server and the load (this process)."""
    return usage_of(
        {
            "contender": sum(_family(psutil.Process(pid)) for pid in contender),
            "broker": _family(psutil.Process(ground.kafka.pid)),
            "database": _family(psutil.Process(ground.postgres.pid)),
            # Without its children that ended, because earlier contenders are among them.
            "load": _seconds(psutil.Process()),
        }
    )


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _family(process: psutil.Process) -> float:
    """Processor seconds of a process and of its children, also those that ended."""
    times = process.cpu_times()
    total = float(times.user + times.system + times.children_user + times.children_system)
    for child in process.children():
        try:
            total += _seconds(child)
        except psutil.NoSuchProcess:
            # It has just ended: its time will be in its parent's.
            continue
    return total
