"""Who is measured: each a process that reads the event topics, and a way to know what it should have published."""

import asyncio
import os
import re
import subprocess
import sys
import urllib.request
from abc import ABC, abstractmethod
from typing import ClassVar, Self

import psutil

from service.embedded.process import reserve_port
from service.store.migrate import migrate
from tests.bench import streams
from tests.bench.ground import Ground
from tests.bench.load import IN
from tests.bench.pass_through import OUT as OUT_TOPIC
from tests.bench.per_message import SCHEMA

GOODBYE_SECONDS = 30.0
STAGE = re.compile(
    r'^purchasing_batch_(?:stage_seconds|(messages))_(sum|count)(?:{stage="(\w+)"})? (\S+)$', re.MULTILINE
)

CENSUS_TAKEN = re.compile(r"^purchasing_census_timestamp_seconds [1-9]", re.MULTILINE)

Stages = dict[str, tuple[float, float]]
"""By stage of a batch, and `messages`: how many batches, and the sum over them (seconds, messages)."""


class Contender(ABC):
    """One or more processes at work on a ground, from `async with` to its end."""

    name: ClassVar[str]
    program = sys.executable

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.group = ground.group
        self.processes: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    async def prepare(self) -> None:
        """Make its tables."""

    @abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """Arguments for its program (Python), and environment."""

    @abstractmethod
    def published(self, events: int) -> int:
        """How many records it owes the output topics, all input being committed."""

    async def __aenter__(self) -> Self:
        await self.prepare()
        self.start()
        return self

    def start(self) -> None:
        """Start a process of it."""
        arguments, more = self.command()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PURCHASING_", "BENCH_"))}
        log = self.ground.logs / f"{type(self).__name__.lower()}-{len(self.processes)}.log"
        with log.open("wb") as out:
            self.processes.append(
                subprocess.Popen(
                    [self.program, *arguments],
                    env=kept | more,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                )
            )

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(GOODBYE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stages(self) -> Stages:
        """What it says of its own batches; nothing, if it says nothing."""
        return {}

    @property
    def settled(self) -> bool:
        """Whether it has done what it only does at its start, and every few minutes."""
        return True

    @property
    def alive(self) -> bool:
        return all(process.poll() is None for process in self.processes)

    @property
    def pids(self) -> list[int]:
        """Its processes, and those that they have started."""
        started = [psutil.Process(process.pid) for process in self.processes]
        return [one.pid for parent in started for one in (parent, *parent.children())]

    @property
    def rss(self) -> int:
        """Bytes of memory of all its processes."""
        return sum(psutil.Process(pid).memory_info().rss for pid in self.pids)


class Service(Contender):
    """`python -m service run`, one process of it, with the settings that users get otherwise."""

    name = "service"
    worker_processes = 1

    async def prepare(self) -> None:
        await migrate(self.ground.database)
        self.port = reserve_port()

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    @property
    def settled(self) -> bool:
        return CENSUS_TAKEN.search(self._metrics()) is not None

    def stages(self) -> Stages:
        shown = self._metrics()
        found: dict[str, dict[str, float]] = {}
        for messages, what, stage, value in STAGE.findall(shown):
            found.setdefault(messages or stage, {})[what] = float(value)
        return {name: (one["count"], one["sum"]) for name, one in found.items()}

    def command(self) -> tuple[list[str], dict[str, str]]:
        return ["-m", "service", "run"], {
            "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": self.ground.bootstrap,
            "PURCHASING_DATABASE_URL": self.ground.database,
            "PURCHASING_CONSUMER_GROUP": self.group,
            "PURCHASING_PROCESSES": str(self.worker_processes),
            "PURCHASING_HTTP_PORT": str(self.port),
        }

    def published(self, events: int) -> int:
        return int(self.ground.value("select coalesce(sum(position), 0) from lanes"))


class TwoProcesses(Service):
    """The same with a supervisor and two worker processes."""

    name = "service, two processes"
    worker_processes = 2


class FourProcesses(Service):
    """The same with four."""

    name = "service, four processes"
    worker_processes = 4


class PerMessage(Contender):
    """A handler a message, as FastStream's pages lead to it."""

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
    """The same with a consumer a partition, which is as far as it stays correct."""

    name = "handler per message, 30 at a time"
    workers = 6


class Streams(Contender):
    """Reading, keyed state and writing, exactly once, by Kafka Streams on the JVM; no rules."""

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
    """Consume and produce in transactions, with nothing between; the service's own client."""

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
    """The same with librdkafka."""

    name = "limit: pass-through, librdkafka"
    client = "librdkafka"
