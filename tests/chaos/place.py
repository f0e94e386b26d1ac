"""The place of a run: brokers, a database, and workers in slots; slot 0 reaches the servers through proxies.

`OneOfEach` has one broker and one PostgreSQL; `tests/chaos/cluster.py` has several.
"""

import asyncio
import os
import random
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.embedded.lifetime import Lifetime
from service.embedded.process import Progress, reserve_port, silent, together
from service.kafka.topics import create_topics
from service.runtime.failpoints import VARIABLE
from service.store.migrate import migrate
from tests.chaos.proxy import Proxy
from tests.chaos.worker import Worker

GROUP = "purchasing"
DATABASE = "chaos"
CONNECT_SECONDS = 10.0
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""The errors of a client whose database is unavailable at the moment."""


class ProxiedKafka(EmbeddedKafka):
    """A broker with a second listener, which it advertises at a proxy's port."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.behind, self.proxied = reserve_port(), reserve_port()

    def _write_configuration(self) -> Path:
        path = super()._write_configuration()
        written = dict(line.split("=", 1) for line in path.read_text("utf-8").splitlines())
        more = {
            "listeners": f"{written['listeners']},PROXIED://127.0.0.1:{self.behind}",
            "advertised.listeners": f"{written['advertised.listeners']},PROXIED://127.0.0.1:{self.proxied}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
        }
        # The last value of a setting counts.
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in more.items())
        return path


