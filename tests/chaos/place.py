"""Where it happens: a broker, a database, and workers in slots; slot 0 reaches both servers through proxies."""

import asyncio
import os
import random
import shutil
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.embedded.process import Progress, reserve_port, silent
from service.kafka.topics import create_topics
from service.runtime.failpoints import VARIABLE
from service.store.migrate import migrate
from tests.chaos.proxy import Proxy
from tests.chaos.worker import Worker

GROUP = "purchasing"


class ProxiedKafka(EmbeddedKafka):
    """A broker with a second listener, which it advertises at another port: a proxy's."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, temporary=True)
        self.behind, self.proxied = reserve_port(), reserve_port()

    def _write_configuration(self) -> Path:
        path = super()._write_configuration()
        written = dict(line.split("=", 1) for line in path.read_text("utf-8").splitlines())
        more = {
            "listeners": f"{written['listeners']},PROXIED://127.0.0.1:{self.behind}",
            "advertised.listeners": f"{written['advertised.listeners']},PROXIED://127.0.0.1:{self.proxied}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
        }
        # Of a setting given twice the last counts.
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in more.items())
        return path


class Place:
    """`async with Place(directory, lanes) as place`. Nothing is left behind, whatever happens inside."""

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
        """Of each worker; more than one have a supervisor."""
        self._say = say
        self._environment = environment
        self.kafka = ProxiedKafka(directory / "kafka")
        self.postgres = EmbeddedPostgres(directory / "postgres", temporary=True)
        self.slots: dict[int, Worker] = {}
        self.unexpected: list[str] = []
        self.started = 0
        self.memory: list[int] = []
        self.ends: list[float] = []
        """Seconds that each end in order took."""
        self._expected_end: set[int] = set()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            undo.push_async_exit(self)
            shutil.rmtree(self.directory, ignore_errors=True)
            await asyncio.gather(self.kafka.start(), self.postgres.start())
            await create_topics({"bootstrap_servers": self.bootstrap}, self.lanes)
            connection = await asyncpg.connect(self.postgres.dsn)
            await connection.execute("create database chaos")
            await connection.close()
            await migrate(self.dsn, lanes=self.lanes)
            port = int(self.dsn.rpartition(":")[2].partition("/")[0])
            self.proxies = [Proxy(self.kafka.proxied, self.kafka.behind), Proxy(reserve_port(), port)]
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
        for proxy in getattr(self, "proxies", []):
            await proxy.close()
        await asyncio.gather(self.kafka.close(), self.postgres.close(), return_exceptions=True)

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap_servers

    @property
    def dsn(self) -> str:
        return self.postgres.dsn_of("chaos")

    def scarce(self, workers: int) -> bool:
        """Whether there are fewer lanes than workers, so that one may have none."""
        return self.lanes < workers

    def start(self, slot: int, failpoints: str = "") -> Worker:
        """A worker into a slot that has none. One that is to be harmed at a place of its code is a process alone: the
        place would be reached in each of several, and again when they are started again."""
        self.started += 1
        bootstrap, dsn = self.bootstrap, self.dsn
        if slot == 0:
            kafka, postgres = self.proxies
            there = dsn.rpartition(":")[2].partition("/")[0]
            bootstrap, dsn = f"127.0.0.1:{kafka.port}", dsn.replace(f":{there}/", f":{postgres.port}/")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")},
            "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "PURCHASING_DATABASE_URL": dsn,
            "PURCHASING_CONSUMER_GROUP": GROUP,
            "PURCHASING_LOG_FORMAT": "json",
            "PURCHASING_HTTP_PORT": "0",
            "PURCHASING_PROCESSES": str(1 if failpoints else self.processes),
            **self._environment,
            **({VARIABLE: failpoints} if failpoints else {}),
        }
        log = self.directory / f"worker-{self.started:03}-slot-{slot}.log"
        # The long run starts the service as operators do.
        arguments, module = (["run"], "tests.chaos.hurried") if self.hurried else (["-m", "service", "run"], "")
        processes = int(environment["PURCHASING_PROCESSES"])
        worker = self.slots[slot] = Worker(self.started, arguments, environment, log, module, processes)
        return worker

    def say(self, line: str) -> None:
        """Report progress, and write it into the run's own log, beside the workers'."""
        self._say(line)
        with (self.directory / "chaos.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    def expect_end(self, worker: Worker) -> None:
        """Say that it is going to end and by whose doing: anything else is a crash, and reported."""
        self._expected_end.add(worker.number)

    def look_after(self) -> None:
        """Start anew what ended unasked (a supervisor would), and remember it; note memory."""
        self.memory.append(max((worker.memory for worker in self.slots.values()), default=0))
        for slot, worker in list(self.slots.items()):
            if not worker.running and worker.number not in self._expected_end:
                self.crashed(worker)
                self.start(slot)

    def crashed(self, worker: Worker) -> None:
        """Remember that it ended in a way nobody asked for."""
        self.unexpected.append(f"worker {worker.number} ended with {worker.process.returncode}: {worker.log}")

    async def stop(self, slot: int) -> None:
        """End a slot's worker in order."""
        worker = self.slots.pop(slot)
        self.expect_end(worker)
        worker.send(signal.SIGCONT)
        # Before it listens it may not heed the signal yet, which then ends it as it would any program.
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
        """pg_terminate_backend of what the slot's worker has there, all or some of it; how many."""
        worker = self.slots.get(slot)
        if worker is None:
            return 0
        # Slot 0 is known to the server by the ports of its proxy.
        ports = worker.ports() if slot else self.proxies[1].ports
        connection = await asyncpg.connect(self.dsn)
        try:
            found = await connection.fetch(
                "select pid, client_port from pg_stat_activity where datname = 'chaos' and pid <> pg_backend_pid()"
            )
            ours = [row[0] for row in found if row[1] in ports]
            chosen = [pid for pid in ours if rng.random() < 0.7] or ours
            for pid in chosen:
                await connection.execute("select pg_terminate_backend($1)", pid)
        finally:
            await connection.close()
        return len(chosen)
