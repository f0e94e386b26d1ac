"""A database with a past: many orders with whole journals, and Kafka's cursors where the journals end.

A few hundred orders are decided by the real engine; the rest are copies of these under ids of their own, made by
PostgreSQL. Each copy is an order like any other: its lane is that of its id, positions are dense, ids are its own.
"""

import random
from collections.abc import Sequence
from itertools import islice

import asyncpg
from aiokafka import AIOKafkaProducer
from purchasing_contracts.envelope import decode
from purchasing_contracts.topics import TOPICS

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
COPY_FACTS = """
insert into facts (order_id, source, id, lane, nth, at, type, data, heard_at)
select c.order_id, f.source, replace(f.id, c.of, c.order_id), c.lane, f.nth, f.at, f.type, f.data, f.heard_at
from copies c join facts f on f.order_id = c.of
"""
COPY_PRIVATE_MEMBERS = """
insert into private_members (order_id, source, id, data)
select c.order_id, p.source, replace(p.id, c.of, c.order_id), p.data
from copies c join private_members p on p.order_id = c.of
"""
COPY_OUTBOX = """
insert into outbox (lane, position, order_id, order_version, topic, key, id, value, decided_at, timed)
select c.lane, l.position + row_number() over (partition by c.lane order by c.order_id, o.order_version), c.order_id,
    o.order_version, o.topic, c.order_id, i.id,
    convert_to(replace(replace(convert_from(o.value, 'UTF8'), c.of, c.order_id), o.id, i.id), 'UTF8'), o.decided_at,
    o.timed
from copies c join outbox o on o.order_id = c.of join lanes l on l.lane = c.lane
cross join lateral (select md5(c.order_id || o.id)::uuid::text as id) as i
"""
# As the relay would have left it.
PUBLISHED = (
    (
        "update lanes l set position = n.position"
        " from (select lane, max(position) as position from outbox group by lane) as n where n.lane = l.lane"
    ),
    "insert into relay_notes (lane, position) select lane, position from lanes where position > 0",
    (
        "insert into publications (lane, position, order_id, order_version, published_at)"
        " select lane, position, order_id, order_version, decided_at from outbox where timed"
    ),
    # What autovacuum has done to tables that grew in weeks, and checkpoints: else all this is written while we measure.
    "vacuum (analyze)",
    "checkpoint",
)


async def fill(database: str, bootstrap: str, orders: int) -> list[str]:
    """Fill a migrated database and the cursor topic. Returns the orders' ids."""
    filled = await fill_database(database, orders)
    connection = await asyncpg.connect(database)
    try:
        await _set_cursors(connection, bootstrap)
    finally:
        await connection.close()
    return filled


async def fill_database(database: str, orders: int) -> list[str]:
    """Fill a migrated database alone. Returns the orders' ids."""
    templates = [f"old-{n}" for n in range(min(TEMPLATES, orders))]
    await _decide(database, templates)
    copies = [f"{templates[n % len(templates)]}~{n}" for n in range(len(templates), orders)]
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(COPIES)
        lanes = await connection.fetchval("select lanes from installation")
        rows = [(order, order.partition("~")[0], lane_of(order, lanes)) for order in copies]
        await connection.copy_records_to_table("copies", records=rows)
        await connection.execute("analyze copies")
        for statement in (COPY_ORDERS, COPY_FACTS, COPY_PRIVATE_MEMBERS, COPY_OUTBOX, *PUBLISHED):
            await connection.execute(statement)
    finally:
        await connection.close()
    return [*templates, *copies]


async def _decide(database: str, orders: Sequence[str]) -> None:
    """Have the engine take in the histories of these orders."""
    rng = random.Random(SEED)
    events = [event for order in orders for event in story(rng, order)]
    records = iter([record_of(event, number) for number, event in enumerate(events)])
    store = await PostgresStore.open(database, connections=1)
    try:
        partitions = [(topic.name, n) for topic in TOPICS if topic.direction == "in" for n in range(topic.partitions)]
        # The input was read up to now, so what was due has fired.
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


def touches(orders: Sequence[str], count: int, first: int, name: str) -> list[Record]:
    """One more event for each of `count` orders, spread over all: the buyer wants to cancel. `name` makes ids."""
    step = max(1, len(orders) // count)
    return [record_of(_cancellation(order, name), first + n) for n, order in enumerate(orders[::step][:count])]


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
