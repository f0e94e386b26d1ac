"""The events of a benchmark: random histories of many orders, mixed; the same for every contender, by the seed.

An order has about twelve events. `OPEN_ORDERS` orders are open at a time and each of them may be next, so a batch
rarely has two events of one order: the rules run for nearly every event, as in production.
"""

import json
import random
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from purchasing_contracts.topics import class_of, topic_of

from tests.rules.happenstance import Event
from tests.rules.histories import history, in_any_order

OPEN_ORDERS = 1_000
TRACE = "00-{:032x}-00000000000000ff-01"


class Record(NamedTuple):
    """One event as it is sent. `order` is its key."""

    topic: str
    order: str
    value: bytes


def records(seed: int, count: int, prefix: str = "ord", first: int = 1) -> list[Record]:
    """Return the first `count` records of the seed.

    The `n`th (from `first`) carries the trace id `n`, by which an output is traced to the event that led to it.
    """
    return [record_of(event, number) for number, event in enumerate(islice(_mixed(seed, prefix), count), first)]


def record_of(event: Event, number: int) -> Record:
    """The event as a record that carries this trace id."""
    cls = class_of(event["type"])
    assert cls is not None
    value = json.dumps({**event, "traceparent": TRACE.format(number)}, ensure_ascii=False, separators=(",", ":"))
    return Record(topic_of(cls).name, event["subject"], value.encode())


def story(rng: random.Random, order: str) -> list[Event]:
    """The events of one order, in a possible order of arrival; their ids are unique."""
    return [
        {**event, "subject": order, "id": f"{order}:{event['id']}", "source": event["source"]}
        for event in in_any_order(rng, history(rng))
    ]


def _mixed(seed: int, prefix: str) -> Iterator[Event]:
    rng = random.Random(seed)
    told = 0
    stories: list[list[Event]] = []
    while True:
        while len(stories) < OPEN_ORDERS:
            told += 1
            stories.append(story(rng, f"{prefix}-{seed}-{told}")[::-1])
        chosen = rng.randrange(OPEN_ORDERS)
        yield stories[chosen].pop()
        if not stories[chosen]:
            told += 1
            stories[chosen] = story(rng, f"{prefix}-{seed}-{told}")[::-1]
