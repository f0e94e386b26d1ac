"""The place with three brokers, and a PostgreSQL primary with two standbys.

The disk of each broker and each server can be full. With `clocks`, the clocks of brokers, databases and workers are
minutes apart.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from service.embedded import EmbeddedKafkaCluster, EmbeddedPostgres, ReplicatedPostgres
from service.embedded.process import reserve_port
from tests.chaos.place import DATABASE, Place, ProxiedKafka
from tests.chaos.proxy import Proxy
from tests.chaos.tampering import Tampering
from tests.chaos.worker import Worker

BROKERS = 3
BROKER_CLOCKS: Mapping[int, float] = {1: 120.0, 2: 0.0, 3: -180.0}
WORKER_CLOCKS = (-240.0, 0.0, 300.0)
DATABASE_CLOCK = 60.0
"""Seconds by which the clocks are ahead with `clocks`: of brokers, of workers by slot, of all three databases."""
ANSWER_SECONDS = 60.0
RETRY_SECONDS = 0.5
GROUP_KIND, TRANSACTION_KIND = 0, 1

MOVED = "PostgreSQL has another timeline than before"
OLDER = "the database was restored from before it"


class Brokers(EmbeddedKafkaCluster):
    """Brokers with a proxy each, whose clocks and disks can be tampered with."""

    nodes: dict[int, ProxiedKafka]  # type: ignore[assignment]

    def __init__(self, directory: Path, tampering: Tampering, clocks: Mapping[int, float]) -> None:
        self._tampering, self._clocks = tampering, clocks
        super().__init__(directory, BROKERS, temporary=True)

    def new_node(self, directory: Path, **options: Any) -> ProxiedKafka:
        node = options["node"]
        environment = self._tampering.variables(f"broker-{node}", self._clocks.get(node, 0))
        return ProxiedKafka(directory, environment=environment, **options)


class Databases(ReplicatedPostgres):
    """Databases whose clocks and disks can be tampered with."""

    def __init__(self, directory: Path, tampering: Tampering, clock: float) -> None:
        self._tampering, self._clock = tampering, clock
        super().__init__(directory, temporary=True)

    def new_node(self, directory: Path, **options: Any) -> EmbeddedPostgres:
        environment = self._tampering.variables(f"database-{directory.name}", self._clock)
        return EmbeddedPostgres(directory, environment=environment, **options)


class Cluster(Place):
    """Three brokers and three databases."""

    def __init__(self, directory: Path, *arguments: Any, clocks: bool = False, **options: Any) -> None:
        super().__init__(directory, *arguments, **options)
        self.clocks = clocks
        self.tampering = Tampering()
        self.kafka = Brokers(directory / "kafka", self.tampering, BROKER_CLOCKS if clocks else {})
        self.postgres = Databases(directory / "postgres", self.tampering, DATABASE_CLOCK if clocks else 0)
        self.servers = (self.kafka, self.postgres)
        self.failovers = 0
        self.recovering = False
        """Whether there is a database that may lack published outputs, and no operator has run `lanes recover` yet."""

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(type_, error, trace)
        self.tampering.remove()

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap_servers

    @property
    def dsn(self) -> str:
        return self.postgres.nodes[self.postgres.primary].dsn_of(DATABASE)

    @property
    def url(self) -> str:
        """The database URL of workers and commands: all servers."""
        return self.postgres.dsn_of(DATABASE)

    @property
    def database_clock(self) -> float:
        return DATABASE_CLOCK if self.clocks else 0.0

    def addresses(self, slot: int) -> tuple[str, str]:
        if slot:
            return self.bootstrap, self.url
        ports = {
            node.port: proxy.port for node, proxy in zip(self.postgres.nodes.values(), self.to_database, strict=True)
        }
        url = re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda found: str(ports[int(found[0])]), self.url)
        return ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.to_brokers), url

    def networks(self) -> tuple[list[Proxy], list[Proxy]]:
        brokers = [Proxy(node.proxied, node.behind) for node in self.kafka.nodes.values()]
        return brokers, [Proxy(reserve_port(), node.port) for node in self.postgres.nodes.values()]

    def variables(self, slot: int) -> dict[str, str]:
        if not self.clocks:
            return {}
        return self.tampering.variables("worker", WORKER_CLOCKS[slot % len(WORKER_CLOCKS)])

    def has_to_end(self, worker: Worker) -> bool:
        """Whether it met another timeline after a failover, or at its start a database that is older than Kafka."""
        if worker.process.returncode != 1 or not self.failovers:
            return False
        said = worker.log.read_text("utf-8", errors="replace")
        return MOVED in said or (self.recovering and OLDER in said)

    @property
    def standby(self) -> int:
        """The number of the standby that confirms nothing."""
        (found,) = set(self.postgres.nodes) - {self.postgres.primary, self.postgres.synchronous}
        return found

    async def controller(self) -> int:
        """The number of the broker that leads the quorum of controllers."""

        def ask(admin: Any) -> int:
            quorum = admin.describe_metadata_quorum()
            return int(quorum["topics"][0]["partitions"][0]["leader_id"])

        return int(await self._patiently(ask))

    async def move_leaders(self) -> None:
        """Give every partition, also of Kafka's own topics, another leader: the replica after it becomes the
        preferred one, and is elected."""

        def move(admin: Any) -> None:
            from kafka import TopicPartition

            turned = {
                TopicPartition(topic["name"], one["partition_index"]): turn(one["replica_nodes"], one["leader_id"])
                for topic in admin.describe_topics()
                for one in topic["partitions"]
            }
            admin.alter_partition_reassignments(turned)
            admin.elect_leaders(0, raise_errors=False)

        await self._patiently(move)

    async def coordinator(self, name: str, kind: int) -> int:
        """The number of the broker that coordinates a group or a transactional id."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    try:
                        return await admin.find_coordinator(name, kind)
                    except KafkaError:
                        await asyncio.sleep(RETRY_SECONDS)
        finally:
            await admin.close()

    async def _patiently(self, ask: Callable[[Any], Any]) -> Any:
        """Ask with kafka-python, whose admin client knows the quorum, reassignments and elections."""
        from kafka.admin import KafkaAdminClient
        from kafka.errors import KafkaError

        def once() -> Any:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","))
            try:
                return ask(admin)
            finally:
                admin.close()

        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                try:
                    return await asyncio.to_thread(once)
                except KafkaError:
                    await asyncio.sleep(RETRY_SECONDS)


def turn(replicas: list[int], leader: int) -> list[int]:
    """The replicas, beginning with the one after the leader."""
    at = replicas.index(leader) + 1 if leader in replicas else 0
    return [*replicas[at:], *replicas[:at]]
