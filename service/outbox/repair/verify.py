"""Verification of the output topics against the journal, position by position, as a consumer reads them.

It reads everything committed once, from the topics' beginnings to their ends at the start. It remembers one bit per
position, so memory stays small (a megabyte for eight million outputs). Records that the topics' retention removed can't
be compared; they are counted and reported.
"""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from purchasing_contracts.topics import TOPICS

from service.kafka.compat.client_shutdown import close_consumer
from service.store.driver_errors import translated
from service.store.operators.pauses import LaneRow, lane_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    import asyncpg

    from service.kafka.connection import Kafka

OUT = tuple(topic.name for topic in TOPICS if topic.direction == "out")
COMPLAINTS_MAX = 1_000
PROGRESS_EVERY = 20_000
COMPARED_AT_ONCE = 1_000
QUIET_MS = 1_000

WRONG = ("missing", "doubled", "different", "out of order", "unknown", "nobody's")

_EXPECTED = """
select o.lane, o.position, o.topic, o.key, sha256(o.value)
from unnest($1::smallint[], $2::bigint[]) as n (lane, position) join outbox o using (lane, position)
"""
# Archived outputs are found by their orders: a record's key. The archive has no index on positions.
_ARCHIVED = """
select lane, position, topic, key, sha256(value) from archived_output_rows where order_id = any($1::text[])
"""
_ARCHIVED_PAGE = """
select p.order_id, o.lane, o.position, o.topic, o.decided_at
from (select order_id from archived_orders where order_id > $1 order by order_id limit $2) as p
left join lateral (
    select lane, position, topic, decided_at from archived_output_rows r where r.order_id = p.order_id) as o on true
order by p.order_id
"""
_UNSEEN = """
select position, topic, decided_at from outbox where lane = $1 and position = any($2::bigint[]) order by position
"""


@dataclass
class Verification:
    """The findings. `counts`: number per kind. `complaints`: the first thousand as sentences, without content."""

    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def complain(self, kind: str, where: str) -> None:
        """Add a finding."""
        self.counts[kind] += 1
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(f"{kind}: {where}")

    @property
    def wrong(self) -> bool:
        """Whether there is a wrong record or position."""
        return any(self.counts[kind] for kind in WRONG)

    def summary(self) -> str:
        """Return the findings in a line."""
        found = [f"{self.counts[kind]} {kind}" for kind in WRONG if self.counts[kind]]
        parts = [f"{self.counts['right']} records match the journal", *found]
        if self.counts["removed"]:
            parts.append(f"{self.counts['removed']} positions are older than the topics' retention")
        if self.counts["elsewhere"]:
            parts.append(f"{self.counts['elsewhere']} records are in other cells' lanes")
        if self.counts["waiting"]:
            parts.append(f"{self.counts['waiting']} positions were not published yet")
        return ", ".join(parts) + "."


