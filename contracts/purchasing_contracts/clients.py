"""Messages in the shapes that Kafka clients for Python take. None of the clients is imported.

  producer.produce(**to_confluent(event))                  # confluent-kafka
  await producer.send_and_wait(**to_aiokafka(event))       # aiokafka
  producer.send(**to_kafka_python(event)).get()            # kafka-python

Structured mode is what the service itself writes; `mode="binary"` puts the attributes into headers.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypedDict

from purchasing_contracts.messages import Message
from purchasing_contracts.records import Mode, record_of

CONFLUENT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {"partitioner": "murmur2_random", "acks": "all", "enable.idempotence": "true"}
)
"""For a producer of confluent-kafka: keys go where the Java client puts them (librdkafka's own default doesn't), and
nothing is lost or doubled on the way to the broker. aiokafka and kafka-python place keys so by themselves; give them
`acks="all"` and `enable_idempotence=True`.
"""


class Sending(TypedDict):
    """The arguments with which a record is sent."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def to_confluent(message: Message, mode: Mode = "structured") -> Sending:
    """The arguments of `confluent_kafka.Producer.produce`. Raises like `records.record_of`."""
    return _sending(message, mode)


def to_aiokafka(message: Message, mode: Mode = "structured") -> Sending:
    """The arguments of `aiokafka.AIOKafkaProducer.send` and `send_and_wait`. Raises like `records.record_of`."""
    return _sending(message, mode)


def to_kafka_python(message: Message, mode: Mode = "structured") -> Sending:
    """The arguments of `kafka.KafkaProducer.send`. Raises like `records.record_of`."""
    return _sending(message, mode)


def _sending(message: Message, mode: Mode) -> Sending:
    record = record_of(message, mode)
    return {
        "topic": record.topic,
        "key": record.key or b"",
        "value": record.value or b"",
        "headers": [(name, content or b"") for name, content in record.headers],
    }
