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
from service.topics import create_topics
from tests.conftest import LANES
from tests.ops.seen import Seen, service


class Place:
    """A broker and a database to be taken away."""

    def __init__(self, kafka: EmbeddedKafka, postgres: EmbeddedPostgres, logs: Path) -> None:
        self.kafka, self.postgres, self.logs = kafka, postgres, logs

    def worker(self) -> Seen:
        return Seen(self.kafka.bootstrap_servers, self.postgres.dsn, self.logs)

    def command(self, *arguments: str):
        return service(*arguments, bootstrap=self.kafka.bootstrap_servers, database=self.postgres.dsn)


@pytest.fixture(scope="module")
def place(servers: Path, worker_logs: Path) -> Iterator[Place]:
    """One for all tests of this module: each leaves both servers running and all handled."""
    name = uuid.uuid4().hex[:8]
    kafka = EmbeddedKafka(servers / f"kafka-ops-{name}", temporary=True)
    postgres = EmbeddedPostgres(servers / f"postgres-ops-{name}", temporary=True)
    asyncio.run(_set_up(kafka, postgres))
    yield Place(kafka, postgres, worker_logs)
    asyncio.run(_take_down(kafka, postgres))


async def _set_up(kafka: EmbeddedKafka, postgres: EmbeddedPostgres) -> None:
    await asyncio.gather(kafka.start(), postgres.start())
    await migrate(postgres.dsn, lanes=LANES)
    topics = [replace(topic, partitions=1) if topic.direction == "in" else topic for topic in TOPICS]
    await create_topics({"bootstrap_servers": kafka.bootstrap_servers}, LANES, topics)


async def _take_down(kafka: EmbeddedKafka, postgres: EmbeddedPostgres) -> None:
    await asyncio.gather(kafka.__aexit__(None, None, None), postgres.__aexit__(None, None, None))
