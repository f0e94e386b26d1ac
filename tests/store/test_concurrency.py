"""The reasons for the order of the statements, each shown by two sessions that get in each other's way."""

import asyncio
from functools import partial
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from service.runtime.retry import until_stored
from service.store import batch as postgres_batch
from service.store.errors import StoreUnavailableError
from service.store.postgres import PostgresStore
from tests.orders.conftest import engine_on
from tests.orders.published import outcomes_of, repetitions
from tests.orders.stories import Story, paid_order, record

ADD_FACT = """
insert into facts (order_id, source, id, lane, nth, at, type, data, received_at)
values ('ord-1', '/tests', $1, 0, $2, now(), 'purchasing.order.accepted.v1', '{}', now())
"""
LOCK_AND_LOAD = """
select o.version, (select count(*) from facts f where f.order_id = o.order_id)
from orders o where o.order_id = 'ord-1' for update
"""
LOAD = "select count(*) from facts where order_id = 'ord-1'"


async def test_loading_in_the_locking_statement_returns_old_facts(database: str, beside, until_waiting) -> None:
    await beside.execute("insert into orders (order_id, lane, version) values ('ord-1', 0, $1)", uuid4())
    await beside.execute(ADD_FACT, "e0", 1)
    new = uuid4()
    first, second = await asyncpg.connect(database), await asyncpg.connect(database)
    ahead, behind = first.transaction(), second.transaction()
    await ahead.start()
    await first.execute("select from orders where order_id = 'ord-1' for update")
    await first.execute(ADD_FACT, "e1", 2)
    await first.execute("update orders set version = $1 where order_id = 'ord-1'", new)
    await behind.start()
    waiting = asyncio.create_task(second.fetchrow(LOCK_AND_LOAD))
    await until_waiting(1)
    await ahead.commit()
    version, facts = await waiting
    later = await second.fetchval(LOAD)
    await behind.commit()
    await first.close()
    await second.close()

    assert (new, 1) == (version, facts), "the one statement saw the version of after the wait and the facts of before"
    assert later == 2


