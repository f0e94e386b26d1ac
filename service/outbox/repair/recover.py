"""Recovery of outputs that a restored database has lost, from Kafka, where they were published.

The topics hold each published output byte for byte, with its lane and position. The cursor's hash identifies a lane's
last one. With these outputs in the journal again, the rules know what was published, and nothing is published twice.

The facts come back by reading the input again. Until then, an order that lost outputs must not be decided, because its
payments would seem to have no reason. So this module halts such orders; they are released once the input has been read
up to now.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.base import instant_of
from purchasing_contracts.decisions import DecisionMade

from service.kafka.clients import new_producer
from service.kafka.compat.client_shutdown import throw_away
from service.outbox.reader import OutboxReader
from service.outbox.repair.adopt import AdoptError, LaneReport, lane_report
from service.outbox.repair.verify import committed, lane_and_position
from service.store.driver_errors import translated
from service.store.lanes import lane_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    import asyncpg

    from service.kafka.connection import Kafka
    from service.store.rows import Installation

AT_ONCE = 1_000
PROGRESS_EVERY = 20_000
WHAT = "lanes recover"

_HASHES = "select position, sha256(value) from outbox where lane = $1 and position = any($2::bigint[])"
_ORDERS = """
insert into orders (order_id, lane, version, held_at)
select n.order_id, n.lane, gen_random_uuid(), clock_timestamp()
from unnest($1::text[], $2::smallint[]) as n (order_id, lane) order by n.order_id collate "C"
on conflict (order_id) do update set version = gen_random_uuid(), held_at = clock_timestamp()
    where orders.held_at is null