class Place(ABC):
    """`async with OneOfEach(directory, lanes) as place`. It leaves nothing behind, however the block ends."""

    servers: tuple[Lifetime, ...] = ()
    """The servers that are started and stopped with it: brokers and databases."""

    def __init__(
        self,
        directory: Path,
        lanes: int,
        *,
        hurried: bool,
        processes: int = 1,
        say: Progress = silent,
        **environment: str,
    ) -> None:
        self.directory = directory
        self.lanes = lanes
        self.hurried = hurried
        self.processes = processes
        """The number of processes of each worker; with more than one they have a supervisor."""
        self._say = say
        self._environment = environment
        self.to_brokers: list[Proxy] = []
        self.to_database: list[Proxy] = []
        """The networks of slot 0."""
        self.slots: dict[int, Worker] = {}
        self.unexpected: list[str] = []
        self.started = 0
        self.memory: list[int] = []
        self.ends: list[float] = []
        """Seconds that each ordered end took."""
        self.lost = 0
        """The number of times that the database lost its latest commits."""
        self._expected_end: set[int] = set()

    @property
    @abstractmethod
    def bootstrap(self) -> str:
        """The brokers' addresses, without proxies."""

    @property
    @abstractmethod
    def dsn(self) -> str:
        """The DSN of the database that takes writes, as the superuser, without proxies."""

    @abstractmethod
    def addresses(self, slot: int) -> tuple[str, str]:
        """The addresses of brokers and database that a slot's worker gets."""

    @property
    def database_clock(self) -> float:
        """Seconds by which the databases' clock is ahead."""
        return 0.0

    @abstractmethod
    def networks(self) -> tuple[list[Proxy], list[Proxy]]:
        """New proxies between slot 0 and the brokers, and the database, all of which run."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            undo.push_async_exit(self)
            shutil.rmtree(self.directory, ignore_errors=True)
            await together(*(server.start() for server in self.servers))
            await create_topics({"bootstrap_servers": self.bootstrap}, self.lanes)
            async with self.connected("postgres") as connection:
                await connection.execute(f"create database {DATABASE}")
            await migrate(self.dsn, lanes=self.lanes)
            self.to_brokers, self.to_database = self.networks()
            for proxy in self.proxies:
                await proxy.start()
            undo.pop_all()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for worker in self.slots.values():
            worker.kill_family()
            await worker.ended()
        for proxy in self.proxies:
            await proxy.close()
        await asyncio.gather(*(server.close() for server in self.servers), return_exceptions=True)

    @property
    def proxies(self) -> list[Proxy]:
        """All proxies of slot 0."""
        return [*self.to_brokers, *self.to_database]

    @asynccontextmanager
    async def connected(self, database: str = DATABASE) -> AsyncIterator[Any]:
        """A connection without proxies. Raises one of `AWAY` while the database is unavailable."""
        connection = await asyncpg.connect(self.dsn.replace(f"/{DATABASE}", f"/{database}"), timeout=CONNECT_SECONDS)
        try:
            yield connection
        finally:
            connection.terminate()

    def scarce(self, workers: int) -> bool:
        """Whether there are fewer lanes than workers, so that one may have none."""
        return self.lanes < workers

    def start(self, slot: int, failpoints: str = "") -> Worker:
        """Start a worker in a slot that has none. One with failpoints is a single process: each of several would
        reach the place, and again after each restart."""
        self.started += 1
        bootstrap, url = self.addresses(slot)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")},
            "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "PURCHASING_DATABASE_URL": url,
            "PURCHASING_CONSUMER_GROUP": GROUP,
            "PURCHASING_LOG_FORMAT": "json",
            "PURCHASING_HTTP_PORT": "0",
            "PURCHASING_PROCESSES": str(1 if failpoints else self.processes),
            **self._environment,
            **self.variables(slot),
            **({VARIABLE: failpoints} if failpoints else {}),
        }
        log = self.directory / f"worker-{self.started:03}-slot-{slot}.log"
        # The long run starts the service as operators do.
        arguments, module = (["run"], "tests.chaos.hurried") if self.hurried else (["-m", "service", "run"], "")
        processes = int(environment["PURCHASING_PROCESSES"])
        worker = self.slots[slot] = Worker(self.started, arguments, environment, log, module, processes)
        return worker

    def variables(self, _slot: int) -> dict[str, str]:
        """Additional environment of a slot's worker."""
        return {}

    def say(self, line: str) -> None:
        """Report progress, and write it into the run's own log, beside the workers'."""
        self._say(line)
        with (self.directory / "chaos.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    def expect_end(self, worker: Worker) -> None:
        """Note that a fault is about to end it: any other end is a crash, and is reported."""
        self._expected_end.add(worker.number)

    def look_after(self) -> None:
        """Start workers again that ended by themselves, as a supervisor would, and note them; note memory."""
        if largest := max((worker.memory for worker in self.slots.values()), default=0):
            self.memory.append(largest)
        for slot, worker in list(self.slots.items()):
            if not worker.running and worker.number not in self._expected_end:
                self.crashed(worker)
                self.start(slot)

    def crashed(self, worker: Worker) -> None:
        """Note that it ended unexpectedly, unless it had to."""
        if self.has_to_end(worker):
            return
        self.unexpected.append(f"worker {worker.number} ended with {worker.process.returncode}: {worker.log}")

    def has_to_end(self, _worker: Worker) -> bool:
        """Whether a fault of the servers ends workers, which their supervisor starts again."""
        return False

    async def stop(self, slot: int) -> None:
        """End a slot's worker in order."""
        worker = self.slots.pop(slot)
        self.expect_end(worker)
        worker.send(signal.SIGCONT)
        # Before it listens it may not handle the signal yet, which then ends it as it would any program.
        ends = (0,) if worker.port is not None else (0, -signal.SIGTERM)
        begun = time.monotonic()
        worker.send(signal.SIGTERM)
        if not await worker.ended():
            self.unexpected.append(f"worker {worker.number} did not end when it was asked to: {worker.log}")
            worker.send(signal.SIGKILL)
            await worker.ended()
        elif worker.process.returncode not in ends:
            self.crashed(worker)
        self.ends.append(time.monotonic() - begun)

    async def kill(self, slot: int) -> None:
        worker = self.slots.pop(slot)
        self.expect_end(worker)
        worker.send(signal.SIGKILL)
        await worker.ended()

    async def end_sessions(self, slot: int, rng: random.Random) -> int:
        """End all or some of the sessions of the slot's worker by pg_terminate_backend. Returns how many."""
        worker = self.slots.get(slot)
        if worker is None:
            return 0
        # The server knows slot 0 by the ports of its proxies.
        ports = worker.ports() if slot else set[int]().union(*(proxy.ports for proxy in self.to_database))
        async with self.connected() as connection:
            found = await connection.fetch(
                "select pid, client_port from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()", DATABASE
            )
            ours = [row[0] for row in found if row[1] in ports]
            chosen = [pid for pid in ours if rng.random() < 0.7] or ours
            for pid in chosen:
                await connection.execute("select pg_terminate_backend($1)", pid)
        return len(chosen)


class OneOfEach(Place):
    """One broker, one PostgreSQL."""

    def __init__(self, directory: Path, *arguments: Any, **options: Any) -> None:
        super().__init__(directory, *arguments, **options)
        self.kafka = ProxiedKafka(directory / "kafka", temporary=True)
        self.postgres = EmbeddedPostgres(directory / "postgres", temporary=True)
        self.servers = (self.kafka, self.postgres)

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap_servers

    @property
    def dsn(self) -> str:
        return self.postgres.dsn_of(DATABASE)

    def addresses(self, slot: int) -> tuple[str, str]:
        if slot:
            return self.bootstrap, self.dsn
        (kafka,), (postgres,) = self.to_brokers, self.to_database
        return f"127.0.0.1:{kafka.port}", self.dsn.replace(f":{self.postgres.port}/", f":{postgres.port}/")

    def networks(self) -> tuple[list[Proxy], list[Proxy]]:
        return [Proxy(self.kafka.proxied, self.kafka.behind)], [Proxy(reserve_port(), self.postgres.port)]
