"""What tests share: a real broker and a real database, started when the first test asks for them.

| fixture | lives | is |
|---|---|---|
| `kafka` | session | `host:port` of a broker with all topics; shared, so use order ids of your own |
| `worker_logs` | session | directory for the logs of the service's processes |
| `postgres` | session | the `EmbeddedPostgres` all databases of the session lie in |
| `postgres_dsn` | session | its DSN, for the database `postgres` |
| `database` | test | DSN of a fresh, migrated database, dropped afterwards |
| `empty_database` | test | the same, not migrated |
| `fresh_kafka` | test | an `EmbeddedKafka` of its own with all topics, to be stopped, killed, frozen (3 s) |
| `fresh_postgres` | test | an `EmbeddedPostgres` of its own, for the same (1 s) |

The servers belong to no event loop. Their logs are in `.embedded/tests/` until the next run; the header of the
run says where. `PURCHASING_TEST_KAFKA=host:port` takes the place of the session's broker.
"""

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from hypothesis import settings

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.topics import create_topics

# No time limit on an example: how long one takes says more of the machine than of the code. Where a change is about to
# land, the same examples each time: what new ones find is looked for beside that, in every other run.
settings.register_profile("purchasing", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("purchasing")

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / ".embedded" / "tests"
LANES = 4


def pytest_report_header() -> str:
    return f"logs of the embedded broker and database: {RUNS / str(os.getpid())}"


@pytest.fixture(scope="session")
def servers() -> Path:
    """Directory for this run's servers; those of runs that have ended are removed."""
    for old in RUNS.glob("*"):
        if not (old.name.isdigit() and psutil.pid_exists(int(old.name))):
            shutil.rmtree(old, ignore_errors=True)
    directory = RUNS / str(os.getpid())
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def worker_logs(servers: Path) -> Path:
    """Where the service's processes write their logs."""
    logs = servers / "workers"
    logs.mkdir(exist_ok=True)
    return logs


@pytest.fixture(scope="session")
def kafka(servers: Path) -> Iterator[str]:
    given = os.environ.get("PURCHASING_TEST_KAFKA")
    if given:
        asyncio.run(create_topics({"bootstrap_servers": given}, LANES))
        yield given
        return
    broker = EmbeddedKafka(servers / "kafka", temporary=True)
    asyncio.run(_start(broker))
    yield broker.bootstrap_servers
    asyncio.run(broker.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def postgres(servers: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(servers / "postgres", temporary=True)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def postgres_dsn(postgres: EmbeddedPostgres) -> str:
    return postgres.dsn


@pytest.fixture
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    await _on_server(postgres.dsn, f"create database {name}")
    yield postgres.dsn_of(name)
    await _on_server(postgres.dsn, f"drop database {name} with (force)")


@pytest.fixture
async def database(empty_database: str) -> str:
    from service.store.migrate import migrate

    await migrate(empty_database, lanes=LANES)
    return empty_database


@pytest.fixture
async def fresh_kafka(servers: Path) -> AsyncIterator[EmbeddedKafka]:
    async with EmbeddedKafka(servers / f"kafka-{uuid.uuid4().hex[:8]}", temporary=True) as broker:
        await create_topics({"bootstrap_servers": broker.bootstrap_servers}, LANES)
        yield broker


@pytest.fixture
async def fresh_postgres(servers: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(servers / f"postgres-{uuid.uuid4().hex[:8]}", temporary=True) as server:
        yield server


async def _start(broker: EmbeddedKafka) -> None:
    await broker.start()
    await create_topics({"bootstrap_servers": broker.bootstrap_servers}, LANES)


async def _on_server(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
