"""The evidence by which a run is judged: the records that were sent, and the contents of the database and of Kafka."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
from purchasing_contracts.topics import OUTBOX, TOPICS

from service.rules.clock import QuarantinedRecord
from service.rules.facts import micros
from tests.chaos.reader import Outsider, Read
from tests.chaos.records import EVENT_TOPICS, NUMBER, Sent

OUT = tuple(topic.name for topic in TOPICS if topic.direction == "out")
Where = tuple[str, int, int]


# The default repr would be gigabytes, and asyncio formats the result of its main task.
@dataclass(repr=False)
class Evidence:
    """One look at the end of a run. `ends` are per partition: for all readers, and for those of what is committed."""

    sent: Sequence[Sent] = ()
    came_in: Sequence[tuple[Where, int]] = ()
    """Each record's place in its topic, and its number."""
    appended: Mapping[int, datetime] = field(default_factory=dict)
    """The time at which the broker appended each record, by its number; the last time, if it was sent twice."""
    published: Sequence[Read] = ()
    cursors: Sequence[Read] = ()
    ends: Mapping[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    committed: Mapping[tuple[str, int], int] = field(default_factory=dict)
    outbox: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    quarantine: Sequence[Mapping[str, Any]] = ()
    holding_up: Mapping[int, Sequence[QuarantinedRecord]] = field(default_factory=dict)
    """The quarantined records that nobody resolved, by the hash of each order that they may concern."""
    orders: Sequence[Mapping[str, Any]] = ()
    lanes: Mapping[int, int] = field(default_factory=dict)
    noted: Mapping[int, int] = field(default_factory=dict)
    read_again: bool = False
    """Whether a database took over that lacked the latest commits: a record that is quarantined a second time has
    two notices."""
    now: datetime | None = None


async def gather(bootstrap: str, dsn: str, group: str, sent: Sequence[Sent]) -> Evidence:
    """Collect all evidence from outside."""
    found = Evidence(sent=sent)
    connection = await asyncpg.connect(dsn)
    try:
        found.outbox = await connection.fetch(
            "select lane, position, order_id, order_version, topic, key, id, value from outbox order by lane, position"
        )
        facts = defaultdict(list)
        for row in await connection.fetch("select order_id, source, id, at, type, data, received_at from facts"):
            facts[row["order_id"]].append(row)
        found.facts = facts
        found.quarantine = await connection.fetch('select topic, partition, "offset", reason, order_id from quarantine')
        holding_up = defaultdict(list)
        for row in await connection.fetch("select distinct order_hash, topic, at from quarantined_orders"):
            holding_up[row["order_hash"]].append(QuarantinedRecord(row["topic"], micros(row["at"])))
        found.holding_up = holding_up
        found.orders = await connection.fetch("select order_id, stuck, due_at, held_at from orders")
        found.lanes = dict(await connection.fetch("select lane, position from lanes"))
        found.noted = dict(await connection.fetch("select lane, position from relay_notes"))
        found.now = await connection.fetchval("select clock_timestamp()")
    finally:
        await connection.close()
    await asyncio.to_thread(_read, Outsider(bootstrap), group, found)
    return found


def delivered(outsider: Outsider) -> set[int]:
    """Return the numbers of the records that the event topics have."""
    return {int(one.headers[NUMBER] or b"-1") for one in outsider.records(EVENT_TOPICS)}


def _read(outsider: Outsider, group: str, found: Evidence) -> None:
    everything = (*EVENT_TOPICS, *OUT, OUTBOX.name)
    all_ends, committed = (outsider.ends(everything, committed=only) for only in (False, True))
    found.ends = {place: (end, committed[place]) for place, end in all_ends.items()}
    found.committed = outsider.committed(group, EVENT_TOPICS)
    found.published = list(outsider.records(OUT))
    found.cursors = list(outsider.records((OUTBOX.name,)))
    came_in, appended = [], {}
    for one in outsider.records(EVENT_TOPICS):
        n = int(one.headers[NUMBER] or b"-1")
        came_in.append(((one.topic, one.partition, one.offset), n))
        appended[n] = datetime.fromtimestamp(one.at_ms / 1000, UTC)
    found.came_in, found.appended = came_in, appended


def received_after(found: Evidence) -> list[float]:
    """Seconds from the broker's append of each message's first record to the write of its fact, by the broker's
    clock and the database's, in ascending order."""
    first: dict[tuple[str, str], datetime] = {}
    for n, at in found.appended.items():
        sent = found.sent[n]
        if sent.verdict == "good" and sent.event is not None:
            identity = (sent.event["source"], sent.event["id"])
            first[identity] = min(at, first.get(identity, at))
    received = {(row["source"], row["id"]): row["received_at"] for rows in found.facts.values() for row in rows}
    return sorted((received[one] - first[one]).total_seconds() for one in received.keys() & first.keys())


async def is_quiet(dsn: str, outsider: Outsider, group: str) -> str | None:
    """None once all input was read and decided, and all outputs are published; otherwise the work that is left."""
    ends = await asyncio.to_thread(outsider.ends, EVENT_TOPICS, committed=False)
    committed = await asyncio.to_thread(outsider.committed, group, EVENT_TOPICS)
    lag = sum(end - max(0, committed[place]) for place, end in ends.items())
    if lag:
        return f"{lag} records of lag"
    connection = await asyncpg.connect(dsn)
    try:
        waiting = await connection.fetchval(
            "select sum(position - coalesce((select n.position from relay_notes n where n.lane = l.lane), 0))"
            " from lanes l"
        )
        due = await connection.fetchval(
            "select count(*) from orders, purchasing_clock(null) as c"
            " where stuck is null and due_at < coalesce(c.watermark, c.instant) + interval '1 minute'"
        )
    finally:
        await connection.close()
    return f"{waiting} outputs to publish, {due} deadlines to fire" if waiting or due else None
