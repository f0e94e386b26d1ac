"""Fixtures that tests share: a real broker and a real database, started when the first test asks for them.

| fixture | lives | is |
|---|---|---|
| `shared_broker` | session | the one broker, see `tests.broker` |
| `kafka` | test | its `host:port`, with all topics; others left things in them, so use order ids of your own |
| `worker_logs` | session | directory for the logs of the service's processes |
| `postgres` | session | the `EmbeddedPostgres` all databases of the session lie in |
| `postgres_dsn` | session | its DSN, for the database `postgres` |
| `database` | test | DSN of a fresh, migrated database, dropped afterwards |
| `empty_database` | test | the same, not migrated |
| `template` | session | name of the database that `database` is copied from |
| `fresh_kafka` | test | the `EmbeddedKafka` of `shared_broker` with all topics, empty; to be stopped, killed, frozen |
| `fresh_postgres` | test | an `EmbeddedPostgres` of its own, for the same (1 s) |
| `unpatched` | test | nothing: aiokafka is as it was installed, without any workaround |

Each process of pytest-xdist has a session of its own. The servers belong to no event loop. Their data is in memory
(`tests.memory`). Their logs are in `.embedded/tests/` until the next run, which moves those of a process with a failed
test to `.embedded/failed/`.
`PURCHASING_TEST_KAFKA=host:port` takes the place of the broker behind `kafka`.
"""

import asyncio
import gc
import os
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.kafka import compat
from service.kafka.topics import create_topics
from tests.broker import LANES, SharedBroker
from tests.databases import on_server, temporary_database
from tests.logs import clear, directory_of, keep, make_directory, note_failure
from tests.memory import write_to_memory
from tests.patches import patches_of, undo

# As the composition root does, before any client is made.
PATCHES = patches_of(compat.install)

# No time limit on an example: how long one takes says more of the machine than of the code. Where a change is about to
# land, the same examples each time: what new ones find is looked for beside that, in every other run.
settings.register_profile("purchasing", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("purchasing")

write_to_memory()

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / ".embedded" / "tests"

NO_FSYNC = {"fsync": "off"}
"""For a PostgreSQL whose processes may be killed, while the machine goes on: what it has written is with the system,
which keeps it. Waiting for the disk takes a second for each database that is dropped."""

FEW_THREADS = {"num.network.threads": "1", "num.io.threads": "2", "background.threads": "2"}
"""For a broker that mostly waits: each of its threads looks three times a second whether there is work."""

TEMPLATE = "migrated"

LONGEST = (
    "console/test_browser.py",
    "chaos/test_chaos.py",
    "protocol/test_exactly_once.py",
    "cli/test_commands.py",
    "chaos/test_cluster.py",
    "console/test_hostile.py",
    "rules/test_permutations.py",
    "recovery/test_failover.py",
    "console/test_acts.py",
    "outbox/test_outage.py",
    "deploy/test_image.py",
    "recovery/test_contradictions.py",
    "observability/test_alarms.py",
    "deploy/test_kubernetes.py",
    "delivery/test_every_client.py",
    "chaos/test_hostile.py",
    "delivery/test_processes.py",
    "embedded/test_nothing_is_left_behind.py",
    "contracts/test_compatibility.py",
    "embedded/test_cluster.py",
    "kafka/compat/test_outage_noise.py",
    "contracts/test_pacts.py",
    "embedded/test_postgres.py",
    "security/test_kafka_acls.py",
    "deploy/website/test_site.py",
    "console/test_openapi.py",
    "observability/test_outages.py",
    "kafka/test_ways_in.py",
)
"""The files that take longest, from the longest on. They begin first: a long one that begins last keeps one process
busy while the others have nothing left to do. `--durations` says which they are."""


# Thousands of tests are collected, and stay: looking through them again and again for garbage would take a third of the
# time of collecting, and some of the tests' own.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let the collector look only at what a file's tests have made, not at what all those before them have cached."""
    handled = yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()
    return handled


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {ROOT / "tests" / name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_report_header() -> str:
    return f"logs of the embedded broker and database: {directory_of(RUNS)}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        note_failure(directory_of(RUNS), f"{report.nodeid} ({report.when})")


@pytest.fixture(scope="session")
def servers() -> Iterator[Path]:
    """Directory for this run's servers. Those of runs that have ended are removed, or kept if a test failed there."""
    clear(RUNS, RUNS.with_name("failed"))
    yield make_directory(RUNS)
    keep(directory_of(RUNS))


@pytest.fixture(scope="session")
def worker_logs(servers: Path) -> Path:
    """The directory for the logs of the service's processes."""
    logs = servers / "workers"
    logs.mkdir(exist_ok=True)
    return logs


@pytest.fixture(scope="session")
def shared_broker(servers: Path) -> Iterator[SharedBroker]:
    broker = SharedBroker(EmbeddedKafka(servers / "kafka", settings=FEW_THREADS, temporary=True))
    yield broker
    asyncio.run(broker.kafka.close())


@pytest.fixture
async def kafka(request: pytest.FixtureRequest) -> str:
    given = os.environ.get("PURCHASING_TEST_KAFKA")
    if given:
        await create_topics({"bootstrap_servers": given}, LANES)
        return given
    shared: SharedBroker = request.getfixturevalue("shared_broker")
    return await shared.fill()


@pytest.fixture(scope="session")
def postgres(servers: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(servers / "postgres", settings=NO_FSYNC, temporary=True)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.close())


@pytest.fixture(scope="session")
def postgres_dsn(postgres: EmbeddedPostgres) -> str:
    return postgres.dsn


@pytest.fixture
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    async with temporary_database(postgres) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The migrated database that others are copied from, which takes half the time of migrating."""
    from service.store.migrate import migrate

    async def make() -> None:
        await on_server(postgres.dsn, f"create database {TEMPLATE}")
        await migrate(postgres.dsn_of(TEMPLATE), lanes=LANES)

    asyncio.run(make())
    return TEMPLATE


@pytest.fixture
async def database(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    async with temporary_database(postgres, template) as dsn:
        # Each database has an outbox id of its own: transactional ids and the relay's group are made from it.
        await on_server(dsn, "update installation set outbox_id = gen_random_uuid()")
        yield dsn


@pytest.fixture
async def beside(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of its own, to look at what the others do."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def fresh_kafka(shared_broker: SharedBroker) -> EmbeddedKafka:
    return await shared_broker.empty()


@pytest.fixture
async def fresh_postgres(servers: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(servers / f"postgres-{uuid.uuid4().hex[:8]}", temporary=True) as server:
        yield server


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    undo(PATCHES, monkeypatch)
