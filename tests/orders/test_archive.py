"""An archived order: whatever comes afterwards ends as if it had never been archived, and nothing is taken twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import pytest
from purchasing_contracts.base import instant_of
from purchasing_contracts.events.order import OrderPlaced as Placed
from purchasing_contracts.events.payment import RefundSucceeded

from service.orders.engine import Engine
from service.outbox.repair.adopt import AdoptError, adopt
from service.simulate import simulation
from service.store.errors import StoreUnavailableError
from service.store.memory import MemoryStore
from service.store.operators.archive import add_file, archived_after, bring_back, journals, move
from service.store.order_history import OrderHistories
from service.store.postgres import PostgresStore
from service.store.search import search
from tests.bench.events import record_of, story
from tests.bench.history import inbound_record_of
from tests.golden import Case, cases
from tests.orders.archiving import ALL_PUBLISHED, ANY_ORDER_IS_OVER, archive, archived
from tests.orders.conftest import engine_on
from tests.orders.hands import Hands
from tests.orders.published import event_of, notices, outcomes_of, repetitions
from tests.orders.stories import Story, again

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.kafka.connection import Kafka
    from service.orders.batch_result import BatchResult
    from service.orders.inbound_record import InboundRecord

    Connection = asyncpg.Connection

ADDRESS = "Warehouse 3, 28th Street"
PLACED = json.dumps(json.loads(Story().placed(address=ADDRESS).last.value or b"")["data"])
WAITS_FOR_A_LOCK = """
select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())
"""
OLD_WORKER = """
insert into facts (order_id, source, id, lane, nth, at, type, data, received_at)
values ('ord-1', '/tests', 'late', 0, 1, now(), 'purchasing.order.accepted.v1', '{}', now())
"""


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(database, connections=2)
    yield store
    await store.close()


async def over(engine: Engine, connection: Connection, order_id: str = "ord-1") -> Story:
    """An order that is over: paid, refused, refunded, and all of it is published."""
    story = Story(order_id).placed(address=ADDRESS).paid().refused()
    refunded = await engine.handle(story.inbound_records)
    (refund,) = [event_of(output) for _, output in refunded.outputs if "refund" in output.topic]
    story.add(RefundSucceeded(command_id=refund["id"]))
    await engine.handle([story.last])
    await connection.execute(ALL_PUBLISHED)
    return story


async def published(simulated: simulation.Simulation, case: Case, connection: Connection | None) -> list[bytes]:
    """The values published for an example. With a connection, the order is archived again after each step."""
    values: list[bytes] = []

    async def step(happening: AsyncIterator[BatchResult]) -> None:
        async for handled in happening:
            values.extend(output.value for _, output in handled.outputs)
            if connection is not None:
                await archive(connection, ORDER)

    for event in case.events:
        await step(simulated.receive(json.dumps(event).encode()))
    await step(simulated.go_on(instant_of(case.until)))
    return values


ORDER = "ord-1001"
EMPTY = "truncate orders, facts, outbox, publications, private_members, archived_orders, archived_facts, quarantine"


async def test_worked_examples_end_the_same_when_archived_after_every_step(database, beside, monkeypatch) -> None:
    await beside.execute(ANY_ORDER_IS_OVER)
    clocks: list[simulation.VirtualClock] = []
    postgres = await PostgresStore.open(database, connections=1, clock=lambda at: clocks[-1]() if clocks else at)
    # Without a cache, each step reads the order back, from the archive.
    monkeypatch.setattr(simulation, "Engine", partial(Engine, cache_facts=0))
    for case in cases()[::4]:
        await beside.execute(EMPTY)
        here = await published(simulation.Simulation(), case, None)
        there = await published(
            simulation.Simulation(store_with=lambda at: clocks.append(at) or postgres), case, beside
        )
        assert there == here, case.name
        assert await archived(beside) == [ORDER], case.name
    await postgres.close()


async def test_a_late_chargeback_brings_the_order_back_and_leads_to_the_same_money(engine, beside) -> None:
    told = {one: await over(engine, beside, one) for one in ("ord-a", "ord-b")}
    assert await archive(beside, "ord-a") == ["ord-a"]
    engine.cache.clear()
    late = await engine.handle([told[one].charged_back().last for one in told])
    (of_a, of_b) = ([one[1:] for one in outcomes_of(late) if one[0] == order] for order in told)

    assert of_a == of_b == [(4, "chargeback", "accepted"), (5, "repayment_demand", "demanded")]
    assert await archived(beside) == []
    assert await rows_of(beside, "ord-a") == await rows_of(beside, "ord-b")


async def rows_of(connection: Connection, order_id: str) -> list[tuple[Any, ...]]:
    """An order's rows in the journals, without what is its own: ids, positions, instants of the database."""
    facts = "select nth, type from facts where order_id = $1 order by nth"
    outputs = "select order_version, topic, timed from outbox where order_id = $1 order by order_version"
    return [tuple(row) for query in (facts, outputs) for row in await connection.fetch(query, order_id)]


