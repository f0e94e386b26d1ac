"""Two cells: lanes 0 and 1 in one PostgreSQL server, lanes 2 and 3 in another, and one broker for both."""

import asyncio
import json
import uuid
from contextlib import AsyncExitStack

import pytest

from service.store.lanes import lane_of
from service.store.migrate import migrate
from tests.broker import LANES
from tests.cli.commands import command
from tests.databases import on_server
from tests.delivery.conftest import Site, a_group
from tests.delivery.outside import case_events, order_id, topic_for
from tests.golden import cases, differences, summaries

CELLS = (range(2), range(2, 4))
PUBLISHED = "select count(*) from outbox"
LANES_USED = """
select array(select distinct lane from orders union select distinct lane from outbox order by 1)
"""


@pytest.fixture
async def cells(fresh_kafka, postgres, fresh_postgres, worker_logs):
    """The two sites; `fresh_postgres` has the second one's database."""
    base, found = a_group(), []
    for server, own in zip((postgres, fresh_postgres), CELLS, strict=True):
        name = f"cell_{uuid.uuid4().hex[:12]}"
        await on_server(server.dsn, f"create database {name}")
        await migrate(server.dsn_of(name), lanes=LANES, cell=own)
        group = f"{base}.lanes-{own[0]}-{own[-1]}"
        found.append(Site(fresh_kafka.bootstrap_servers, server.dsn_of(name), worker_logs, group))
    return found


def order_in(lane):
    """An order id that nobody else has, in this lane."""
    return next(one for one in iter(order_id, None) if lane_of(one, LANES) == lane)


async def begun(outside, order):
    """Send the order and its payment, without the seller's answer."""
    for event in case_events("08", order)[:-1]:
        await outside.send_and_settle(event)


async def ended(outside, order):
    """Wait for the refund with which the example ends."""
    await outside.until(order, lambda seen: any(map(is_command, seen)))


def is_command(seen):
    return seen.topic.startswith("purchasing.commands.")


async def test_one_cells_orders_go_on_while_the_others_database_is_down(cells, fresh_postgres):
    first, second = cells
    orders = [order_in(lane) for lane in range(LANES)]
    here, there = orders[:2], orders[2:]
    late, mended = [order_in(lane) for lane in range(LANES)], order_in(3)
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(site.worker()) for site in cells]
        for worker, own in zip(workers, CELLS, strict=True):
            assert (await worker.has_logged("lanes_assigned"))["lanes"] == list(own)
            await worker.has_logged("partitions_assigned")
        outside = await stack.enter_async_context(first.outside(past=True))
        async with second.outside(past=True) as other:
            for order in here:
                await begun(outside, order)
            for order in (*there, mended):
                await begun(other, order)
            await mend(cells, (outside, other), mended)
            await ended(outside, mended)

        await fresh_postgres.kill()
        for order in orders:
            await outside.send(case_events("08", order)[-1])
        for order in late:
            for event in case_events("08", order):
                await outside.send(event)
        for order in (*here, *late[:2]):
            await ended(outside, order)
        assert not any(is_command(one) for order in (*there, *late[2:]) for one in outside.by_key[order])

        await fresh_postgres.start()
        for order in (*there, *late[2:]):
            await ended(outside, order)
        await outside.to_the_end()
    await assert_each_once(cells, outside, [*orders, *late, mended])
    await assert_topics_match(first)


async def mend(cells, readers, order):
    """Send an order's last event garbled: both cells have it in quarantine, and only that of the order replays it."""
    event = case_events("08", order)[-1]
    topic = topic_for(event)
    where, offset = await readers[0].send_raw(topic, order.encode(), b"{")
    for reader in readers:
        await reader.handled(where, offset)
    replay = ("quarantine", "replay", f"{topic}/{where.partition}/{offset}", "--value", "-")
    done = [
        await asyncio.to_thread(command, site.database, *replay, given=json.dumps(event).encode()) for site in cells
    ]
    assert [one.code for one in done] == [3, 0]
    assert b"another cell" in done[0].out


async def assert_topics_match(site):
    """Expect that a cell finds its own outputs in the topics, and takes no offence at those of the others."""
    done = await asyncio.to_thread(
        command, site.database, "outbox", "verify", PURCHASING_KAFKA_BOOTSTRAP_SERVERS=site.bootstrap
    )
    assert (done.code, b"other cells" in done.out + done.err.encode()) == (0, True), done.err


async def assert_each_once(cells, outside, orders):
    """Expect what the example does of each order, each output once, in the database of its lane."""
    (case,) = (one for one in cases() if one.name.startswith("08"))
    for order in orders:
        seen = outside.outputs(order)
        assert [one.version for one in seen] == list(range(1, len(seen) + 1))
        commands, _ = summaries(one.event | {"data": one.event["data"] | {"order_id": "ord-1001"}} for one in seen)
        assert differences(case.commands, commands) == []
    ids = [one.event["id"] for seen in outside.by_key.values() for one in seen]
    rows = [(await site.rows(PUBLISHED))[0][0] for site in cells]
    assert len(ids) == len(set(ids)) == sum(rows)
    assert [(await site.rows(LANES_USED))[0][0] for site in cells] == [list(own) for own in CELLS]
