"""The broker, emptied, and a database of its own (the relay's cursor ties them together), and workers on them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.store.migrate import migrate
from tests.broker import LANES, SharedBroker
from tests.databases import on_server
from tests.delivery.outside import Outside, Sender
from tests.delivery.service import Worker


@dataclass
class Site:
    """A place for the service: a broker with all topics, a migrated database, a directory for logs."""

    bootstrap: str
    database: str
    logs: Path
    group: str = "purchasing"

    def worker(self, group: str = "", kind: type[Worker] = Worker, **environment: str) -> Worker:
        return kind(self.bootstrap, self.database, self.logs, group or self.group, **environment)

    def outside(self, group: str = "", *, past: bool = False) -> Outside:
        return Outside(self.bootstrap, self.database, group or self.group, past=past)

    def sender(self) -> Sender:
        return Sender(self.bootstrap)

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def site(shared_broker: SharedBroker, postgres: EmbeddedPostgres, worker_logs: Path) -> Site:
    """Shared by the module's tests: use order ids of your own."""
    name = f"delivery_{uuid.uuid4().hex[:12]}"
    asyncio.run(_set_up(shared_broker, postgres, name))
    return Site(shared_broker.kafka.bootstrap_servers, postgres.dsn_of(name), worker_logs, a_group())


async def _set_up(broker: SharedBroker, postgres: EmbeddedPostgres, database: str) -> None:
    await broker.empty()
    await on_server(postgres.dsn, f"create database {database}")
    await migrate(postgres.dsn_of(database), lanes=LANES)


def a_group() -> str:
    """A group of its own: of a worker that was killed its group knows for a session still."""
    return f"purchasing-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def worker(site: Site) -> Iterator[Worker]:
    """The worker of the shared site. It ends when the module does, by SIGTERM, with exit code 0."""
    worker = site.worker()

    async def begin() -> None:
        await worker.start().has_logged("partitions_assigned")

    asyncio.run(begin())
    yield worker
    worker.stop()
    assert asyncio.run(worker.ended()) == 0


@pytest.fixture
async def outside(site: Site, worker: Worker) -> AsyncIterator[Outside]:
    """A sender and a reader on the shared site, with its worker at work."""
    async with site.outside() as outside:
        yield outside


@pytest.fixture
async def own_site(fresh_kafka: EmbeddedKafka, database: str, worker_logs: Path) -> Site:
    """A site of the test's own: its topics are empty, and nobody else's workers come."""
    return Site(fresh_kafka.bootstrap_servers, database, worker_logs, a_group())