async def test_an_order_comes_back_from_the_archive_as_it_went_in(engine, beside) -> None:
    await over(engine, beside)
    journals = ("facts", "outbox", "publications", "private_members", "orders")

    async def everything() -> list[list[tuple[Any, ...]]]:
        return [sorted(map(tuple, await beside.fetch(f"select t::text from {one} t"))) for one in journals]

    before = await everything()
    assert await archive(beside, "ord-1") == ["ord-1"]
    assert await everything() != before
    assert await bring_back(beside, ["ord-1", "ord-none"], "ann", "a test") == ["ord-1"]
    assert await everything() == before
    assert await beside.fetchval("select count(*) from archived_facts") == 0


async def test_repetitions_of_archived_facts_are_known_and_leave_the_order_archived(engine, store, beside) -> None:
    story = await over(engine, beside)
    await archive(beside, "ord-1")

    assert repetitions(await engine_on(store).handle([again(one) for one in story])) == story.steps
    assert await archived(beside) == ["ord-1"]


async def test_another_content_under_the_identity_of_an_archived_fact_is_a_conflict(engine, store, beside) -> None:
    await over(engine, beside)
    await archive(beside, "ord-1")
    other = [Story().placed(address="Warehouse 4").last, Story().placed(address=ADDRESS).paid(payment_id="pay-2").last]
    handled = await engine_on(store).handle(other)

    assert [(one["reason"], one["place"]) for one in notices(handled)] == 2 * [("conflict", "/data")]


async def test_the_identity_of_an_archived_fact_stays_taken_for_other_orders(engine, store, beside) -> None:
    await over(engine, beside)
    await archive(beside, "ord-1")
    theirs = Story("ord-2").add(Placed.model_validate_json(PLACED), message="ord-1-e0")
    handled = await engine_on(store).handle(theirs.inbound_records)

    assert [(one["reason"], one["place"]) for one in notices(handled)] == [("conflict", "/subject")]


async def test_an_identity_stays_taken_while_its_order_is_being_archived(engine, store, beside, database) -> None:
    await over(engine, beside)
    theirs = Story("ord-2").add(Placed.model_validate_json(PLACED), message="ord-1-e0")
    moving = beside.transaction()
    await moving.start()
    await archive(beside, "ord-1")
    handling = asyncio.ensure_future(engine_on(store).handle(theirs.inbound_records))
    other = await asyncpg.connect(database)
    while not await other.fetchval(WAITS_FOR_A_LOCK):  # noqa: ASYNC110 - the batch begins to wait
        await asyncio.sleep(0.005)
    await moving.commit()
    await other.close()

    assert [(one["reason"], one["place"]) for one in notices(await handling)] == [("conflict", "/subject")]