returning order_id
"""
_OUTPUTS = """
insert into outbox (lane, position, order_id, order_version, topic, key, id, value, decided_at, timed)
select * from unnest($1::smallint[], $2::bigint[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[],
    $8::bytea[], $9::timestamptz[], $10::boolean[])
"""
_TAKEN = "update lanes set position = $2 where lane = $1 and position < $2"
_HELD = """
insert into operator_actions (done_by, what, subject, outcome, why)
select $1, 'order hold', order_id, 'done', $2 from unnest($3::text[]) as n (order_id)
"""
_NOTE = "insert into operator_actions (done_by, what, subject, outcome, why) values ($1, $2, $3, $4, $5)"


class Lost(NamedTuple):
    """One output from Kafka, in the columns of the outbox."""

    lane: int
    position: int
    order_id: str | None
    order_version: int | None
    topic: str
    key: str
    id: str
    value: bytes
    decided_at: datetime
    timed: bool


@dataclass
class RecoveryPlan:
    """Outputs to put back, per lane. Empty: the database lacks nothing."""

    standings: list[LaneReport]
    outputs: dict[int, list[Lost]] = field(default_factory=dict)

    @property
    def orders(self) -> list[str]:
        """The orders that lost outputs."""
        return sorted({one.order_id for rows in self.outputs.values() for one in rows if one.order_id is not None})

    def sentences(self) -> list[str]:
        """Return the plan as sentences."""
        sentences = [
            f"lane {lane}: positions {rows[0].position} to {rows[-1].position} are put back from Kafka"
            for lane, rows in sorted(self.outputs.items())
        ]
        return [*sentences, f"{len(self.orders)} orders are halted until their facts have been read again"]


async def find_lost(
    connection: asyncpg.Connection[Any], kafka: Kafka, installation: Installation, progress: Callable[[str], None]
) -> RecoveryPlan:
    """Find published outputs that the database lacks. Fences any process that still publishes.

    Raises AdoptError if they can't be put back: the database has new outputs since, or the topics no longer have the
    lost ones. Raises KafkaError, TimeoutError, StoreUnavailableError.
    """
    outbox_id = str(installation.outbox_id)
    standings = [await _fenced(connection, kafka, outbox_id, lane) for lane in installation.own]
    behind = {one.lane: one for one in standings if _published(one, outbox_id) > one.last}
    for one in standings:
        if one.cursor is not None and one.lane not in behind:
            await _refuse_overwritten(connection, one, outbox_id)
    found: dict[int, dict[int, Lost]] = defaultdict(dict)
    read = 0
    async for records, total in committed(kafka, {}) if behind else _no_records():
        for record in records:
            place = lane_and_position(record)
            if place is None or place[0] not in behind:
                continue
            lane, position = place
            if behind[lane].last < position <= _published(behind[lane], outbox_id):
                row = _row(lane, position, record)
                if found[lane].setdefault(position, row).value != row.value:
                    raise AdoptError(
                        f"Kafka has two outputs for position {position} of lane {lane}: find out who published them."
                    )
        await _refuse_difference(connection, records, behind)
        if (read + len(records)) // PROGRESS_EVERY > read // PROGRESS_EVERY:
            progress(f"{read + len(records)} records read of about {total}.")
        read += len(records)
    return RecoveryPlan(standings, {lane: _without_gaps(one, found[lane], outbox_id) for lane, one in behind.items()})


async def put_back(connection: asyncpg.Connection[Any], recovery: RecoveryPlan, lanes: int, by: str, why: str) -> int:
    """Put the outputs back and halt their orders, in one transaction. Return the number of orders newly halted.

    Raises StoreUnavailableError.
    """
    rows = [row for lane in sorted(recovery.outputs) for row in recovery.outputs[lane]]
    orders = recovery.orders
    async with translated(), connection.transaction():
        held = await connection.fetch(_ORDERS, orders, [lane_of(order_id, lanes) for order_id in orders])
        for start in range(0, len(rows), AT_ONCE):
            await connection.execute(
                _OUTPUTS, *(list(column) for column in zip(*rows[start : start + AT_ONCE], strict=True))
            )
        for lane, of_lane in sorted(recovery.outputs.items()):
            await connection.execute(_TAKEN, lane, of_lane[-1].position)
        await connection.execute(_HELD, by, WHAT, [row[0] for row in held])
        await connection.execute(_NOTE, by, WHAT, "all lanes", "; ".join(recovery.sentences()), why)
    return len(held)


def _published(standing: LaneReport, outbox_id: str) -> int:
    cursor = standing.cursor
    return cursor.position if cursor is not None and cursor.outbox_id == outbox_id else 0


async def _fenced(connection: asyncpg.Connection[Any], kafka: Kafka, outbox_id: str, lane: int) -> LaneReport:
    producer = new_producer(kafka, f"{outbox_id}.{lane}")
    try:
        await producer.start()
        return await lane_report(connection, kafka, lane)
    finally:
        await throw_away(producer)


async def _refuse_overwritten(connection: asyncpg.Connection[Any], standing: LaneReport, outbox_id: str) -> None:
    cursor = standing.cursor
    if cursor is None or cursor.outbox_id != outbox_id or not cursor.position:
        return
    async with translated():
        there = await OutboxReader(connection).hash_at(standing.lane, cursor.position)
    if there != cursor.sha256:
        raise AdoptError(_overwritten(standing.lane, cursor.position))


async def _refuse_difference(
    connection: asyncpg.Connection[Any], records: Iterable[Any], behind: Mapping[int, LaneReport]
) -> None:
    """Raise AdoptError if an output of these lanes in the database differs from the published one."""
    hashes: dict[int, dict[int, bytes]] = defaultdict(dict)
    for record in records:
        place = lane_and_position(record)
        if place is not None and place[0] in behind and place[1] <= behind[place[0]].last:
            hashes[place[0]][place[1]] = sha256(record.value or b"").digest()
    for lane, of_lane in hashes.items():
        async with translated():
            rows = await connection.fetch(_HASHES, lane, list(of_lane))
        for position, there in rows:
            if there != of_lane[position]:
                raise AdoptError(_overwritten(lane, position))


def _overwritten(lane: int, position: int) -> str:
    return (
        f"Position {position} of lane {lane} in the database is not the output that was published there. It has "
        "new outputs since it was restored, so the lost ones can't be put back into their place. Restore it again, and "
        "run this before you start the service."
    )


def _without_gaps(standing: LaneReport, found: Mapping[int, Lost], outbox_id: str) -> list[Lost]:
    """Return all outputs that the lane lost, without a gap, up to the output whose hash is in its cursor."""
    wanted = range(standing.last + 1, _published(standing, outbox_id) + 1)
    missing = [position for position in wanted if position not in found]
    if missing:
        raise AdoptError(
            f"Position {missing[0]} of lane {standing.lane} ({len(missing)} in all) is no longer in the topics: "
            "restore a younger backup."
        )
    rows = [found[position] for position in wanted]
    if standing.cursor is None or sha256(rows[-1].value).hexdigest() != standing.cursor.sha256:
        raise AdoptError(f"The newest output of lane {standing.lane} in Kafka does not match its cursor.")
    return rows


def _row(lane: int, position: int, record: Any) -> Lost:
    event = json.loads(record.value)
    data = event["data"]
    of_order = "order_version" in data
    return Lost(
        lane,
        position,
        data["order_id"] if of_order else None,
        data["order_version"] if of_order else None,
        record.topic,
        record.key.decode(),
        event["id"],
        bytes(record.value),
        instant_of(event["time"]),
        event["type"] == DecisionMade.TYPE and data.get("due_at") is not None,
    )


async def _no_records() -> Any:
    for nothing in tuple[Any]():
        yield nothing
