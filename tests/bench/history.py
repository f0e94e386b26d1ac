"""A database with a past: many orders with whole journals, and Kafka's cursors at the ends of the journals.

A few hundred orders are decided by the real engine; the rest are copies of these with ids of their own, made by
PostgreSQL. Each copy is an order like any other: its lane is that of its id, positions are dense, ids are its own.

Rows are inserted in the order in which a service would have written them with all orders open at once: first the first
fact of every order, then the second. So each row of an order is on another page, which is the worst case.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer
from purchasing_contracts.envelope import decode
from purchasing_contracts.topics import TOPICS

from service.embedded import EmbeddedPostgres
from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.outbox.cursor import CURSOR_TOPIC, Cursor, encode
from service.outbox.reader import value_hash
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.lanes import lane_of
from service.store.postgres import PostgresStore
from service.store.rows import ProgressRow
from service.terms.source import FixedTerms
from tests.bench.events import Record, record_of, story
from tests.rules.happenstance import Event, when

TEMPLATES = 400
SEED = 7
AT_ONCE = 1_000

COPIES = """
create temporary table copies (order_id text collate "C" primary key, of text collate "C", lane smallint)
"""
COPY_ORDERS = """
insert into orders (order_id, lane, version, due_at, stuck, held_at, waits)
select c.order_id, c.lane, gen_random_uuid(), o.due_at, o.stuck, o.held_at, o.waits
from copies c join orders o on o.order_id = c.of
"""
# The number of the fact, and of the output, is $1: see the docstring of this module.
COPY_FACTS = """
insert into facts (order_id, source, id, lane, nth, at, type, data, received_at)
select c.order_id, f.source, replace(f.id, c.of, c.order_id), c.lane, f.nth, f.at, f.type, f.data, f.received_at
from copies c join facts f on f.order_id = c.of and f.nth = $1
"""
COPY_PRIVATE_MEMBERS = """
insert into private_members (order_id, source, id, data)
select c.order_id, p.source, replace(p.id, c.of, c.order_id), p.data
from copies c join facts f on f.order_id = c.of and f.nth = $1
join private_members p on (p.order_id, p.source, p.id) = (f.order_id, f.source, f.id)
"""
COPY_OUTBOX = """
insert into outbox (lane, position, order_id, order_version, topic, key, id, value, decided_at, timed)
select c.lane, l.position + row_number() over (partition by c.lane order by c.order_id), c.order_id, o.order_version,
    o.topic, c.order_id, i.id,
    convert_to(replace(replace(convert_from(o.value, 'UTF8'), c.of, c.order_id), o.id, i.id), 'UTF8'), o.decided_at,
    o.timed
