"""Kafka and PostgreSQL, started side by side: one node of each, or a cluster."""

import asyncio
from pathlib import Path

from service.embedded.cluster import EmbeddedKafkaCluster
from service.embedded.kafka import EmbeddedKafka
from service.embedded.lifetime import Lifetime
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import Progress, silent, together
from service.embedded.replicas import ReplicatedPostgres


class EmbeddedStack(Lifetime):
    """`async with EmbeddedStack(directory) as stack: stack.kafka.bootstrap_servers, stack.postgres.dsn`.

    Data and logs are in `directory/kafka` and `directory/postgres`. Both start at once (3 s on 2 cores). If one fails
    or the start is interrupted, the other is stopped first. With several `brokers`, PostgreSQL has two standbys.
    `temporary`: the data is removed when the block ends or this program dies; the logs stay.
    """

    def __init__(
        self, directory: Path, *, brokers: int = 1, temporary: bool = False, progress: Progress = silent
    ) -> None:
        self.kafka: EmbeddedKafka | EmbeddedKafkaCluster
        self.postgres: EmbeddedPostgres | ReplicatedPostgres
        here, there = directory / "kafka", directory / "postgres"
        if brokers == 1:
            self.kafka = EmbeddedKafka(here, temporary=temporary, progress=progress)
            self.postgres = EmbeddedPostgres(there, temporary=temporary, progress=progress)
        else:
            self.kafka = EmbeddedKafkaCluster(here, brokers, temporary=temporary, progress=progress)
            self.postgres = ReplicatedPostgres(there, temporary=temporary, progress=progress)

    async def start(self) -> None:
        """Start both side by side."""
        await together(self.kafka.start(), self.postgres.start())

    async def close(self) -> None:
        """Stop, and remove temporary data. Idempotent."""
        await asyncio.gather(self.kafka.close(), self.postgres.close())
