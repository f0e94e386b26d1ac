"""A broker and a database that tests may damage, and the commands with which an operator repairs them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.kafka.topics import create_topics
from service.store.migrate import migrate
from tests.broker import LANES, lose_topics
from tests.conftest import NO_FSYNC
from tests.databases import on_server
from tests.delivery.conftest import Site
from tests.recovery.archive import Archive
from tests.recovery.standby import Pair
from tests.security.site import service


@dataclass(kw_only=True)
class Torn(Site):
    """A site whose two stores can be restored to the past, lost or exchanged."""

    postgres: EmbeddedPostgres | Pair

    async def command(self, *arguments: str):
        """Run a command of the service on this site."""
        return await asyncio.to_thread(
            service, *arguments, KAFKA_BOOTSTRAP_SERVERS=self.bootstrap, DATABASE_URL=self.database
        )

    async def moved_to(self, postgres: EmbeddedPostgres | Pair) -> None:
        """Use a new database on this server from now on."""
        self.postgres = postgres
        await self.new_database()

    async def copied(self) -> str:
        """Make a backup of the database, while no worker runs, and return its name."""
        name = f"backup_{uuid.uuid4().hex[:12]}"
        await on_server(self.postgres.dsn, f"create database {name} template {self.database.rpartition('/')[2]}")
        return name

    async def restore(self, backup: str) -> None:
        """Restore a backup. It lacks statistics and the like, on which nothing here depends."""
        name = self.database.rpartition("/")[2]
        await on_server(self.postgres.dsn, f"drop database {name} with (force)")
        await on_server(self.postgres.dsn, f"create database {name} template {backup}")

    async def new_database(self) -> None:
        """Use another database, migrated, with an outbox id of its own."""
        name = f"another_{uuid.uuid4().hex[:12]}"
        await on_server(self.postgres.dsn, f"create database {name}")
        self.database = self.postgres.dsn_of(name)
        await migrate(self.database, lanes=LANES)

    async def lose_topics(self) -> None:
        await lose_topics(self.bootstrap)

    async def make_topic(self, name: str, partitions: int, settings: dict[str, str]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
        await admin.close()
        await create_topics({"bootstrap_servers": self.bootstrap}, LANES)

    async def ids(self) -> list[str]:
        """The ids of all published outputs, sorted."""
        async with self.outside(past=True) as outside:
            await outside.to_the_end()
            return sorted(one.event["id"] for seen in outside.by_key.values() for one in seen)


async def assert_lost_input_is_read_again(torn: Torn, captured) -> None:
    """Expect that a new worker stores the three facts of an order and decides it once, after the database lost one."""
    async with torn.worker(), torn.outside() as outside:
        await outside.send_and_settle(captured)
        # The lost event is in another partition than the payment, so it may be read before or after it.
        (decision,) = await outside.until(captured["subject"], bool)
    assert decision.event["data"]["outcome"] == "effective"
    assert await torn.rows("select count(*) from facts") == [(3,)]
    assert len(await torn.ids()) == 1


async def play(torn: Torn, events, then=None):
    """Let a worker store these events and publish all its decisions."""
    async with torn.worker() as worker:
        await worker.has_logged("partitions_assigned")
        async with torn.outside(past=True) as outside:
            for event in events:
                await outside.send_and_settle(event)
            if then is not None:
                await then(outside)
        worker.stop()
        assert await worker.ended() == 0
    return worker


@pytest.fixture
async def archive(servers: Path) -> AsyncIterator[Archive]:
    """The archive of a server of the test's own. The test makes the base backup once its database exists: a server
    that replays the log from before that lacks the database for a moment."""
    directory = servers / f"postgres-{uuid.uuid4().hex[:8]}"
    async with EmbeddedPostgres(directory, settings={"archive_mode": "on"} | NO_FSYNC, temporary=True) as server:
        archive = Archive(server)
        await archive.begin()
        yield archive
        archive.remove()


@pytest.fixture(scope="session")
def primary_and_standby(servers: Path) -> Iterator[tuple[EmbeddedPostgres, EmbeddedPostgres]]:
    """Two servers, of which the first runs."""
    both = [
        EmbeddedPostgres(servers / f"{name}-{uuid.uuid4().hex[:8]}", settings=NO_FSYNC, temporary=True)
        for name in ("first", "second")
    ]
    asyncio.run(both[0].start())
    yield both[0], both[1]
    for server in both:
        asyncio.run(server.close())


@pytest.fixture
async def pair(primary_and_standby: tuple[EmbeddedPostgres, EmbeddedPostgres]) -> AsyncIterator[Pair]:
    """A server, and a standby of the test's own."""
    async with Pair(*primary_and_standby) as pair:
        yield pair


@pytest.fixture
async def torn(fresh_kafka: EmbeddedKafka, database: str, postgres: EmbeddedPostgres, worker_logs: Path) -> Torn:
    return Torn(fresh_kafka.bootstrap_servers, database, worker_logs, postgres=postgres)