from copies c join outbox o on o.order_id = c.of and o.order_version = $1 join lanes l on l.lane = c.lane
cross join lateral (select md5(c.order_id || o.id)::uuid::text as id) as i
"""
MOVE_LANES = "update lanes l set position = (select max(position) from outbox o where o.lane = l.lane)"
# As the relay would have left it.
PUBLISHED = (
    "insert into relay_notes (lane, position) select lane, position from lanes where position > 0",
    (
        "insert into publications (lane, position, order_id, order_version, published_at)"
        " select lane, position, order_id, order_version, decided_at from outbox where timed"
    ),
    # The work of autovacuum and checkpoints in tables that grew for weeks. Without it, it would fall into the
    # measurement.
    "vacuum (analyze)",
    "checkpoint",
)
SIZE = "select pg_database_size(current_database())"
WAL_BYTES = 2_000_000_000
"""The WAL that PostgreSQL keeps while much is written: twice its max_wal_size."""
DISK_MARGIN = 1.2


@dataclass(frozen=True)
class Cost:
    """The cost of making so many orders, in bytes of the database and in seconds."""

    orders: int
    size: float
    seconds: float

    def of(self, orders: int) -> "Cost":
        """Estimate the cost of another number of orders. Indexes grow deeper, so the real time is longer."""
        return Cost(orders, self.size * orders / self.orders, self.seconds * orders / self.orders)


def order_ids(orders: int, count: int) -> list[str]:
    """Return the ids of `count` random orders of these."""
    return [_order_id(n) for n in random.Random(SEED).sample(range(orders), min(count, orders))]


def _order_id(n: int) -> str:
    """An id that has no order in time and does not show its template. An odd factor makes each only once."""
    return f"old-{n * 2_654_435_761 % 2**32:08x}"


async def fill(database: str, bootstrap: str | None, orders: int, say: Callable[[str], None]) -> Cost:
    """Fill a migrated database with orders, and the cursor topic unless `bootstrap` is None. Return what the copies
    cost."""
    templates = min(TEMPLATES, orders)
    await _decide(database, [_order_id(n) for n in range(templates)])
    connection = await asyncpg.connect(database)
    try:
        began, size = time.monotonic(), await connection.fetchval(SIZE)
        await _copy(connection, templates, orders, say)
        cost = Cost(orders - templates, await connection.fetchval(SIZE) - size, time.monotonic() - began)
        if bootstrap is not None:
            await _set_cursors(connection, bootstrap)
    finally:
        await connection.close()
    return cost


async def _copy(connection: asyncpg.Connection, templates: int, orders: int, say: Callable[[str], None]) -> None:
    lanes = await connection.fetchval("select lanes from installation")
    ids = ((_order_id(n), _order_id(n % templates)) for n in range(templates, orders))
    rows = ((order, template, lane_of(order, lanes)) for order, template in ids)
    await connection.execute(COPIES)
    await connection.copy_records_to_table("copies", records=rows)
    await connection.execute("analyze copies")
    await connection.execute(COPY_ORDERS)
    facts, outputs = await connection.fetchrow(
        "select (select max(nth) from facts), (select coalesce(max(order_version), 0) from outbox)"
    )
    await connection.execute(MOVE_LANES)
    for nth in range(1, max(facts, outputs) + 1):
        await connection.execute(COPY_FACTS, nth)
        await connection.execute(COPY_PRIVATE_MEMBERS, nth)
        await connection.execute(COPY_OUTBOX, nth)
        await connection.execute(MOVE_LANES)
        if orders >= 50_000:
            say(f"{orders:,} orders: fact and output {nth} of at most {max(facts, outputs)} written")
    for statement in PUBLISHED:
        await connection.execute(statement)


async def _decide(database: str, orders: Sequence[str]) -> None:
    """Store and decide the histories of these orders by the engine."""
    rng = random.Random(SEED)
    events = [event for order in orders for event in story(rng, order)]
    records = iter([record_of(event, number) for number, event in enumerate(events)])
    store = await PostgresStore.open(database, connections=1)
    try:
        partitions = [(topic.name, n) for topic in TOPICS if topic.direction == "in" for n in range(topic.partitions)]
        # The watermark is now, so all due deadlines have fired.
        now = await store.server_time()
        await store.note_progress([ProgressRow(topic, n, now) for topic, n in partitions])
        engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
        while batch := list(islice(records, AT_ONCE)):
            await engine.handle([inbound_record_of(record) for record in batch])
    finally:
        await store.close()


def inbound_record_of(record: Record) -> InboundRecord:
    """The record as the inbox hands it on."""
    key = record.order.encode()
    return InboundRecord(record.topic, 0, 0, key, record.value, (), decode(record.topic, key, record.value, ()))


async def _set_cursors(connection: asyncpg.Connection, bootstrap: str) -> None:
    outbox_id = await connection.fetchval("select outbox_id::text from installation")
    ends = await connection.fetch("select lane, position, value from lanes join outbox using (lane, position)")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for lane, position, value in ends:
            cursor = encode(Cursor(outbox_id, lane, position, value_hash(value)))
            await producer.send_and_wait(CURSOR_TOPIC, cursor, str(lane).encode(), partition=lane)
    finally:
        await producer.stop()


async def evict(postgres: EmbeddedPostgres, database: str) -> None:
    """Drop the database from memory: from the server's by a restart, from the kernel's by its own call. The host of
    a virtual machine may still cache the disk."""
    connection = await asyncpg.connect(database)
    try:
        directory = Path(await connection.fetchval("show data_directory"))
    finally:
        await connection.close()
    await postgres.stop()
    await asyncio.to_thread(_forget, directory)
    await postgres.start()


def _forget(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                # Only pages that are on the disk already can be dropped.
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def touches(orders: Sequence[str], first: int, name: str) -> list[Record]:
    """One more event for each of these orders: the buyer asks to cancel. `name` makes ids."""
    return [record_of(_cancellation(order, name), first + n) for n, order in enumerate(orders)]


def _cancellation(order: str, name: str) -> Event:
    return {
        "specversion": "1.0",
        "id": f"{order}:{name}",
        "source": "/order",
        "type": "purchasing.order.cancellation_requested.v1",
        "subject": order,
        "time": when(0),
        "data": {"request_id": name, "channel": "platform"},
    }