async def test_a_worker_that_knows_no_archive_can_add_nothing_to_an_archived_order(engine, store, beside) -> None:
    await over(engine, beside)
    await archive(beside, "ord-1")
    with pytest.raises(StoreUnavailableError, match="aborted"):
        await store.fetch(OLD_WORKER)


NOT_OVER = {
    "waits": "update orders set waits = '[]'",
    "has a deadline": "update orders set due_at = now()",
    "is stuck": "update orders set stuck = 'ValueError'",
    "is halted": "update orders set held_at = now()",
    "is not published": "update relay_notes set position = 1",
    "has its lane's newest output": "update relay_notes n set position = l.position from lanes l where l.lane = n.lane",
    "has a record in quarantine": """
        with r as (insert into quarantine (topic, partition, "offset", digest, sha256, reason, place, size, headers, at)
        values ('t', 0, 1, '', '', 'schema', '', 0, '[]', now()) returning topic, partition, "offset", digest)
        insert into quarantine_candidates select *, purchasing_order_hash('ord-1') from r
    """,
}


async def test_an_order_that_is_not_over_stays(engine, beside) -> None:
    await over(engine, beside)
    for why, change in NOT_OVER.items():
        changed = beside.transaction()
        await changed.start()
        await beside.execute(change)
        assert await archive(beside, "ord-1") == [], why
        await changed.rollback()

    assert await archive(beside, "ord-1") == ["ord-1"]


NTH_OF_ORD_1_IS_WRONG = """
alter view archived_fact_rows rename to rows_as_they_are;
create view archived_fact_rows as
select order_id, source, id, lane, nth + (order_id = 'ord-1')::int as nth, at, type, data, received_at, order_first_at,
    order_last_at
from rows_as_they_are
"""


async def test_an_order_that_would_differ_in_the_archive_stays_and_holds_up_no_other(engine, beside) -> None:
    for one in ("ord-1", "ord-2"):
        await over(engine, beside, one)
    await beside.execute(NTH_OF_ORD_1_IS_WRONG)

    assert await archive(beside, "ord-1", "ord-2") == ["ord-2"]
    assert await archived(beside) == ["ord-2"]
    assert await beside.fetchval("select count(*) from facts where order_id = 'ord-1'") == 4


async def test_an_order_that_changed_since_its_export_stays(engine, beside) -> None:
    story = await over(engine, beside)
    exported = await journals(beside, ["ord-1"])
    await engine.handle([story.paid(payment_id="pay-2").last])
    await beside.execute("update orders set waits = null, due_at = null")
    await beside.execute(ALL_PUBLISHED)
    file = await add_file(beside, "file", b"", 0, 1, "ann", "a test")

    assert await move(beside, file, exported) == []
    assert await archive(beside, "ord-1") == ["ord-1"]


async def test_an_order_that_a_batch_has_locked_stays_and_nobody_waits(engine, store, beside) -> None:
    await over(engine, beside)
    async with store.batch() as batch:
        await batch.lock([("ord-1", 0)])
        assert await archive(beside, "ord-1") == []


async def test_a_halted_archived_order_takes_a_fact_and_decides_nothing(engine, store, beside) -> None:
    story = await over(engine, beside)
    await archive(beside, "ord-1")
    await beside.execute("update orders set held_at = now()")
    handled = await engine_on(store).handle([story.charged_back().last])

    assert (handled.facts, handled.outputs) == (1, ())
    assert await beside.fetchval("select count(*) from facts") == 5


async def test_histories_read_an_archived_order_and_name_its_file(engine, beside) -> None:
    await over(engine, beside)
    histories = OrderHistories(beside)
    before = await histories.of("ord-1")
    await archive(beside, "ord-1")
    after = await histories.of("ord-1")

    assert before is not None
    assert after is not None
    assert after._replace(archived=None) == before
    assert after.archived is not None
    assert after.archived.file.startswith("file-ord-1")
    assert await histories.size("ord-1") == len(before.facts) + len(before.outputs)
    then = await histories.at("ord-1", after.facts[-1].received_at)
    assert then is not None
    assert then.facts == before.facts


