"""The contenders: each is a process that reads the event topics, and a way to know what it should have published."""

import asyncio
import os
import subprocess
import sys
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import psutil
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from service.embedded.process import reserve_port
from service.worker.supervisor import default_processes
from tests.bench import streams
from tests.bench.ground import Ground
from tests.bench.histograms import Histogram, histograms
from tests.bench.load import IN
from tests.bench.machine import commit_of
from tests.bench.pass_through import OUT as OUT_TOPIC
from tests.bench.per_message import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
GOODBYE_SECONDS = 30.0
ANSWER_SECONDS = 10.0
CENSUS = "purchasing_census_timestamp_seconds "


class Contender(ABC):
    """One or more processes of a contender on a ground, from `async with` to its end."""

    key: ClassVar[str]
    """Its name on the command line."""
    name: ClassVar[str]
    program = sys.executable
    checkout = ROOT
    """The checkout whose program runs."""
    members: ClassVar[int | None] = None
    """The number of members of its consumer group, once all are there; None: nobody asks the group."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.group = ground.group
        self.log_name = type(self).__name__.lower()
        self.processes: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    async def prepare(self) -> None:
        """Make its tables."""

    @abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """Arguments for its program (Python), and environment."""

    @abstractmethod
    def published(self, events: int) -> int:
        """The number of records that it must have published once all input is committed."""

    async def __aenter__(self) -> Self:
        await self.prepare()
        self.start()
        return self

    def start(self) -> None:
        """Start a process of it."""
        arguments, more = self.command()
        log = self.ground.logs / f"{self.log_name}.log"
        with log.open("wb") as out:
            self.processes.append(
                subprocess.Popen(
                    [self.program, *arguments],
                    cwd=self.checkout,
                    env=self.environment() | more,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                )
            )

    def environment(self) -> dict[str, str]:
        """The environment of its processes: this one's without settings, and its checkout's code."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PURCHASING_", "BENCH_"))}
        return kept | {"PYTHONPATH": os.pathsep.join((str(self.checkout), str(self.checkout / "contracts")))}

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(GOODBYE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def joined(self) -> bool:
        """Whether every member has joined the consumer group and has its partitions, as the broker reports it."""
        if self.members is None:
            return True
        admin = AdminClient({"bootstrap.servers": self.ground.bootstrap, "log_level": 2})
        try:
            found = admin.describe_consumer_groups([self.group])[self.group].result(ANSWER_SECONDS)
        except KafkaException:
            return False
        return found.state == ConsumerGroupState.STABLE and len(found.members) == self.members

    def histograms(self) -> Mapping[str, Histogram]:
        """The histograms that it publishes about its own batches; empty if it publishes none."""
        return {}

    @property
    def settled(self) -> bool:
        """Whether it has done the work of its start, which comes again only every few minutes."""
        return True

    @property
    def alive(self) -> bool:
        return all(process.poll() is None for process in self.processes)

    @property
    def started(self) -> list[int]:
        """The ids of the processes that were started here."""
        return [process.pid for process in self.processes]

    @property
    def rss(self) -> int:
        """Bytes of memory of all its processes and their children."""
        parents = [psutil.Process(pid) for pid in self.started]
        return sum(one.memory_info().rss for parent in parents for one in (parent, *parent.children()))


class Service(Contender):
    """`python -m service run` with the default settings: a process per core."""

    key = "service"
    name = "service"
    worker_processes: ClassVar[int | None] = None
    """None: it chooses the number itself."""
    members = default_processes()

    async def prepare(self) -> None:
        self.port = reserve_port()
        migrated = await asyncio.create_subprocess_exec(
            self.program, "-m", "service", "migrate",
            cwd=self.checkout,
            env=self.environment() | {"PURCHASING_DATABASE_URL": self.ground.database},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await migrated.communicate()
        if migrated.returncode:
            raise SystemExit(f"`python -m service migrate` of {self.checkout} failed: {said.decode()}")

    def metrics(self) -> str:
        """The text of its metrics, of all processes."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=ANSWER_SECONDS) as answer:
            return str(answer.read().decode())

    @property
    def settled(self) -> bool:
        # One worker counts for all; the others show 0.
        lines = self.metrics().replace("{", " ").splitlines()
        return any(line.startswith(CENSUS) and float(line.split()[-1]) > 0 for line in lines)

    def histograms(self) -> Mapping[str, Histogram]:
        return histograms(self.metrics())

    def command(self) -> tuple[list[str], dict[str, str]]:
        processes = {} if self.worker_processes is None else {"PURCHASING_PROCESSES": str(self.worker_processes)}
        return ["-m", "service", "run"], {
            "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": self.ground.bootstrap,
            "PURCHASING_DATABASE_URL": self.ground.database,
            "PURCHASING_CONSUMER_GROUP": self.group,
            "PURCHASING_HTTP_PORT": str(self.port),
            **processes,
        }

    def published(self, events: int) -> int:
        return int(self.ground.value("select coalesce(sum(position), 0) from lanes"))


class OneProcess(Service):
    """The service as one process, on any machine."""

    key = "one-process"
    name = "service, one process"
    worker_processes = 1
    members = 1


class TwoProcesses(Service):
    """The service with a supervisor and two worker processes."""

    key = "two-processes"
    name = "service, two processes"
    worker_processes = 2
    members = 2


class FourProcesses(Service):
    """The service with a supervisor and four worker processes."""

    key = "four-processes"
    name = "service, four processes"
    worker_processes = 4
    members = 4


def service_of(checkout: Path) -> type[Service]:
    """Return the service of another checkout, as a contender with the same interpreter and packages.

    Raises SystemExit where Python would not run that checkout's service.
    """
    root = checkout.resolve()

    class Before(Service):
        key = "before"
        name = f"service before ({commit_of(root)})"
        checkout = root
        # Earlier services run one process, whatever the machine has.
        members = default_processes() if (root / "service" / "worker" / "supervisor.py").exists() else 1

    paths = os.pathsep.join((str(root), str(root / "contracts")))
    program = (
        "import service, purchasing_contracts as contracts; print(service.__file__, contracts.__file__, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [Path(line) for line in done.stdout.splitlines()]
    if done.returncode or not all(path.is_relative_to(root) for path in found):
        raise SystemExit(f"--before: {root} has no service that runs here: {done.stderr or done.stdout}")
    return Before


class PerMessage(Contender):
    """A handler per message, as FastStream's documentation teaches it."""

    key = "handler"
    name = "handler per message"
    workers = 1

    async def prepare(self) -> None:
        await self.ground.rows("select 1")
        for statement in filter(str.strip, SCHEMA.split(";")):
            await self.ground.rows(statement)

    def command(self) -> tuple[list[str], dict[str, str]]:
        return ["-m", "tests.bench.per_message"], {
            "BENCH_KAFKA": self.ground.bootstrap,
            "BENCH_DATABASE": self.ground.database,
            "BENCH_GROUP": self.group,
            "BENCH_WORKERS": str(self.workers),
        }

    def published(self, events: int) -> int:
        return int(self.ground.value("select count(*) from outbox"))


class PerMessageConcurrent(PerMessage):
    """The handler per message with one consumer per partition, the most with which it stays correct."""

    key = "handler-30"
    name = "handler per message, 30 at a time"
    workers = 6


class Streams(Contender):
    """Reading, keyed state and writing, exactly once, by Kafka Streams on the JVM; no rules."""

    key = "streams"
    name = "Kafka Streams, keyed state, no rules"
    program = "java"

    async def prepare(self) -> None:
        self.class_path = await asyncio.to_thread(streams.classes)

    def command(self) -> tuple[list[str], dict[str, str]]:
        return ["-Xmx512m", "-cp", self.class_path, "KeyedState"], {
            "BENCH_KAFKA": self.ground.bootstrap,
            "BENCH_GROUP": self.group,
            "BENCH_STATE": str(self.ground.logs / f"streams-{self.group}"),
            "BENCH_TOPICS": ",".join(IN),
            "BENCH_OUT": OUT_TOPIC,
        }

    def published(self, events: int) -> int:
        return events


class PassThrough(Contender):
    """Consume and produce in transactions, with nothing between, by the service's own client."""

    key = "pass-through"
    name = "limit: pass-through, aiokafka"
    client = "aiokafka"

    async def prepare(self) -> None:
        """It has no tables."""

    def command(self) -> tuple[list[str], dict[str, str]]:
        return ["-m", "tests.bench.pass_through"], {
            "BENCH_KAFKA": self.ground.bootstrap,
            "BENCH_GROUP": self.group,
            "BENCH_CLIENT": self.client,
        }

    def published(self, events: int) -> int:
        return events


class FastPassThrough(PassThrough):
    """Consume and produce in transactions, with nothing between, by librdkafka."""

    key = "pass-through-librdkafka"
    name = "limit: pass-through, librdkafka"
    client = "librdkafka"
