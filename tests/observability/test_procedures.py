"""The procedures of service/docs/runbook.md, each done as written there."""

import json

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.delivery.outside import Sender, case_events, order_id
from tests.observability.seen import ORDERS, Seen


class OftenAsking(Seen):
    program = "tests.observability.often_asking"


async def outputs(database: str) -> int:
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetchval("select count(*) from outbox")
    finally:
        await connection.close()


async def test_a_topic_read_again_adds_nothing_and_partitions_added_are_read(fresh_kafka, database, worker_logs):
    bootstrap = fresh_kafka.bootstrap_servers
    events = [event for _ in range(3) for event in case_events("01", order_id())]
    async with Sender(bootstrap) as sender, OftenAsking(bootstrap, database, worker_logs) as worker:
        for event in events:
            await sender.send(event)
        await worker.shows("purchasing_facts_total", len(events))
        decided = await outputs(database)
        assert decided > 0

        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_partitions({ORDERS: NewPartitions(7)})
        await admin.close()
        # Until each was read to its end once, deadlines wait.
        await worker.shows("purchasing_consumer_assigned_partitions", 7, topic=ORDERS)
        late = case_events("01", order_id())[0]
        async with Sender(bootstrap) as new:
            await new.send_raw(ORDERS, late["subject"].encode(), json.dumps(late).encode(), partition=6)
        await worker.shows("purchasing_facts_total", len(events) + 1)
        await worker.shows("purchasing_input_unknown_partitions", 0)
        await worker.shows("purchasing_consumer_lag_messages", 0)

    decided = await outputs(database)
    async with Seen(bootstrap, database, worker_logs, group="purchasing-again") as again:
        await again.shows("purchasing_events_total", len(events) + 1, outcome="known")
        await again.shows("purchasing_consumer_lag_messages", 0)
        await again.shows("purchasing_outputs_total", 0)
    assert await outputs(database) == decided
