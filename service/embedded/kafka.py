"""A node of Apache Kafka in KRaft mode, from its own jars, on loopback. `cluster.py` has several.

Start-up, measured on 2 cores with the wheel's Java 25 and PostgreSQL starting beside it: formatting 0.8 s, ready 2.1 s
later; second start 1.7 s; after a kill -9 3.5 s, because the broker waits for its predecessor's session to end (2 s).
Fetching the jars: 3 s if Maven has them, else 18 s.
"""

import asyncio
import base64
import contextlib
import shutil
import socket
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from service.embedded.class_archive import archive_options, make_archive
from service.embedded.jars import jars, java
from service.embedded.lifetime import SingleServer
from service.embedded.process import EmbeddedError, Progress, Server, reserve_port, silent, tail

log = structlog.get_logger("service.embedded")

START_LIMIT_SECONDS = 90.0
FORMAT_LIMIT_SECONDS = 60.0
PROBE_LIMIT_SECONDS = 10.0

HEAP = ("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Test brokers live for minutes: less compilation starts them sooner, and one collector thread leaves cores free."""

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    # one node, no replicas
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # with nothing to do it writes, and flushes, nothing twice a second
    "metadata.max.idle.interval.ms": "5000",
    # a mistyped topic is an error, as in production
    "auto.create.topics.enable": "false",
    # back within seconds after a kill -9, instead of 13: the predecessor's session must end first
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # tests of a dead worker do not wait for the usual session of 6 s, nor 3 s for a group to gather
    "group.min.session.timeout.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    # a dead worker's transaction holds back readers until the broker finds (default 10 s) and aborts it
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


@dataclass(frozen=True)
class Quorum:
    """The nodes of a cluster, each a broker and a controller: the cluster's id, and each node's port for the others."""

    cluster_id: str
    ports: Mapping[int, int]

    @classmethod
    def of(cls, nodes: int, cluster_id: str) -> Self:
        """Reserve the ports of so many nodes, numbered from 1."""
        return cls(cluster_id, {node: reserve_port() for node in range(1, nodes + 1)})


def new_cluster_id() -> str:
    """Return a random id in Kafka's form: 16 bytes in base64 for URLs."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")


class EmbeddedKafka(SingleServer):
    """`async with EmbeddedKafka(directory) as kafka: kafka.bootstrap_servers`. Ready when the block begins.

    `directory` keeps data, settings and log (`kafka.log`); a broker started on it again finds its topics. The ports
    stay the same over `stop`, `kill` and `start`. `settings` overrides broker settings. `listeners` are further
    security protocols (SSL, SASL_SSL, SASL_PLAINTEXT), each on a port of its own (see `address`); `settings` must
    configure them. `properties` are system properties of its Java, `options` more options for it, `environment` its
    variables beside this program's. `temporary`: the data is removed when the block ends or this program dies; the log
    stays. `node` is its number in `quorum`; without a quorum it is alone. Usable from any event loop. Raises
    EmbeddedError with the reason and the log's path.
    """

    def __init__(
        self,
        directory: Path,
        *,
        settings: Mapping[str, str] | None = None,
        listeners: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        temporary: bool = False,
        progress: Progress = silent,
        quorum: Quorum | None = None,
        node: int = 1,
    ) -> None:
        self.directory = directory.absolute()
        self.log = self.directory / "kafka.log"
        self.node = node
        self._settings = {**SETTINGS, **(settings or {})}
        self._properties = [f"-D{name}={value}" for name, value in (properties or {}).items()]
        self._options = options
        self._temporary = temporary
        self._progress = progress
        self._port = reserve_port()
        self._quorum = quorum or Quorum.of(1, new_cluster_id())
        self._listeners = {protocol: reserve_port() for protocol in listeners}
        name = "Apache Kafka" if quorum is None else f"broker {node} of Apache Kafka"
        scratch = [self._data] if temporary else ()
        self._server = Server(name, self.log, grace=15.0, scratch=scratch, environment=environment or {})

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self._port}"

    def address(self, protocol: str) -> str:
        """Return `host:port` of one of the `listeners`."""
        return f"127.0.0.1:{self._listeners[protocol]}"

    async def close(self) -> None:
        """Stop, and remove temporary data. Idempotent."""
        await self.stop()
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self._data, ignore_errors=True)

    async def start(self) -> None:
        """Start the broker on its directory, formatted at the first start, and wait until it serves clients."""
        libraries = await asyncio.to_thread(jars, self._progress)
        self._progress(f"starting {self._server.name} ...")
        self.directory.mkdir(parents=True, exist_ok=True)
        configuration = self._write_configuration()
        start = [java(), *HEAP, *archive_options(libraries)]
        program = [*_log_options(), *self._properties, "-cp", f"{libraries}/*"]
        if not (self._data / "meta.properties").exists():
            await asyncio.to_thread(self._format, [*start, *program], configuration)
        self._server.spawn([*start, *self._options, *program, "kafka.Kafka", str(configuration)], cwd=self.directory)
        await self._server.until_ready(self._serves, START_LIMIT_SECONDS)
        self._progress(f"{self._server.name} is ready on {self.bootstrap_servers}")

    async def stop(self) -> None:
        """Stop the broker in order (half a second). Idempotent."""
        await self._server.stop()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _write_configuration(self) -> Path:
        served = [f"PLAINTEXT://{self.bootstrap_servers}"]
        served += [f"{protocol}://{self.address(protocol)}" for protocol in self._listeners]
        settings = {
            **self._settings,
            "node.id": str(self.node),
            "listeners": ",".join([*served, f"CONTROLLER://127.0.0.1:{self._quorum.ports[self.node]}"]),
            "advertised.listeners": ",".join(served),
            "listener.security.protocol.map": ",".join(
                ["CONTROLLER:PLAINTEXT", *(f"{protocol}:{protocol}" for protocol in ("PLAINTEXT", *self._listeners))]
            ),
            "controller.quorum.voters": ",".join(
                f"{node}@127.0.0.1:{port}" for node, port in self._quorum.ports.items()
            ),
            "log.dirs": str(self._data),
        }
        path = self.directory / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), "utf-8")
        return path

    def _format(self, command: list[str], configuration: Path) -> None:
        arguments = [
            "kafka.tools.StorageTool",
            "format",
            "--config",
            str(configuration),
            f"--cluster-id={self._quorum.cluster_id}",
        ]
        with self.log.open("ab") as out:
            try:
                done = subprocess.run(
                    [*command, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    timeout=FORMAT_LIMIT_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise EmbeddedError(
                    f"Apache Kafka's directory can't be formatted: {error}. Its log: {self.log}"
                ) from error
        if done.returncode != 0:
            raise EmbeddedError(f"Apache Kafka's directory can't be formatted. Its log: {self.log}\n{tail(self.log)}")

    async def _serves(self) -> bool:
        """Return whether the broker answers and is not fenced, and, if it is alone, leads all partitions."""
        if not _listens(self._port):  # first, because aiokafka logs an error for each attempt without a port
            return False
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=2000)
        try:
            async with asyncio.timeout(PROBE_LIMIT_SECONDS):
                await admin.start()
                cluster = await admin.describe_cluster()
                topics = await admin.describe_topics()
        except (KafkaError, OSError, TimeoutError) as error:
            log.debug(
                "embedded_broker_starting", message="The embedded broker does not serve yet.", because=repr(error)
            )
            return False
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await admin.close()
        # Other nodes may be down, and with them the leaders of partitions.
        alone = len(self._quorum.ports) == 1
        leaders = [partition["leader"] for topic in topics for partition in topic["partitions"] if alone]
        return self.node in {broker["node_id"] for broker in cluster["brokers"]} and set(leaders) <= {self.node}


async def record_start(libraries: Path, progress: Progress) -> None:
    """Make Java's archive of the broker's classes unless it is there. Raises EmbeddedError."""

    async def train(directory: Path, options: tuple[str, ...]) -> None:
        async with EmbeddedKafka(directory, options=options):
            pass

    await make_archive(libraries, HEAP, train, progress)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _log_options() -> list[str]:
    prefix = "-Dorg.slf4j.simpleLogger."
    return [
        f"{prefix}defaultLogLevel=info",
        f"{prefix}showDateTime=true",
        f"{prefix}dateTimeFormat=HH:mm:ss.SSS",
    ]
