"""A record as the chaos run sends it, and its expected fate."""

import json
from typing import Any, Literal, NamedTuple

from purchasing_contracts.topics import TOPICS, class_of, topic_of

Event = dict[str, Any]
Headers = tuple[tuple[str, bytes | None], ...]
Verdict = Literal["good", "bad"]

EVENT_TOPICS = tuple(topic.name for topic in TOPICS if topic.direction == "in")
NUMBER = "chaos-number"
"""The header by which a record is recognised in its topic; the service ignores it like any unknown header."""

ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time")


class Sent(NamedTuple):
    """One record. `good`: it is an event of the order `subject`, unless its id was stored with other content or the
    order has too many facts. `bad`: it has to be quarantined in any case. `kind` names the fault."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    verdict: Verdict
    kind: str
    event: Event | None = None


def topic_for(event: Event) -> str:
    """The topic of an event. Raises AssertionError for an unknown type."""
    cls = class_of(event["type"])
    assert cls is not None, event["type"]
    return topic_of(cls).name


def structured(event: Event) -> Sent:
    """A good record: the whole event as its value."""
    return Sent(topic_for(event), event["subject"].encode(), dump(event), (), "good", "good", event)


def binary(event: Event) -> Sent:
    """A good record: the attributes as headers, the data as its value."""
    headers: Headers = tuple((f"ce_{name}", event[name].encode()) for name in ATTRIBUTES)
    headers = (*headers, ("content-type", b"application/json"))
    return Sent(topic_for(event), event["subject"].encode(), dump(event["data"]), headers, "good", "binary", event)


def dump(value: Any) -> bytes:
    """JSON as a sender writes it."""
    return json.dumps(value, ensure_ascii=False).encode()