class _Seen:
    """The positions of a lane that were seen, one bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, position: int) -> bool:
        """Add a position; return whether it is new."""
        byte, bit = divmod(position, 8)
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1 - len(self._bits) + len(self._bits) // 2))
        new = not self._bits[byte] >> bit & 1
        self._bits[byte] |= 1 << bit
        return new

    def __contains__(self, position: int) -> bool:
        byte, bit = divmod(position, 8)
        return byte < len(self._bits) and bool(self._bits[byte] >> bit & 1)


async def verify(
    connection: asyncpg.Connection[asyncpg.Record], kafka: Kafka, progress: Callable[[str], None]
) -> Verification:
    """Compare all records, even beside a running service. Raises KafkaError, StoreUnavailableError."""
    async with translated():
        # Read the notes before the topics' ends, so that every noted output is before these ends.
        lanes = await lane_rows(connection)
        in_all: int = await connection.fetchval("select lanes from installation")
    found = Verification()
    elsewhere = frozenset(range(in_all)).difference(row.lane for row in lanes)
    seen = {row.lane: _Seen() for row in lanes}
    kept_since: dict[str, datetime] = {}
    last: dict[tuple[TopicPartition, int], int] = {}
    read = 0
    async for records, total in committed(kafka, kept_since):
        for start in range(0, len(records), COMPARED_AT_ONCE):
            part = [one for one in records[start : start + COMPARED_AT_ONCE] if _lane(one) not in elsewhere]
            found.counts["elsewhere"] += min(COMPARED_AT_ONCE, len(records) - start) - len(part)
            await _compare(connection, part, seen, last, found)
        if (read + len(records)) // PROGRESS_EVERY > read // PROGRESS_EVERY:
            progress(f"{read + len(records)} records read of about {total}.")
        read += len(records)
    # One instant, so that an order archived meanwhile is in one of both.
    async with translated(), connection.transaction(isolation="repeatable_read", readonly=True):
        await _look_in_archive(connection, seen, kept_since, found)
        for row in lanes:
            await _look_for_missing(connection, row, seen[row.lane], kept_since, found)
    return found


async def committed(kafka: Kafka, kept_since: dict[str, datetime]) -> AsyncIterator[tuple[Sequence[Any], int]]:
    """Yield the committed records of the output topics, ordered per partition, and an estimate of their total.

    Fills `kept_since`, per topic, with the oldest record's time for partitions whose older records were removed.
    """
    async with _reader(kafka) as consumer:
        partitions = [TopicPartition(t, n) for t in OUT for n in sorted(consumer.partitions_for_topic(t) or ())]
        consumer.unsubscribe()
        consumer.assign(partitions)
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        left = {one for one in partitions if begins[one] < ends[one]}
        for one in partitions:
            if begins[one] and one not in left:
                kept_since[one.topic] = datetime.now(UTC)
        first = {one for one in left if begins[one]}
        total = sum(ends[one] - begins[one] for one in partitions)
        while left:
            batch = await consumer.getmany(*left, timeout_ms=QUIET_MS)
            for partition, records in batch.items():
                if partition in first and records:
                    first.discard(partition)
                    oldest = datetime.fromtimestamp(records[0].timestamp / 1000, UTC)
                    kept_since[partition.topic] = max(oldest, kept_since.get(partition.topic, oldest))
                yield [one for one in records if one.offset < ends[partition]], total
            # The position also passes transaction markers and aborted records, which `getmany` never returns.
            left = {one for one in left if await consumer.position(one) < ends[one]}


async def _compare(
    connection: asyncpg.Connection[asyncpg.Record],
    records: Sequence[Any],
    seen: Mapping[int, _Seen],
    last: dict[tuple[TopicPartition, int], int],
    found: Verification,
) -> None:
    placed = [(record, lane_and_position(record)) for record in records]
    wanted = [place for _, place in placed if place is not None and place[0] in seen]
    async with translated(), connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(_EXPECTED, [lane for lane, _ in wanted], [position for _, position in wanted])
        expected = {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}
        if keys := {record.key for record, place in placed if place is not None and place not in expected}:
            archived = await connection.fetch(_ARCHIVED, [key.decode("utf-8", "replace") for key in keys if key])
            expected |= {(row[0], row[1]): (row[2], row[3], row[4]) for row in archived}
    for record, place in placed:
        where = f"{record.topic}/{record.partition}/{record.offset}"
        if place is None:
            found.complain("nobody's", f"{where} has no lane and position")
            continue
        lane, position = place
        where = f"lane {lane} position {position} in {where}"
        if place not in expected:
            found.complain("unknown", f"{where} is not in the journal")
            continue
        key = None if record.key is None else record.key.decode("utf-8", "replace")
        way = (TopicPartition(record.topic, record.partition), lane)
        if not seen[lane].add(position):
            found.complain("doubled", where)
        elif expected[place] != (record.topic, key, sha256(record.value or b"").digest()):
            found.complain("different", f"{where} differs from the journal")
        elif position < last.get(way, 0):
            found.complain("out of order", f"{where} comes after position {last[way]}")
        else:
            found.counts["right"] += 1
        last[way] = max(position, last.get(way, 0))


async def _look_in_archive(
    connection: asyncpg.Connection[asyncpg.Record],
    seen: Mapping[int, _Seen],
    kept_since: Mapping[str, datetime],
    found: Verification,
) -> None:
    """Judge the archived outputs that were not seen in a topic: the journal has no rows of them."""
    after = ""
    while True:
        async with translated():
            rows = await connection.fetch(_ARCHIVED_PAGE, after, COMPARED_AT_ONCE)
        if not rows:
            return
        for _, lane, position, topic, decided_at in rows:
            if lane in seen and seen[lane].add(position):
                _unseen(found, lane, position, topic, decided_at, kept_since)
        after = rows[-1][0]


def _unseen(
    found: Verification, lane: int, position: int, topic: str, decided_at: datetime, kept_since: Mapping[str, datetime]
) -> None:
    if topic in kept_since and decided_at <= kept_since[topic]:
        found.counts["removed"] += 1
    else:
        found.complain("missing", f"lane {lane} position {position} in {topic}")


async def _look_for_missing(
    connection: asyncpg.Connection[asyncpg.Record],
    row: LaneRow,
    seen: _Seen,
    kept_since: Mapping[str, datetime],
    found: Verification,
) -> None:
    found.counts["waiting"] += sum(1 for p in range(row.noted + 1, row.position + 1) if p not in seen)
    unseen = (position for position in range(1, row.noted + 1) if position not in seen)
    while some := list(islice(unseen, COMPARED_AT_ONCE)):
        async with translated():
            rows = await connection.fetch(_UNSEEN, row.lane, some)
        there = {position for position, _, _ in rows}
        for position in some:
            if position not in there:
                found.complain("missing", f"lane {row.lane} position {position}, in the journal too")
        for position, topic, decided_at in rows:
            _unseen(found, row.lane, position, topic, decided_at, kept_since)


def _lane(record: Any) -> int | None:
    place = lane_and_position(record)
    return None if place is None else place[0]


def lane_and_position(record: Any) -> tuple[int, int] | None:
    headers = dict(record.headers)
    found = []
    for name, longest in (("lane", 5), ("position", 18)):
        text = headers.get(name)
        if text is None or not text.isdigit() or len(text) > longest:
            return None
        found.append(int(text))
    return found[0], found[1]


@asynccontextmanager
async def _reader(kafka: Kafka) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        *OUT,
        **kafka,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await close_consumer(consumer)
