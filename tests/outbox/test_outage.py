"""Kafka or PostgreSQL away: the relay waits, goes on by itself, and can be ended meanwhile."""

import asyncio

import asyncpg
import pytest

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.store.connection import pool_of
from service.store.timeline import Timeline
from tests.chaos.proxy import proxy_before
from tests.outbox.world import LANES, World, eventually, relay_of


@pytest.fixture
async def alone(fresh_kafka: EmbeddedKafka, database: str, pool: asyncpg.Pool) -> World:
    """A world whose broker is the test's own, to be ended."""
    return World(database, fresh_kafka.bootstrap_servers, pool)


def all_in(relay, *states: str):
    return lambda: len(relay.status().lanes) == LANES and all(lane.state in states for lane in relay.status().lanes)


async def test_a_broker_killed_and_started_again_costs_nothing(alone: World, fresh_kafka: EmbeddedKafka) -> None:
    async with relay_of(alone) as relay:
        await eventually("every lane waits for work", all_in(relay, "waiting"))
        writing = asyncio.create_task(alone.write_everywhere(rounds=100))
        await eventually("it publishes", lambda: sum(lane.published for lane in relay.status().lanes) > 100)
        await fresh_kafka.kill()
        await writing
        await alone.write_everywhere(rounds=2)
        await fresh_kafka.start()
        await eventually("everything is published", alone.all_noted)
    await alone.assert_each_once_and_in_order()


async def test_a_broker_that_freezes_longer_than_a_transaction_may_take_costs_nothing(
    alone: World, fresh_kafka: EmbeddedKafka
) -> None:
    async with relay_of(alone) as relay:
        await eventually("every lane waits for work", all_in(relay, "waiting"))
        fresh_kafka.pause()
        try:
            await alone.write_everywhere(rounds=3)
            await eventually("the lanes have lost patience", all_in(relay, "starting over", "given up", "starting"))
        finally:
            fresh_kafka.resume()
        await alone.write_everywhere(rounds=3)
        await eventually("everything is published", alone.all_noted)
    await alone.assert_each_once_and_in_order()


async def test_a_relay_ends_with_the_broker_away_and_leaves_nothing_running(
    alone: World, fresh_kafka: EmbeddedKafka
) -> None:
    await alone.write_everywhere(rounds=1)
    before = asyncio.all_tasks()
    async with relay_of(alone) as relay:
        await eventually("it publishes", alone.all_noted)
        await fresh_kafka.kill()
        await alone.write_everywhere(rounds=1)
        await eventually("the lanes have rows in hand", all_in(relay, "publishing", "starting over", "starting"))
    assert asyncio.all_tasks() == before


async def test_a_relay_started_before_its_broker_waits_for_it(alone: World, fresh_kafka: EmbeddedKafka) -> None:
    await fresh_kafka.stop()
    await alone.write_everywhere(rounds=1)
    async with relay_of(alone) as relay:
        await eventually("it says what is wrong", lambda: "KafkaConnectionError" in (relay.status().problem or ""))
        await fresh_kafka.start()
        await eventually("everything is published", alone.all_noted)
        assert relay.status().problem is None
    await alone.assert_each_once_and_in_order()


async def test_a_database_away_and_back_costs_nothing(world: World, postgres: EmbeddedPostgres) -> None:
    name = await world.pool.fetchval("select current_database()")
    async with asyncpg.create_pool(world.dsn, min_size=0, max_size=8) as pool, relay_of(world, pool) as relay:
        await eventually("every lane waits for work", all_in(relay, "waiting"))
        await world.write_everywhere(rounds=1)
        await eventually("it publishes", world.all_noted)
        await admit(postgres, name, False)
        await eventually("every lane has noticed", all_in(relay, "starting over", "starting"))
        await admit(postgres, name, True)
        await world.write_everywhere(rounds=3)
        await eventually("everything is published", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_a_database_connection_that_falls_silent_costs_nothing(world: World) -> None:
    async with (
        proxy_before(world.dsn) as (proxy, dsn),
        pool_of(dsn, Timeline(), min_size=0, max_size=LANES + 2, command_timeout=0.5) as pool,
        relay_of(world, pool) as relay,
    ):
        await eventually("every lane waits for work", all_in(relay, "waiting"))
        proxy.strand()
        await world.write_everywhere(rounds=2)
        await eventually("everything is published", world.all_noted)
    await world.assert_each_once_and_in_order()


async def admit(postgres: EmbeddedPostgres, name: str, allowed: bool) -> None:
    """Refuse all connections to the database and end those it has; or allow them again."""
    connection = await asyncpg.connect(postgres.dsn)
    try:
        await connection.execute(f"alter database {name} allow_connections {str(allowed).lower()}")
        if not allowed:
            await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
    finally:
        await connection.close()
