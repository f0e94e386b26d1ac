"""A broker and a database for tests that take them away."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from purchasing_contracts.topics import TOPICS

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.store.migrate import migrate
from tests.broker import LANES, SharedBroker
from tests.conftest import NO_FSYNC
from tests.observability.seen import Seen, service


class Place:
    """A broker and a database to be taken away."""

    def __init__(self, kafka: EmbeddedKafka, postgres: EmbeddedPostgres, logs: Path) -> None:
        self.kafka, self.postgres, self.logs = kafka, postgres, logs

    def worker(self) -> Seen:
        return Seen(self.kafka.bootstrap_servers, self.postgres.dsn, self.logs)

    def command(self, *arguments: str):
        return service(*arguments, bootstrap=self.kafka.bootstrap_servers, database=self.postgres.dsn)


@pytest.fixture(scope="module")
def place(shared_broker: SharedBroker, servers: Path, worker_logs: Path) -> Iterator[Place]:
    """One for all tests of this module: each leaves both servers running and all handled."""
    postgres = EmbeddedPostgres(servers / f"postgres-ops-{uuid.uuid4().hex[:8]}", settings=NO_FSYNC, temporary=True)
    asyncio.run(_set_up(shared_broker, postgres))
    yield Place(shared_broker.kafka, postgres, worker_logs)
    asyncio.run(postgres.close())


async def _set_up(broker: SharedBroker, postgres: EmbeddedPostgres) -> None:
    topics = [replace(topic, partitions=1) if topic.direction == "in" else topic for topic in TOPICS]
    await asyncio.gather(broker.empty(topics=topics), postgres.start())
    await migrate(postgres.dsn, lanes=LANES)