async def test_a_search_finds_an_archived_order_by_the_ids_that_people_have(engine, beside) -> None:
    story = (await over(engine, beside)).charged_back().asks_to_cancel().tipped(500)
    await engine.handle(story.inbound_records)
    await beside.execute(ANY_ORDER_IS_OVER)
    refund = await beside.fetchval("select id from outbox where topic = 'purchasing.commands.refund.v1'")
    ids = ("ord-1", "acct-7", "pay-1", "pay-tip", "cb-1", "can-1", refund)
    before = [sorted(await search(beside, one)) for one in ids]
    await archive(beside, "ord-1")

    assert [[hit.what for hit in one] for one in before] == [
        ["order"],
        ["account"],
        ["payment"],
        ["payment"],
        ["chargeback"],
        ["request"],
        ["command"],
    ]
    assert [sorted(await search(beside, one)) for one in ids] == before
    assert await search(beside, "prov-1") == []


async def told(
    engine: Engine, histories: dict[str, list[InboundRecord]], archived: asyncio.Event | None = None
) -> list[bytes]:
    """The values that an engine publishes for these orders, one event at a time. `archived`: awaited after each."""
    values = []
    for inbound in itertools.chain(*histories.values()):
        values += [output.value for _, output in (await engine.handle([inbound])).outputs]
        if archived is not None:
            await archived.wait()
    return values


async def test_orders_archived_all_the_while_beside_two_engines_end_the_same(beside, database) -> None:
    await beside.execute(ANY_ORDER_IS_OVER)
    rng, clock, some_archived = random.Random(11), Hands(), asyncio.Event()
    halves = [
        {order: [inbound_record_of(record_of(one, 1)) for one in story(rng, order)] for order in names}
        for names in ([f"a-{n}" for n in range(5)], [f"b-{n}" for n in range(5)])
    ]
    memory = MemoryStore(lanes=1, clock=clock)
    expected = [await told(engine_on(memory, cache_facts=0), half) for half in halves]
    stores = [await PostgresStore.open(database, connections=1, clock=clock) for _ in halves]
    engines = [engine_on(store, cache_facts=0) for store in stores]
    telling = asyncio.gather(*(told(engine, half, some_archived) for engine, half in zip(engines, halves, strict=True)))
    moved = 0
    while not telling.done():
        here = [
            row[0] for row in await beside.fetch("select order_id from orders where archived_at is null order by 1")
        ]
        moved += len(await archive(beside, *rng.sample(here, min(2, len(here)))))
        some_archived.set()
        some_archived.clear()
    for store in stores:
        await store.close()

    assert await telling == expected
    assert moved > 0


async def test_the_archive_has_every_column_of_the_journals(beside) -> None:
    columns = "select column_name::text from information_schema.columns where table_name = $1 order by 1"
    for journal, rows in (
        ("facts", "archived_fact_rows"),
        ("outbox", "archived_output_rows"),
        ("publications", "archived_publication_rows"),
    ):
        there = {row[0] for row in await beside.fetch(columns, rows)}
        missing = {row[0] for row in await beside.fetch(columns, journal)} - there
        assert missing == set(), f"a migration gave {journal} columns that purchasing_archive would lose"


async def test_a_lane_is_not_adopted_before_archived_outputs_that_would_follow(engine, store, beside) -> None:
    await over(engine, beside)
    await archive(beside, "ord-1")
    lane, last = await beside.fetchrow("select lane, max(position) from archived_output_rows group by 1")
    with pytest.raises(AdoptError, match=f"1 archived orders .* --outputs-after {lane}:0"):
        await adopt(beside, cast("Kafka", None), store.installation, lane, 0, "ann", "a test")
    assert await archived_after(beside, lane, last) == []