class Paused:
    """Holds the first batch up that has locked its orders and not read them yet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        look = postgres_batch.PostgresBatch.look

        async def pausing(batch, *arguments):
            if not self.reached.is_set():
                self.reached.set()
                await self.go_on.wait()
            return await look(batch, *arguments)

        monkeypatch.setattr(postgres_batch.PostgresBatch, "look", pausing)


async def test_a_batch_that_waited_for_the_order_decides_with_what_the_other_brought(
    stores: tuple[PostgresStore, PostgresStore], monkeypatch, until_waiting
) -> None:
    story = paid_order().bought(goods=90_000)
    await engine_on(stores[0]).handle(story.inbound_records[:1])
    pause = Paused(monkeypatch)
    first = asyncio.create_task(engine_on(stores[0]).handle(story.inbound_records[1:3]))
    await pause.reached.wait()
    second = asyncio.create_task(engine_on(stores[1]).handle(story.inbound_records[3:]))
    await until_waiting(1)
    pause.go_on.set()

    assert outcomes_of(await first) == [("ord-1", 1, "agreement", "effective")]
    assert outcomes_of(await second) == [("ord-1", 2, "purchase", 10_010)]


async def test_one_batch_delivered_to_two_workers_at_once_is_handled_once(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    batch = [inbound_record for n in range(20) for inbound_record in paid_order(f"ord-{n}").bought(goods=90_000)]
    batch.append(record(b"{"))
    one, other = await asyncio.gather(*(engine_on(store).handle(batch) for store in stores))

    assert one.facts + other.facts == 80
    assert len(one.outputs) + len(other.outputs) == 41
    assert 81 in (repetitions(one), repetitions(other))


@pytest.mark.parametrize("known", [True, False], ids=["known orders", "new orders"])
async def test_batches_with_the_same_orders_in_opposite_order_don_t_deadlock(
    stores: tuple[PostgresStore, PostgresStore], database: str, until_waiting, known: bool
) -> None:
    here, there = (engine_on(store) for store in stores)
    names = ["ord-a", "ord-m", "ord-z"]
    if known:
        await here.handle([Story(name).placed().last for name in names])
    forwards = [Story(name).placed().accepted().last for name in names]
    backwards = [Story(name).placed().accepted().paid().last for name in reversed(names)]
    # Somebody has the order in the middle, so both batches are caught half way through their locks.
    third = await asyncpg.connect(database)
    holding = third.transaction()
    await holding.start()
    await third.execute("insert into orders (order_id, lane) values ('ord-m', 0) on conflict do nothing")
    await third.execute("select from orders where order_id = 'ord-m' for update")
    one = asyncio.create_task(here.handle(forwards))
    await until_waiting(1)
    other = asyncio.create_task(there.handle(backwards))
    await until_waiting(2)
    await holding.rollback()
    await third.close()
    outcomes = await asyncio.gather(one, other)

    assert [handled.facts for handled in outcomes] == [3, 3]
    assert (3 if known else 0) == len(outcomes_of(*outcomes))


async def test_positions_are_dense_and_none_appears_before_a_lower_one(
    stores: tuple[PostgresStore, PostgresStore], beside
) -> None:
    engines = [engine_on(stores[n % 2]) for n in range(4)]
    done = asyncio.Event()
    seen = dict.fromkeys(range(4), 0)
    jumps = []

    async def follow() -> None:
        while True:
            ended = done.is_set()
            for lane, last in seen.items():
                rows = await beside.fetch(
                    "select position from outbox where lane = $1 and position > $2 order by position", lane, last
                )
                found = [row[0] for row in rows]
                if found != list(range(last + 1, last + 1 + len(found))):
                    jumps.append((lane, last, found))
                seen[lane] = max(found, default=last)
            if ended:
                return

    async def work(n: int) -> int:
        outputs = 0
        for m in range(15):
            batch = [
                inbound_record
                for k in range(5)
                for inbound_record in paid_order(f"ord-{n}-{m}-{k}").bought(goods=90_000)
            ]
            # As workers do: on a busy machine a lock can be held for longer than a session waits for it.
            handled = await until_stored(partial(engines[n].handle, batch), asyncio.Event(), "store the batch")
            assert handled is not None
            outputs += len(handled.outputs)
        return outputs

    following = asyncio.create_task(follow())
    outputs = sum(await asyncio.gather(*(work(n) for n in range(4))))
    done.set()
    await following

    assert jumps == []
    assert 4 * 15 * 5 * 2 == outputs == sum(seen.values())
    assert {0} != set(seen.values())
    assert seen == {row[0]: row[1] for row in await beside.fetch("select lane, position from lanes")}


async def test_a_batch_has_as_many_statements_with_three_events_as_with_three_hundred(
    database: str, monkeypatch
) -> None:
    statements: list[str] = []

    class Counting(postgres_batch.PostgresBatch):
        def __init__(self, connection, clock, lanes):
            connection.add_query_logger(lambda record: statements.append(record.query))
            super().__init__(connection, clock, lanes)

    monkeypatch.setattr("service.store.postgres.PostgresBatch", Counting)
    counts = []
    for size in (1, 100):
        store = await PostgresStore.open(database, connections=1)
        statements.clear()
        await engine_on(store).handle(
            [inbound_record for n in range(size) for inbound_record in paid_order(f"ord-{size}-{n}")]
        )
        counts.append(len(statements))
        await store.close()

    assert counts[0] == counts[1] > 5


async def test_statements_of_a_batch_are_planned_once(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    try:
        for n in range(3):
            await engine_on(store).handle([*paid_order(f"ord-{n}")])
        planned = await store.fetch(
            "select generic_plans, custom_plans from pg_prepared_statements where statement ~ 'orders|facts|outbox'"
        )
    finally:
        await store.close()
    assert len(planned) >= 5
    assert {custom for _, custom in planned} == {0}
    assert max(generic for generic, _ in planned) >= 3


async def test_a_batch_that_waits_too_long_for_an_order_is_given_up_and_can_be_tried_again(
    database: str, monkeypatch
) -> None:
    from service.store.postgres import SessionLimits

    impatient = await PostgresStore.open(database, connections=2, limits=SessionLimits(lock=50))
    engine = engine_on(impatient)
    pause = Paused(monkeypatch)
    first = asyncio.create_task(engine.handle(paid_order().inbound_records))
    await pause.reached.wait()
    bought = paid_order().bought(goods=90_000).inbound_records[3:]
    with pytest.raises(StoreUnavailableError, match="LockNotAvailable"):
        await engine.handle(bought)
    pause.go_on.set()
    await first
    handled = await engine.handle(bought)
    await impatient.close()

    assert outcomes_of(handled) == [("ord-1", 2, "purchase", 10_010)]


async def test_a_batch_that_postgresql_ends_as_a_deadlock_is_tried_again_and_stored(
    stores: tuple[PostgresStore, PostgresStore], database: str, monkeypatch, until_waiting
) -> None:
    engine, story = engine_on(stores[0]), paid_order()
    await engine.handle(story.inbound_records[:1])
    pause = Paused(monkeypatch)
    # Somebody takes lanes before orders, which nobody of ours does. Who waits last finds the circle, and is ended.
    third = await asyncpg.connect(database, server_settings={"deadlock_timeout": "1h"})
    holding = third.transaction()
    await holding.start()
    await third.execute("select from lanes for update")
    with capture_logs() as log:
        work = partial(engine.handle, story.inbound_records[1:])
        storing = asyncio.create_task(until_stored(work, asyncio.Event(), "store the batch"))
        await pause.reached.wait()
        waiting = asyncio.create_task(third.execute("select from orders where order_id = 'ord-1' for update"))
        await until_waiting(1)
        pause.go_on.set()
        await waiting
        await holding.rollback()
        await third.close()
        handled = await storing

    assert outcomes_of(handled) == [("ord-1", 1, "agreement", "effective")]
    assert [line["event"] for line in log] == [
        "database_retry",
        "database_retry_succeeded",
    ]
    assert "40P01" in log[0]["because"]


async def test_a_message_claimed_for_two_orders_by_two_workers_at_once_becomes_one_fact(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    mine = Story("ord-1").accepted()
    theirs = Story("ord-2").add(mine.last.decoded.data, message="ord-1-e0", at=0)
    outcomes = await asyncio.gather(
        engine_on(stores[0]).handle(mine.inbound_records), engine_on(stores[1]).handle(theirs.inbound_records)
    )

    assert sum(one.facts for one in outcomes) == 1
    assert [refusal.reason for one in outcomes for _, refusal in one.quarantined] == ["conflict"]
