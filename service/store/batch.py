"""The statements of one batch transaction on PostgreSQL: a fixed number, each with arrays for the whole batch."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from service.store.errors import SchemaError
from service.store.order_hash import order_hash
from service.store.rows import (
    FactKey,
    FactRow,
    Look,
    OrderRow,
    OrderUpdate,
    OutputRow,
    PastOutput,
    PrivateRow,
    ProgressRow,
    PublicationRow,
    QuarantineAction,
    Quarantined,
    QuarantineRow,
    RecordIdentity,
    StoreTime,
    Written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

CHANNEL = "purchasing_outbox"

# Insert missing rows first, because `for update` can't lock missing rows. Both statements go by id in code point order,
# so that two batches never deadlock.
ADD_ORDERS = """
insert into orders (order_id, lane)
select n.order_id, n.lane from unnest($1::text[], $2::smallint[]) as n (order_id, lane)
order by n.order_id collate "C"
on conflict (order_id) do nothing
"""
# `for update` returns each row as it is after the wait. Any other data in the same statement would be as before the
# wait, so later statements read the journals.
LOCK_ORDERS = """
select order_id, version, due_at, stuck, held_at is not null, waits, archived_at is not null
from orders where order_id = any($1::text[]) order by order_id for update
"""
CLAIM_DUE = """
select order_id from orders
where due_at < $1 and stuck is null and held_at is null
order by due_at, order_id limit $2
for update skip locked
"""
# `offset 0` forces one index lookup per range, however many rows the topic has.
LOOK = """
select c.instant, c.watermark,
    array(select distinct (order_hash, topic, at) from quarantined_orders where order_hash = any($1::bigint[])),
    (select count(*) from terms),
    array(
        select (q.topic, q.partition, q."offset", q.digest)
        from unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[]) as n (topic, partition, low, high)
        cross join lateral (
            select topic, partition, "offset", digest from quarantine
            where topic = n.topic and partition = n.partition and "offset" between n.low and n.high
            offset 0
        ) as q
    )
from purchasing_clock($2) as c
"""
CONCERNED = """
select distinct q.topic, q.partition, q."offset", q.digest, o.order_id
from unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[]) as n (topic, partition, "offset", digest)
join quarantined_orders q using (topic, partition, "offset", digest)
join orders o on purchasing_order_hash(o.order_id) = q.order_hash
"""
FACTS = "select order_id, source, id, lane, nth, at, type, data from facts where order_id = any($1::text[])"
OUTPUTS = """
select order_id, value, timed from outbox where order_id = any($1::text[]) order by order_id, order_version
"""
PUBLICATIONS = "select order_id, order_version, published_at from publications where order_id = any($1::text[])"
# The journals of archived orders, in the form of the three statements above. Private members are never archived.
ARCHIVED_FACTS = """
select order_id, source, id, lane, nth, at, type, data from archived_fact_rows where order_id = any($1::text[])
"""
ARCHIVED_OUTPUTS = """
select order_id, value, timed from archived_output_rows
where order_id = any($1::text[]) order by order_id, order_version
"""
ARCHIVED_PUBLICATIONS = """
select order_id, order_version, published_at from archived_publication_rows where order_id = any($1::text[])
"""
BRING_BACK = "select purchasing_bring_back($1::text[])"
PRIVATE_MEMBERS = """
select p.order_id, p.source, p.id, p.data
from unnest($1::text[], $2::text[], $3::text[]) as n (order_id, source, id)
join private_members p on (p.order_id, p.source, p.id) = (n.order_id, n.source, n.id)
"""
# `limit` forces one index lookup per row, even if the planner believes that the table is empty.
FOREIGN = """
select n.order_id, n.source, n.id
from unnest($1::text[], $2::text[], $3::text[]) as n (order_id, source, id)
cross join lateral (
    (select from facts f where (f.source, f.id) = (n.source, n.id) and f.order_id <> n.order_id limit 1)
    union all
    (select from archived_facts a where a.identity = purchasing_fact_identity(n.source, n.id) limit 1)
    limit 1
) as theirs
"""
ADD_FACTS = """
insert into facts (order_id, source, id, lane, nth, at, type, data, received_at)
select n.*, $9 from unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::integer[], $6::timestamptz[],
    $7::text[], $8::json[]) as n
