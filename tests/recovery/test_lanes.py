"""A change of the number of lanes: only when everything is published and no worker runs, and no earlier worker
writes into them."""

import asyncpg
import pytest

from service.store.errors import SchemaError
from service.store.operators.lane_count import LanesError, change_lanes
from service.store.postgres import PostgresStore
from tests.delivery.outside import case_events, order_id
from tests.orders.conftest import engine_on
from tests.orders.stories import paid_order
from tests.recovery.test_contradictions import play


async def test_an_outbox_gets_more_lanes_and_every_order_keeps_its_order(torn):
    orders = [order_id() for _ in range(4)]
    stories = {order: case_events("13", order) for order in orders}
    await play(torn, [event for order in orders for event in stories[order][:4]])
    done = await torn.command("lanes", "change", "--to", "8", "--why", "commits queue", "--by", "op")
    assert (done.returncode, done.stderr) == (0, "The outbox now has 8 lanes (before: 4). Start the workers.\n")
    assert (await torn.command("topics", "check")).returncode == 0
    await play(torn, [event for order in orders for event in stories[order][4:]])
    assert (await torn.rows("select max(lane) from outbox"))[0][0] > 3
    async with torn.outside(past=True) as outside:
        await outside.to_the_end()
        for order in orders:
            seen = outside.outputs(order)
            assert [one.version for one in seen] == list(range(1, len(seen) + 1))
            for topic in {one.topic for one in seen}:
                offsets = [one.offset for one in seen if one.topic == topic]
                assert offsets == sorted(offsets)
    assert (await torn.command("outbox", "verify")).returncode == 0
    actions = await torn.rows("select done_by, outcome, why from operator_actions where what = 'lanes change'")
    assert [tuple(row) for row in actions] == [("op", "from 4 to 8", "commits queue")]


@pytest.fixture
async def connection(database):
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_with_outputs_waiting_or_workers_at_work_the_lanes_stay(database, connection):
    await connection.execute("update lanes set position = 3 where lane = 2")
    with pytest.raises(LanesError, match=r"Outputs wait to be published \(lane 2: 3\)"):
        await change_lanes(connection, 8, "op", "why")
    await connection.execute("update lanes set position = 0 where lane = 2")
    store = await PostgresStore.open(database)
    with pytest.raises(LanesError, match="Workers still have 4 sessions on this database"):
        await change_lanes(connection, 8, "op", "why")
    await store.close()
    assert await change_lanes(connection, 8, "op", "why") == 4
    assert await connection.fetchval("select count(*) from lanes") == 8


@pytest.mark.parametrize("lanes", [2, 6, 512])
async def test_lanes_are_a_power_of_two_and_never_fewer(connection, lanes):
    with pytest.raises(LanesError, match="a power of two up to 256, not"):
        await change_lanes(connection, lanes, "op", "why")


async def test_a_cell_is_given_no_more_lanes(connection):
    await connection.execute("delete from lanes where lane > 1")
    with pytest.raises(LanesError, match="This database is a cell"):
        await change_lanes(connection, 8, "op", "why")


async def test_a_worker_of_before_writes_nothing_into_the_new_lanes(database, connection):
    store = await PostgresStore.open(database)
    await connection.execute("update installation set lanes = 8")
    with pytest.raises(SchemaError, match="the outbox has 8 lanes now, not 4: start this worker anew"):
        await engine_on(store).handle(paid_order().inbound_records)
    assert await connection.fetchval("select count(*) from outbox") == 0
    assert await connection.fetchval("select count(*) from facts") == 0
    await store.close()
