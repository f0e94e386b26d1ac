"""Real outages: health and metrics report each of them, and its end.

One partition a topic, so that few workers are many.
"""

import asyncio
import signal

from aiokafka import AIOKafkaConsumer

from service.inbox.consumer import EVENT_TOPICS
from tests.delivery.outside import Sender, case_events, order_id
from tests.delivery.service import eventually
from tests.observability.seen import ORDERS, Seen

BREAKER_AT_LEAST = 100


async def test_database_and_broker_come_and_go(place):
    await place.postgres.stop()
    async with place.worker() as worker:
        await worker.says("/startupz", 503, "waits for PostgreSQL: Connection refused")
        await worker.says("/readyz", 503, "waits for PostgreSQL")
        # Of what it waits for, too, Prometheus learns.
        await worker.shows("purchasing_look_successful", 0, at="database")
        await worker.shows("purchasing_look_successful", 1, at="broker")
        await worker.shows("purchasing_ready", 0)
        await worker.says("/livez", 200)
        await place.postgres.start()
        await worker.says("/readyz", 200, "ready")
        await worker.says("/startupz", 200)

        await place.postgres.stop()
        await worker.says("/readyz", 503, "PostgreSQL gives no usable answer")
        await worker.shows("purchasing_look_successful", 0, at="database")
        async with Sender(place.kafka.bootstrap_servers) as sender:
            for event in case_events("01", order_id()):
                await sender.send(event)
        await worker.shows("purchasing_consumer_lag_messages", lambda lag: lag > 0)
        await worker.shows("purchasing_input_failures_in_a_row", lambda failures: failures > 0)
        await worker.says("/livez", 200)
        assert (
            "PostgreSQL can't be queried: Connection refused" in (await asyncio.to_thread(place.command, "lag")).stderr
        )
        doctor = await asyncio.to_thread(place.command, "doctor")
        assert (doctor.returncode, "PostgreSQL can't be reached" in doctor.stdout) == (1, True)
        await place.postgres.start()
        await worker.says("/readyz", 200)
        await worker.shows("purchasing_consumer_lag_messages", 0)
        await worker.shows("purchasing_consumer_lag_seconds", 0)

        await place.kafka.stop()
        await worker.says("/readyz", 503, "Kafka gives no usable answer")
        await worker.shows("purchasing_look_successful", 0, at="broker")
        await worker.says("/livez", 200)
        await worker.says("/startupz", 200)
        async with place.worker() as late:
            await late.says("/startupz", 503, "waits for Kafka")
            await late.shows("purchasing_look_successful", 0, at="broker")
            await late.shows("purchasing_look_successful", 1, at="database")
            await late.shows("purchasing_ready", 0)
        await place.kafka.start()
        await worker.says("/readyz", 200)


async def test_a_worker_without_partitions_stands_by_and_is_ready(place):
    async with place.worker() as worker:
        await worker.says("/readyz", 200)
        # Round robin goes by the members' names, so these five get the five partitions.
        members = [
            AIOKafkaConsumer(
                *EVENT_TOPICS,
                bootstrap_servers=place.kafka.bootstrap_servers,
                group_id="purchasing",
                client_id=f"a{n}",
                enable_auto_commit=False,
            )
            for n in range(5)
        ]
        await asyncio.gather(*(member.start() for member in members))
        await worker.shows("purchasing_consumer_assigned_partitions", 0)
        await worker.shows("purchasing_consumer_group_members", 6)
        assert (await worker.ask("/readyz"))[0] == 200
        await asyncio.gather(*(member.stop() for member in members))
        await worker.shows("purchasing_consumer_assigned_partitions", 5)
        assert (await worker.ask("/readyz"))[0] == 200


async def test_a_frozen_worker_shows_as_lag_until_another_takes_over(place):
    async with place.worker() as first, place.worker() as second:
        await first.says("/readyz", 200)
        await second.says("/readyz", 200)
        await first.shows("purchasing_consumer_group_members", 2)
        await eventually(lambda: _one_has_it(first, second), "the partition to be one's")
        owner, other = (first, second) if await _has(first) else (second, first)
        owner.send(signal.SIGSTOP)
        async with Sender(place.kafka.bootstrap_servers) as sender:
            await sender.send(case_events("01", order_id())[0])
        await other.shows("purchasing_consumer_lag_messages", 1, topic=ORDERS)
        await other.shows("purchasing_consumer_lag_seconds", lambda age: age > 1, topic=ORDERS)
        before = (await other.metrics())["purchasing_consumer_rebalances_total"][("group", "input"),]
        statuses = set()

        async def taken_over() -> bool:
            statuses.add((await other.ask("/readyz"))[0])
            return await _has(other)

        await eventually(taken_over, "the other to take over")
        assert statuses == {200}
        await other.shows("purchasing_consumer_lag_messages", 0)
        await other.shows("purchasing_consumer_rebalances_total", lambda count: count > before, group="input")
        owner.send(signal.SIGCONT)
        await owner.says("/readyz", 200)


async def test_bad_records_open_the_breaker_which_is_reported_until_it_is_reset(place):
    async with place.worker() as worker, Sender(place.kafka.bootstrap_servers) as sender:
        await worker.says("/readyz", 200)
        for n in range(BREAKER_AT_LEAST):
            await sender.send_raw(ORDERS, b"x", b"{rubbish %d" % n)
        await worker.says("/readyz", 503, f"The circuit breaker is open for {ORDERS}")
        await worker.shows("purchasing_circuit_breaker_open", 1, topic=ORDERS)
        # Good records that are read again count, too, so the breaker may open before the last bad one is read.
        counted = (await worker.metrics())["purchasing_quarantine_records_total"]
        bad = counted[(("reason", "not_json"),)]
        assert BREAKER_AT_LEAST / 2 <= bad <= BREAKER_AT_LEAST
        await worker.shows("purchasing_quarantine_open_records", bad, reason="not_json")
        await worker.shows("purchasing_events_total", bad, outcome="refused")
        doctor = await asyncio.to_thread(place.command, "doctor")
        assert f"circuit breakers are open for {ORDERS}" in doctor.stdout
        assert doctor.returncode == 3
        assert (await asyncio.to_thread(place.command, "breaker", "reset", ORDERS)).returncode == 0
        await worker.says("/readyz", 200)


async def _has(worker: Seen) -> bool:
    samples = (await worker.metrics()).get("purchasing_consumer_assigned_partitions", {})
    return samples.get((("topic", ORDERS),), 0) > 0


async def _one_has_it(*workers: Seen) -> bool:
    return [await _has(worker) for worker in workers].count(True) == 1
