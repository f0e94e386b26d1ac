"""A run without servers in which nothing fails: the engine on the store in memory, and topics that are lists.

Its evidence is that of a clean run, the same each time. The judgement is tested on it.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from purchasing_contracts.envelope import decode
from purchasing_contracts.topics import OUTBOX

from service.orders.engine import FACTS_PER_TYPE, Engine
from service.orders.inbound_record import InboundRecord
from service.rules.clock import QuarantinedRecord
from service.rules.facts import micros
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.memory import MemoryStore
from service.store.rows import StoreTime
from service.terms.source import FixedTerms
from tests.chaos.evidence import Evidence, Where
from tests.chaos.hostile import surplus
from tests.chaos.reader import Read
from tests.chaos.records import EVENT_TOPICS, Sent
from tests.chaos.workload import FIRES_WITHIN_SECONDS, Workload

LANES = 4
PARTITIONS = 6
BATCH = 50
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)
TOO_MANY = 5


class Topics:
    """The records that were sent, by partition; a key has its partition."""

    def __init__(self) -> None:
        self.ends: dict[tuple[str, int], int] = defaultdict(int)

    def take(self, topic: str, key: bytes | None) -> Where:
        partition = crc32(key or b"") % PARTITIONS
        offset = self.ends[topic, partition]
        self.ends[topic, partition] += 1
        return topic, partition, offset


async def unharmed(seed: int, records: int) -> Evidence:
    """So many records of the workload, and one order with more facts than an order may have."""
    now = BEGIN
    store = MemoryStore(clock=lambda: StoreTime(now, now), lanes=LANES)
    engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
    workload = Workload(seed, clock=lambda: now)
    sent = [workload.next() for _ in range(records)] + surplus(seed, FACTS_PER_TYPE + TOO_MANY)
    topics = Topics()
    places = [topics.take(one.topic, one.key) for one in sent]
    for begin in range(0, len(sent), BATCH):
        batch = zip(places[begin : begin + BATCH], sent[begin : begin + BATCH], strict=True)
        await engine.handle([_inbound_record(where, one) for where, one in batch])
        now += A_SECOND
    now += timedelta(seconds=FIRES_WITHIN_SECONDS[1])
    while (await engine.fire_due()).assessed:
        pass
    return _evidence(store, sent, places, topics, now)


def _inbound_record(where: Where, sent: Sent) -> InboundRecord:
    return InboundRecord(
        *where, sent.key, sent.value, sent.headers, decode(sent.topic, sent.key, sent.value, sent.headers)
    )


def _evidence(store: MemoryStore, sent: list[Sent], places: list[Where], topics: Topics, now: datetime) -> Evidence:
    outbox: list[dict[str, Any]] = []
    published, cursors = [], []
    for lane, rows in store.outbox.items():
        for position, row in enumerate(rows, 1):
            outbox.append({"lane": lane, "position": position, **row._asdict()})
            headers: dict[str, bytes | None] = {"lane": b"%d" % lane, "position": b"%d" % position}
            key = row.key.encode()
            published.append(Read(*topics.take(row.topic, key), key, row.value, headers))
        topics.ends[OUTBOX.name, lane] = 1
        cursors.append(Read(OUTBOX.name, lane, 0, b"%d" % lane, json.dumps({"position": len(rows)}).encode(), {}))
    lanes = {lane: len(rows) for lane, rows in store.outbox.items()}
    return Evidence(
        sent=sent,
        came_in=list(zip(places, range(len(sent)), strict=True)),
        published=published,
        cursors=cursors,
        ends={place: (end, end) for place, end in topics.ends.items()},
        committed={place: end for place, end in topics.ends.items() if place[0] in EVENT_TOPICS},
        outbox=outbox,
        facts={order: [row._asdict() for row in rows] for order, rows in store.facts.items()},
        quarantine=[row._asdict() for row in store.quarantine.values()],
        holding_up={
            number: [QuarantinedRecord(row.topic, micros(row.at)) for row in rows]
            for number, rows in store.quarantined.items()
        },
        orders=[{**row._asdict(), "held_at": None} for row in store.orders.values()],
        lanes=lanes,
        noted=lanes,
        now=now,
    )
