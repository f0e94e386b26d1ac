"""The database or the broker goes away under a working service and comes back: nothing is lost, nothing doubled."""

import asyncio

import pytest

from service.store.migrate import migrate
from tests.delivery.conftest import LANES, Site, a_group
from tests.delivery.outside import case_events, order_id

ORDERS = 40


@pytest.fixture
async def lone_site(fresh_kafka, fresh_postgres, worker_logs):
    """A site whose broker and database are the test's own, to be taken away."""
    await migrate(fresh_postgres.dsn, lanes=LANES)
    return Site(fresh_kafka.bootstrap_servers, fresh_postgres.dsn, worker_logs, a_group())


async def test_while_the_database_is_away_the_batch_waits_and_is_then_stored_once(lone_site, fresh_postgres):
    orders = [order_id() for _ in range(ORDERS)]
    async with lone_site.worker() as worker:
        await worker.has_logged("partitions_assigned")
        async with lone_site.outside() as outside:
            await outside.send_and_settle(case_events("01", orders[0])[0])
        await fresh_postgres.stop("immediate")
        async with lone_site.sender() as outside:
            for order in orders:
                for event in case_events("01", order):
                    await outside.send(event)
            await worker.has_logged("database_retry", times=3)
            await fresh_postgres.start()
            await worker.has_logged("database_retry_succeeded")
        await assert_each_decided_once(lone_site, orders)
    assert worker.process.returncode == 0


async def test_while_the_broker_is_away_the_service_stays_and_then_goes_on(lone_site, fresh_kafka):
    orders = [order_id() for _ in range(ORDERS)]
    async with lone_site.worker() as worker:
        await worker.has_logged("partitions_assigned")
        async with lone_site.sender() as outside:
            for order in orders:
                await outside.send(case_events("01", order)[0])
            await fresh_kafka.kill()
            await worker.has_logged("Unable connect to node")
            assert worker.running
            await fresh_kafka.start()
            for order in orders:
                for event in case_events("01", order)[1:]:
                    await outside.send(event)
        await assert_each_decided_once(lone_site, orders)
    assert worker.process.returncode == 0


async def test_asked_to_stop_while_both_are_away_it_ends_in_order(lone_site, fresh_kafka, fresh_postgres):
    async with lone_site.worker() as worker:
        await worker.has_logged("partitions_assigned")
        await fresh_postgres.stop("immediate")
        async with lone_site.sender() as outside:
            await outside.send(case_events("01", order_id())[0])
            await worker.has_logged("database_retry")
        await fresh_kafka.kill()
        worker.stop()
        assert await worker.ended() == 0


async def assert_each_decided_once(site, orders):
    async with site.outside(past=True) as outside:
        for order in orders:
            await outside.until(order, bool)
        await asyncio.gather(*(outside.settled(order) for order in orders))
        await outside.to_the_end()
        for order in orders:
            outcomes = [one.event["data"]["outcome"] for one in outside.by_key[order]]
            assert outcomes == ["effective"]
