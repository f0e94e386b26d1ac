"""Messages for testing a consumer, made from the shipped examples."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from purchasing_contracts.published import CommandData
from purchasing_contracts.records import STRUCTURED_HEADERS, Record
from purchasing_contracts.shipped import example
from purchasing_contracts.topics import TOPICS, Topic

_NAMES = uuid.UUID("5b0c1a52-6f0e-4a52-9d0e-6f5b8a0e7c11")

COMMANDS: tuple[str, ...] = tuple(
    message.TYPE for topic in TOPICS for message in topic.messages if issubclass(message, CommandData)
)
"""The types of all commands."""


def example_commands(types: Iterable[str] = COMMANDS, orders: int = 3) -> list[Record]:
    """Return commands of each type for several orders, each with its own `command_id`, as records of the topics.

    Partitions and offsets are filled in: the messages of one order are in one partition of their topic.
    """
    offsets: dict[tuple[str, int], int] = {}
    records = []
    for number in range(1, orders + 1):
        for version, type_ in enumerate(types, 1):
            topic = _topic_of(type_)
            partition = number % topic.partitions
            offset = offsets.setdefault((topic.name, partition), 0)
            offsets[topic.name, partition] += 1
            event = _of_order(example(type_), f"ord-{number}", version)
            value = json.dumps(event, ensure_ascii=False).encode()
            key = event["subject"].encode()
            records.append(Record(topic.name, key, value, STRUCTURED_HEADERS, partition, offset))
    return records


def _of_order(event: dict[str, Any], order_id: str, version: int) -> dict[str, Any]:
    """Return an example for another order, with an id of its own."""
    command_id = str(uuid.uuid5(_NAMES, f"{order_id} {event['type']}"))
    made: dict[str, Any] = json.loads(json.dumps(event).replace("ord-1001", order_id))
    made |= {"id": command_id, "subject": order_id}
    made["data"] |= {"order_id": order_id, "command_id": command_id, "order_version": version}
    return made


def _topic_of(type_: str) -> Topic:
    return next(topic for topic in TOPICS for message in topic.messages if type_ == message.TYPE)
