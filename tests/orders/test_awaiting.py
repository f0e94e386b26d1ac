"""What an order waits for is noted with it, and is what its journals say."""

import json

import asyncpg

from service.observability.database_figures import census
from service.orders.awaiting import PLACED, QUARANTINE, WAITS
from service.orders.candidate_ids import candidate_ids
from service.store.migrate import known_migrations
from service.store.postgres import PostgresStore
from tests.bench.events import records
from tests.bench.history import inbound_record_of
from tests.orders.conftest import engine_on

(MIGRATION,) = [one for one in known_migrations() if one.name == "add_what_orders_wait_for"]
FROM_THE_JOURNALS = "update orders o" + MIGRATION.sql.partition("update orders o")[2].partition(";")[0]
EVENTS, AT_ONCE = 6_000, 200


async def noted(connection):
    """What each order waits for, by the database."""
    rows = await connection.fetch("select order_id, waits from orders where waits is not null order by order_id")
    return {order_id: json.loads(waits) for order_id, waits in rows}


async def test_what_random_orders_wait_for_is_what_their_journals_say(database):
    """The migration reads it from the journals, for orders that an earlier version left."""
    store = await PostgresStore.open(database)
    engine = engine_on(store)
    told = records(11, EVENTS)
    for n in range(0, EVENTS, AT_ONCE):
        await engine.handle([inbound_record_of(record) for record in told[n : n + AT_ONCE]])
    await store.close()
    connection = await asyncpg.connect(database)
    followed = await noted(connection)
    counted = await census(connection)
    await connection.execute("update orders set waits = null")
    await connection.execute(FROM_THE_JOURNALS)
    read = await noted(connection)
    quarantine_ref = await connection.fetch("select key, value, order_id from quarantine")
    known = {row[0] for row in await connection.fetch("select distinct order_id from facts")}
    await connection.close()
    orders_held_up = {one for row in quarantine_ref for one in candidate_ids(row[2], row[0], row[1], ())} & known

    assert list(followed) == list(read)
    for order, waits in followed.items():
        # Since when a demand stands, where its amount fell: the rules know, an output alone doesn't.
        assert all(one["since"] <= read[order][what]["since"] for what, one in waits.items())
        assert [(what, one.get("amount"), one.get("currency")) for what, one in sorted(waits.items())] == [
            (what, one.get("amount"), one.get("currency")) for what, one in sorted(read[order].items())
        ]
    seen = {what for waits in followed.values() for what in waits}
    assert {PLACED, "seller_answer", "verification", "payment", "withheld"} <= seen <= set(WAITS)
    held_up = counted.pop(QUARANTINE).count
    assert {what: one.count for what, one in counted.items() if one.count} == {
        what: sum(what in waits for waits in followed.values()) for what in seen
    }
    assert held_up == len(orders_held_up)


async def test_who_waits_for_the_order_to_be_placed_has_waited_since_it_was_first_heard_of(database):
    store = await PostgresStore.open(database)
    engine = engine_on(store)
    told = [one for one in records(11, 400) if b"order.placed" not in one.value]
    order = max({one.order for one in told}, key=lambda name: sum(one.order == name for one in told))
    since = []
    connection = await asyncpg.connect(database)
    for record in told:
        if record.order == order:
            await engine.handle([inbound_record_of(record)])
            since.append((await noted(connection))[order][PLACED]["since"])
    await connection.close()
    await store.close()

    assert len(since) > 1
    assert len(set(since)) == 1