"""
ADD_FACTS_WITH_PRIVATE_MEMBERS = f"""
with private as (
    insert into private_members (order_id, source, id, data)
    select * from unnest($10::text[], $11::text[], $12::text[], $13::json[])
)
{ADD_FACTS}
"""  # noqa: S608 - a constant
UPDATE_ORDERS = """
update orders o set version = n.version, due_at = n.due_at, stuck = n.stuck, waits = n.waits
from unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::text[], $5::json[])
    as n (order_id, version, due_at, stuck, waits)
where o.order_id = n.order_id
"""
PROGRESS = """
insert into input_progress (topic, partition, watermark)
select * from unnest($1::text[], $2::integer[], $3::timestamptz[]) as n (topic, partition, watermark)
order by n.topic, n.partition
on conflict (topic, partition) do update
set watermark = excluded.watermark
where (input_progress.watermark is null or input_progress.watermark < excluded.watermark)
    and not exists (select from circuit_breakers where circuit_breakers.topic = input_progress.topic)
"""
QUARANTINE = """
with added as (
    insert into quarantine (topic, partition, "offset", digest, sha256, reason, place, size, order_id, type, key, value,
        headers, at, source)
    select * from unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[], $7::text[],
        $8::integer[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::json[], $14::timestamptz[],
        $15::text[])
        as n (topic, partition, "offset", digest)
    order by n.topic, n.partition, n."offset", n.digest
    on conflict do nothing
    returning topic, partition, "offset", digest
), candidates as (
    insert into quarantine_candidates (topic, partition, "offset", digest, order_hash)
    select distinct a.topic, a.partition, a."offset", a.digest, n.order_hash
    from unnest($16::text[], $17::integer[], $18::bigint[], $19::bytea[], $20::bigint[])
        as n (topic, partition, "offset", digest, order_hash)
    join added a using (topic, partition, "offset", digest)
)
select topic, partition, "offset", digest from added
"""
# Lock order for every transaction: orders, then quarantined records, then lanes.
RESOLVE = """
with locked as (
    select q.topic, q.partition, q."offset", q.digest
    from unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[]) as n (topic, partition, "offset", digest)
    join quarantine q using (topic, partition, "offset", digest)
    where q.resolved_at is null
    order by q.topic, q.partition, q."offset", q.digest
    for update of q
)
update quarantine q set resolved_at = clock_timestamp(), resolution = $5
from locked l
where (q.topic, q.partition, q."offset", q.digest) = (l.topic, l.partition, l."offset", l.digest)
    and q.resolved_at is null
returning q.topic, q.partition, q."offset", q.digest
"""
REFUSE_AGAIN = """
update quarantine q set reason = n.reason, place = n.place
from unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::text[])
    as n (topic, partition, "offset", digest, reason, place)
where (q.topic, q.partition, q."offset", q.digest) = (n.topic, n.partition, n."offset", n.digest)
    and q.resolved_at is null
"""
NOTE_ACTIONS = """
insert into quarantine_actions (topic, partition, "offset", digest, what, outcome, done_by, why)
select * from unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[],
    $8::text[])
"""
RELEASE = """
with released as (
    update orders set held_at = null where order_id = any($1::text[]) and held_at is not null returning order_id
)
insert into operator_actions (done_by, what, subject, outcome, why)
select $2, 'order release', order_id, 'done', $3 from released
returning subject
"""
# The orders are updated first, because other batches wait for the lanes from their locks on. `for update` returns the
# lanes' positions as they are after the wait, and the rest of the statement uses these.
UPDATE_ORDERS_AND_PUBLISH = f"""
with updated as (
    {UPDATE_ORDERS} returning 1
), locked as (
    select lane, position from lanes
    where lane = any($6::smallint[]) and (select count(*) from updated) is not null
    order by lane for update
), moved as (
    update lanes l set position = locked.position + n.outputs
    from locked join unnest($6::smallint[], $7::integer[]) as n (lane, outputs) using (lane)
    where l.lane = locked.lane
), added as (
    insert into outbox (lane, position, order_id, order_version, topic, key, id, value, decided_at, timed)
    select n.lane, locked.position + n.nth, n.order_id, n.order_version, n.topic, n.key, n.id, n.value, n.decided_at,
        n.timed
    from unnest($9::integer[], $10::smallint[], $11::text[], $12::integer[], $13::text[], $14::text[], $15::text[],
        $16::bytea[], $17::timestamptz[], $18::boolean[])
        as n (nth, lane, order_id, order_version, topic, key, id, value, decided_at, timed)
    join locked using (lane)
)
select array(select (lane, position) from locked), (select lanes from installation),
    pg_notify($8, array_to_string($6::smallint[], ','))
