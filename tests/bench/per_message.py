"""The other way to write this service: a handler per message, as FastStream's documentation teaches it, written with
care.

It commits offsets after the database's commit, has one transaction per message, locks the order's row, uses the same
codec and the same rules, and publishes commands through a transactional outbox and a plain relay. It lacks, to its
advantage here: deadlines, quarantine notices, an exactly-once relay (it publishes at least once), and a separate table
of private members.

`BENCH_WORKERS`: 1 handles one message at a time. A higher number is FastStream's `max_workers` with manual commits: one
subscriber per topic with so many consumers, every partition handled in order by one of them. Beyond the number of
partitions it gains nothing, and handling messages of one partition in parallel would commit unhandled ones.

python -m tests.bench.per_message
"""

import asyncio
import logging
import os
from datetime import UTC, datetime
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from purchasing_contracts.envelope import Event, decode
from purchasing_contracts.privacy import masked

from service.orders.state import output_row, read_back
from service.rules.clock import Clock
from service.rules.decide import CurrencyChangedError, decide
from service.rules.facts import micros
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.rows import FactRow, PastOutput
from tests.bench.load import IN

SCHEMA = """
create table orders (order_id text primary key);
create table facts (order_id text, source text, id text, at timestamptz not null, type text not null,
    data json not null, primary key (order_id, source, id));
create table outbox (nth bigint generated always as identity primary key, order_id text not null,
    version integer not null, topic text not null, value bytea not null, timed boolean not null,
    published boolean not null default false, unique (order_id, version));
create index on outbox (nth) where not published;
"""
# One statement that makes the row or locks the existing one.
LOCK = "insert into orders values ($1) on conflict (order_id) do update set order_id = excluded.order_id"
ADD_FACT = "insert into facts values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning true"
FACTS = "select order_id, source, id, 0, 0, at, type, data from facts where order_id = $1"
OUTPUTS = "select order_id, value, timed from outbox where order_id = $1 order by version"
ADD_OUTPUT = "insert into outbox (order_id, version, topic, value, timed) values ($1, $2, $3, $4, $5)"
UNPUBLISHED = "select nth, order_id, topic, value from outbox where not published order by nth limit 500 for update"
PUBLISHED = "update outbox set published = true where nth = any($1::bigint[])"
IDLE_SECONDS = 0.02


async def handle(pool: "asyncpg.Pool[Any]", message: KafkaMessage) -> None:
    """Decode, decide and store one message in a transaction, then commit its offset."""
    record: Any = message.raw_message
    event = decode(record.topic, record.key, record.value, record.headers)
    if isinstance(event, Event):
        async with pool.acquire() as connection, connection.transaction():
            await take_in(connection, event)
    await message.ack()


async def take_in(connection: Any, event: Event) -> None:
    """Store the event in its order, and the outputs of the rules in the outbox."""
    order = event.subject
    data: Any = masked(event.data)
    await connection.execute(LOCK, order)
    fact = (order, event.source, event.id, event.time, event.type, data.model_dump_json(exclude_none=True))
    if not await connection.fetchval(ADD_FACT, *fact):
        return
    facts = [FactRow(*row) for row in await connection.fetch(FACTS, order)]
    outputs = [PastOutput(*row) for row in await connection.fetch(OUTPUTS, order)]
    state = read_back(None, facts, outputs)
    now = micros(datetime.now(UTC))
    try:
        ruling = decide(order, state.facts, state.ledger, TERMS_OF_THE_AGREEMENT, Clock(now=now, watermark=now))
    except CurrencyChangedError:
        return
    rows = [output_row(output, 0, event.traceparent) for output in ruling.outputs]
    if rows:
        await connection.executemany(
            ADD_OUTPUT, [(order, row.order_version, row.topic, row.value, row.timed) for row in rows]
        )


async def relay(pool: "asyncpg.Pool[Any]", bootstrap: str) -> None:
    """Publish the outbox for ever, in order: send, wait until Kafka has it, mark it."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(UNPUBLISHED)
            sent = [await producer.send(row["topic"], row["value"], row["order_id"].encode()) for row in rows]
            await asyncio.gather(*sent)
            if rows:
                await connection.execute(PUBLISHED, [row["nth"] for row in rows])
        if not rows:
            await asyncio.sleep(IDLE_SECONDS)


async def main() -> None:
    """Serve until it is stopped."""
    bootstrap, workers = os.environ["BENCH_KAFKA"], int(os.environ["BENCH_WORKERS"])
    pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=2, max_size=min(40, workers * len(IN) + 2))
    # Errors only, not a line per message.
    log = logging.getLogger("per message")
    log.setLevel(logging.WARNING)
    broker = KafkaBroker(bootstrap, logger=log)
    topics = [tuple(IN)] if workers == 1 else [(name,) for name in IN]
    for names in topics:

        @broker.subscriber(
            *names,
            group_id=os.environ["BENCH_GROUP"],
            ack_policy=AckPolicy.MANUAL,
            max_workers=workers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        async def on_event(message: KafkaMessage) -> None:
            try:
                await handle(pool, message)
            except Exception:
                # FastStream would log it, and the next commit would skip this message.
                log.exception("not handled")
                os._exit(1)

    task = asyncio.create_task(relay(pool, bootstrap))
    try:
        await FastStream(broker, logger=log).run()
    finally:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
