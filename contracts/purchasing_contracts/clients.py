"""Messages as arguments of Python's Kafka clients. None of the clients is imported.

  producer.produce(**to_confluent(event))                  # confluent-kafka
  await producer.send_and_wait(**to_aiokafka(event))       # aiokafka
  producer.send(**to_kafka_python(event)).get()            # kafka-python

The service itself writes structured mode. `mode="binary"` puts the attributes into headers.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypedDict

from purchasing_contracts.messages import Message
from purchasing_contracts.records import Mode, record_of

CONFLUENT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {"partitioner": "murmur2_random", "acks": "all", "enable.idempotence": "true"}
)
"""Settings for a producer of confluent-kafka, so that it partitions keys like the Java client, unlike librdkafka's
default, and loses or repeats nothing on the way to the broker. aiokafka and kafka-python partition keys so by default;
give them `acks="all"` and `enable_idempotence=True`.
"""


class Sending(TypedDict):
    """The arguments to send a record."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def to_confluent(message: Message, mode: Mode = "structured") -> Sending:
    """Return the arguments of `confluent_kafka.Producer.produce`. Raises like `records.record_of`."""
    return _sending(message, mode)


def to_aiokafka(message: Message, mode: Mode = "structured") -> Sending:
    """Return the arguments of `aiokafka.AIOKafkaProducer.send` and `send_and_wait`. Raises like `records.record_of`."""
    return _sending(message, mode)


def to_kafka_python(message: Message, mode: Mode = "structured") -> Sending:
    """Return the arguments of `kafka.KafkaProducer.send`. Raises like `records.record_of`."""
    return _sending(message, mode)


def _sending(message: Message, mode: Mode) -> Sending:
    record = record_of(message, mode)
    return {
        "topic": record.topic,
        "key": record.key or b"",
        "value": record.value or b"",
        "headers": [(name, content or b"") for name, content in record.headers],
    }
