"""A Kafka client in Python, as another team might have it: writes records in the notation of kcat -J, with librdkafka's
own partitioner, and returns their partitions; or reads committed records of a topic from its beginning.
"""

import uuid
from typing import Any

from confluent_kafka import Consumer, Producer

LIMIT_SECONDS = 60


class ClientError(Exception):
    """Records could not be written, or did not come."""


def write(bootstrap: str, records: list[dict[str, Any]]) -> list[int]:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    placed: list[int] = []

    def delivered(error: Any, message: Any) -> None:
        if error is not None:
            raise ClientError(str(error))
        placed.append(message.partition())

    for record in records:
        names, values = record["headers"][::2], record["headers"][1::2]
        headers = [(name, value.encode()) for name, value in zip(names, values, strict=True)]
        key, value = record["key"].encode(), record["payload"].encode()
        producer.produce(record["topic"], value, key, headers=headers, on_delivery=delivered)
        if producer.flush(LIMIT_SECONDS):
            raise ClientError("the broker did not take the record in time")
    return placed


def read(bootstrap: str, topic: str, count: int) -> list[dict[str, Any]]:
    settings = {"bootstrap.servers": bootstrap, "group.id": f"python-{uuid.uuid4()}"}
    consumer = Consumer({**settings, "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
    consumer.subscribe([topic])
    found: list[dict[str, Any]] = []
    try:
        while len(found) < count:
            message = consumer.poll(LIMIT_SECONDS)
            if message is None or message.error() is not None:
                raise ClientError(f"only {len(found)} of {count} records came: {message and message.error()}")
            headers = [part for name, value in message.headers() or [] for part in (name, value.decode())]
            key, payload = message.key().decode(), message.value().decode()
            found.append({"topic": topic, "key": key, "headers": headers, "payload": payload})
    finally:
        consumer.close()
    return found
