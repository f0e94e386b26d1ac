"""A broker and a database of delivery's own (the relay's cursor ties them together), and workers on them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.store.migrate import migrate
from service.topics import create_topics
from tests.delivery.outside import Outside, Sender
from tests.delivery.service import Worker, eventually

LANES = 4


@dataclass
class Site:
    """Where the service runs: a broker with all topics, a migrated database, a directory for logs."""

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


@pytest.fixture(scope="session")
def site(servers: Path, postgres: EmbeddedPostgres, worker_logs: Path) -> Iterator[Site]:
    """Shared by the session's tests: use order ids of your own."""
    kafka = EmbeddedKafka(servers / "kafka-delivery", temporary=True)
    name = f"delivery_{uuid.uuid4().hex[:12]}"
    asyncio.run(_set_up(kafka, postgres, name))
    yield Site(kafka.bootstrap_servers, postgres.dsn_of(name), worker_logs)
    asyncio.run(kafka.__aexit__(None, None, None))


async def _set_up(kafka: EmbeddedKafka, postgres: EmbeddedPostgres, database: str) -> None:
    await kafka.start()
    await create_topics({"bootstrap_servers": kafka.bootstrap_servers}, LANES)
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f"create database {database}")
    await connection.close()
    await migrate(postgres.dsn_of(database), lanes=LANES)


@pytest.fixture(scope="session")
def worker(site: Site) -> Iterator[Worker]:
    """The worker of the shared site. It ends when the session does, by SIGTERM, with exit code 0."""
    worker = site.worker()

    async def begin() -> None:
        await worker.start().has_said("Partitions assigned.")

    asyncio.run(begin())
    yield worker
    worker.stop()
    assert asyncio.run(worker.ended()) == 0


@pytest.fixture
async def outside(site: Site, worker: Worker) -> AsyncIterator[Outside]:
    """A sender and a reader on the shared site, with its worker at work."""
    async with site.outside() as outside:
        yield outside


@pytest.fixture(scope="session")
def own_sites_kafka(servers: Path) -> Iterator[EmbeddedKafka]:
    kafka = EmbeddedKafka(servers / "kafka-own-sites", temporary=True)
    asyncio.run(kafka.start())
    yield kafka
    asyncio.run(kafka.__aexit__(None, None, None))


@pytest.fixture
async def own_site(own_sites_kafka: EmbeddedKafka, database: str, worker_logs: Path) -> Site:
    """A site of the test's own: its topics are empty, and nobody else's workers come."""
    bootstrap = own_sites_kafka.bootstrap_servers
    await lose_topics(bootstrap)
    await create_topics({"bootstrap_servers": bootstrap}, LANES)
    # Of a worker that was killed its group knows for a session still.
    return Site(bootstrap, database, worker_logs, f"purchasing-{uuid.uuid4().hex[:8]}")


async def lose_topics(bootstrap: str) -> None:
    """All topics of the service, and what they hold, are gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if name.startswith("purchasing.")]
        if names:
            await admin.delete_topics(names)

        async def gone() -> bool:
            return not set(names) & set(await admin.list_topics())

        await eventually(gone, "no topics")
    finally:
        await admin.close()