"""  # noqa: S608 - a constant


class PostgresBatch:
    """See `service.store.protocol.Batch`."""

    def __init__(
        self, connection: PoolConnectionProxy[asyncpg.Record], clock: Callable[[StoreTime], StoreTime], lanes: int
    ) -> None:
        """Use the connection's open transaction, and this number of lanes."""
        self._lanes = lanes
        self._connection = connection
        self._clock = clock
        self._archived: set[str] = set()
        """Locked orders whose journals are in the archive. Nobody archives an order that is locked."""

    async def lock(self, orders: Sequence[tuple[str, int]]) -> dict[str, OrderRow]:
        order_ids = [order_id for order_id, _ in orders]
        await self._connection.execute(ADD_ORDERS, order_ids, [lane for _, lane in orders])
        rows = await self._connection.fetch(LOCK_ORDERS, order_ids)
        self._archived.update(row[0] for row in rows if row[6])
        return {row[0]: OrderRow(*tuple(row)[:6]) for row in rows}

    async def claim_due(self, before: datetime, limit: int) -> list[str]:
        return [row[0] for row in await self._connection.fetch(CLAIM_DUE, before, limit)]

    async def look(
        self,
        order_ids: Collection[str],
        latest_event: datetime | None = None,
        ranges: Collection[tuple[str, int, int, int]] = (),
    ) -> Look:
        hashes = {one: order_hash(one) for one in order_ids}
        among = _columns(ranges) or [[], [], [], []]
        row = await self._connection.fetchrow(LOOK, list(hashes.values()), latest_event, *among)
        assert row is not None
        open_records: dict[int, list[Quarantined]] = {}
        for number, topic, since in row[2]:
            open_records.setdefault(number, []).append(Quarantined(topic, since))
        quarantined = {one: open_records[number] for one, number in hashes.items() if number in open_records}
        before = frozenset([(one[0], one[1], one[2], one[3]) for one in row[4]])
        return Look(self._clock(StoreTime(row[0], row[1])), quarantined, row[3], before)

    async def concerned(self, records: Collection[RecordIdentity]) -> dict[RecordIdentity, set[str]]:
        found: dict[RecordIdentity, set[str]] = {}
        if records:
            for *record, order_id in await self._connection.fetch(CONCERNED, *_columns(records)):
                found.setdefault((record[0], record[1], record[2], record[3]), set()).add(order_id)
        return found

    async def facts(self, order_ids: Collection[str]) -> Sequence[FactRow]:
        return [FactRow(*row) for row in await self._journal(FACTS, ARCHIVED_FACTS, order_ids)]

    async def outputs(self, order_ids: Collection[str]) -> Sequence[PastOutput]:
        return [PastOutput(*row) for row in await self._journal(OUTPUTS, ARCHIVED_OUTPUTS, order_ids)]

    async def publications(self, order_ids: Collection[str]) -> Sequence[PublicationRow]:
        return [PublicationRow(*row) for row in await self._journal(PUBLICATIONS, ARCHIVED_PUBLICATIONS, order_ids)]

    async def _journal(self, query: str, of_archive: str, order_ids: Collection[str]) -> list[asyncpg.Record]:
        """Return the rows of a journal, those of archived orders before the others."""
        archived = self._archived.intersection(order_ids)
        rows = await self._connection.fetch(of_archive, list(archived)) if archived else []
        return [*rows, *await self._connection.fetch(query, list(order_ids))]

    async def _bring_back(self, order_ids: Iterable[str | None]) -> None:
        """Move the journals of those orders that are archived back to where new rows are appended."""
        if archived := self._archived.intersection(order_ids):
            await self._connection.execute(BRING_BACK, sorted(archived))
            self._archived -= archived

    async def private_members(self, keys: Collection[FactKey]) -> dict[FactKey, str]:
        rows = await self._connection.fetch(PRIVATE_MEMBERS, *_columns(keys))
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    async def foreign(self, keys: Collection[FactKey]) -> set[FactKey]:
        return {(row[0], row[1], row[2]) for row in await self._connection.fetch(FOREIGN, *_columns(keys))}

    async def add_facts(self, facts: Sequence[FactRow], private: Sequence[PrivateRow], received_at: datetime) -> None:
        if self._archived:
            await self._bring_back(fact.order_id for fact in facts)
        columns = [*_columns(facts), received_at]
        if private:
            await self._connection.execute(ADD_FACTS_WITH_PRIVATE_MEMBERS, *columns, *_columns(private))
        else:
            await self._connection.execute(ADD_FACTS, *columns)

    async def progress(self, rows: Sequence[ProgressRow]) -> None:
        await self._connection.execute(PROGRESS, *_columns(rows))

    async def quarantine(self, rows: Sequence[QuarantineRow]) -> set[RecordIdentity]:
        candidates = [(*row.identity, one) for row in rows for one in row.candidates]
        named = _columns(candidates) or [[], [], [], [], []]
        added = await self._connection.fetch(QUARANTINE, *_columns([row[:-1] for row in rows]), *named)
        return {(row[0], row[1], row[2], row[3]) for row in added}

    async def resolve(self, records: Collection[RecordIdentity], resolution: str) -> set[RecordIdentity]:
        resolved = await self._connection.fetch(RESOLVE, *_columns(records), resolution)
        return {(row[0], row[1], row[2], row[3]) for row in resolved}

    async def refuse_again(self, records: Collection[tuple[RecordIdentity, str, str]]) -> None:
        await self._connection.execute(REFUSE_AGAIN, *_columns([(*one, *rest) for one, *rest in records]))

    async def note_actions(self, actions: Sequence[QuarantineAction]) -> None:
        await self._connection.execute(NOTE_ACTIONS, *_columns([(*one, *rest) for one, *rest in actions]))

    async def release(self, order_ids: Collection[str], by: str, why: str | None) -> set[str]:
        return {row[0] for row in await self._connection.fetch(RELEASE, list(order_ids), by, why)}

    async def write(self, updates: Sequence[OrderUpdate], outputs: Sequence[OutputRow]) -> list[Written]:
        if self._archived:
            await self._bring_back(output.order_id for output in outputs)
        columns = _columns(updates) or [[], [], [], [], []]
        if not outputs:
            await self._connection.execute(UPDATE_ORDERS, *columns)
            return []
        lanes = {output.lane: 0 for output in sorted(outputs, key=attrgetter("lane"))}
        nths = []
        for output in outputs:
            lanes[output.lane] += 1
            nths.append(lanes[output.lane])
        row = await self._connection.fetchrow(
            UPDATE_ORDERS_AND_PUBLISH, *columns, list(lanes), list(lanes.values()), CHANNEL, nths, *_columns(outputs)
        )
        assert row is not None
        before = {one[0]: one[1] for one in row[0]}
        if len(before) != len(lanes):
            raise SchemaError(f"the outbox has no lanes {sorted(set(lanes) - set(before))}")
        if row[1] != self._lanes:
            # In other lanes than its earlier outputs, an order's output would overtake them.
            raise SchemaError(f"the outbox has {row[1]} lanes now, not {self._lanes}: start this worker anew")
        return [Written(before[one.lane] + nth, one) for nth, one in zip(nths, outputs, strict=True)]


def _columns(rows: Collection[Sequence[Any]]) -> list[list[Any]]:
    """Transpose rows into the column arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]
