"""Several nodes of Apache Kafka on this machine, each a broker and a controller, as real installations have them.

Three nodes take about 1.5 GB of memory and, on 2 cores, ten seconds to start.
"""

import asyncio
from pathlib import Path
from typing import Any

from service.embedded.kafka import EmbeddedKafka, Quorum, new_cluster_id
from service.embedded.lifetime import Lifetime
from service.embedded.process import Progress, silent, together

BROKERS_MAX = 5


def settings_for(brokers: int) -> dict[str, str]:
    """Return the broker settings for so many brokers: three replicas, of which two must have a record."""
    replicas = min(3, brokers)
    in_sync = min(2, replicas)
    return {
        "default.replication.factor": str(replicas),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(replicas),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": str(in_sync),
        # A busy machine with three brokers may hold one of them up for 2 s, and nobody should take it for dead then.
        "broker.session.timeout.ms": "5000",
        # A dead follower holds up writers until the leader drops it from the replicas in sync: 5 s instead of 30.
        "replica.lag.time.max.ms": "5000",
    }


class EmbeddedKafkaCluster(Lifetime):
    """`async with EmbeddedKafkaCluster(directory, brokers=3) as kafka: kafka.bootstrap_servers`.

    `nodes` are the brokers by number, from 1, each to be stopped, killed, frozen and started on its own. Each has a
    directory with data, settings and log. The rest is as with `EmbeddedKafka`.
    """

    def __init__(self, directory: Path, brokers: int, *, temporary: bool = False, progress: Progress = silent) -> None:
        self.directory = directory.absolute()
        quorum = Quorum.of(brokers, _cluster_id(self.directory, temporary=temporary))
        self.nodes = {
            node: self.new_node(
                self.directory / str(node),
                settings=settings_for(brokers),
                temporary=temporary,
                progress=progress,
                quorum=quorum,
                node=node,
            )
            for node in quorum.ports
        }

    def new_node(self, directory: Path, **options: Any) -> EmbeddedKafka:
        """Make a broker of the cluster; tests have brokers of their own kind."""
        return EmbeddedKafka(directory, **options)

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of each broker, for clients."""
        return ",".join(node.bootstrap_servers for node in self.nodes.values())

    async def close(self) -> None:
        """Stop, and remove temporary data. Idempotent."""
        await asyncio.gather(*(node.close() for node in self.nodes.values()))

    async def start(self) -> None:
        """Start all brokers that don't run, and wait until each serves clients."""
        await together(*(node.start() for node in self.nodes.values() if not node.running))

    async def stop(self) -> None:
        """Stop all brokers. Idempotent."""
        await asyncio.gather(*(node.stop() for node in self.nodes.values()))


def _cluster_id(directory: Path, *, temporary: bool) -> str:
    """Return the id of the cluster in this directory, made at its first start."""
    if temporary:
        return new_cluster_id()
    path = directory / "cluster-id"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new_cluster_id(), "ascii")
    return path.read_text("ascii")
