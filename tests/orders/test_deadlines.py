"""Deadlines, as far as the batch transaction carries them: who may fire one, and when it has passed."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.orders.batch_result import BatchResult
from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.postgres import PostgresStore
from service.store.rows import ProgressRow, PublicationRow
from service.terms.source import FixedTerms
from tests.orders.conftest import engine_on
from tests.orders.hands import DELIVERED, Hands
from tests.orders.published import event_of, outcomes_of
from tests.orders.stories import Story, paid_order, record
from tests.rules.happenings import HOUR, when

PAYMENTS = "purchasing.events.payment.v1"
DUE = datetime(2026, 3, 13, 16, tzinfo=UTC)
"""24:00 in Beijing of the tenth day after the delivery."""
MICROSECOND = timedelta(microseconds=1)

pytestmark = pytest.mark.usefixtures("hands")


def delivered(order_id: str = "ord-1") -> Story:
    return paid_order(order_id).bought().received().delivered(at=DELIVERED)


async def test_a_deadline_fires_once_it_is_strictly_past_and_only_once(engine: Engine, hands: Hands) -> None:
    await engine.handle(delivered().inbound_records)
    waits = await engine._store.earliest_due()
    hands.now = hands.watermark = DUE
    at_the_last_instant = await engine.fire_due()
    hands.now = hands.watermark = DUE + MICROSECOND
    fired, again = await engine.fire_due(), await engine.fire_due()

    assert waits == (DUE, "ord-1")
    assert BatchResult() == at_the_last_instant
    assert [one[2:] for one in outcomes_of(fired)] == [("receipt", "deemed_confirmed")]
    assert BatchResult() == again
    assert await engine._store.earliest_due() is None


async def test_a_deadline_waits_until_the_input_has_been_read_up_to_it(engine: Engine, hands: Hands) -> None:
    await engine.handle(delivered().inbound_records)
    hands.now = DUE + timedelta(days=30)
    nothing_known = await engine.fire_due()
    hands.watermark = DUE
    lagging = await engine.fire_due()
    confirmed = await engine.handle([delivered().confirms_receipt(at=DELIVERED + HOUR).last])
    hands.watermark = DUE + timedelta(days=30)
    caught_up = await engine.fire_due()

    assert BatchResult() == nothing_known == lagging == caught_up
    assert [one[2:] for one in outcomes_of(confirmed)] == [("receipt", "confirmed")]


async def test_two_workers_fire_each_deadline_once_between_them(store, hands: Hands) -> None:
    orders = [f"ord-{n}" for n in range(30)]
    await engine_on(store).handle([inbound_record for order in orders for inbound_record in delivered(order)])
    hands.now = hands.watermark = DUE + HOUR * MICROSECOND
    fired = await asyncio.gather(*(engine_on(store).fire_due(limit=20) for _ in range(3)))

    assert sorted(orders) == sorted(one[0] for one in outcomes_of(*fired))


async def test_the_days_of_a_payment_demand_run_from_its_publication(
    engine: Engine, hands: Hands, where: str | None, store
) -> None:
    story = paid_order().bought().received().charged_back(101_301, at=DELIVERED)
    handled = await engine.handle(story.inbound_records)
    (demand,) = [output for _, output in handled.outputs if output.timed]
    first = await engine._store.earliest_due()
    hands.now = hands.watermark = first[0] + MICROSECOND
    not_published = await engine.fire_due()
    second = await engine._store.earliest_due()
    published_at = first[0]  # the seventh in Beijing, a Saturday: three days from then
    await publish(where, store, PublicationRow("ord-1", demand.order_version, published_at))
    hands.now = hands.watermark = second[0] + MICROSECOND
    published = await engine.fire_due()

    assert event_of(demand)["data"]["kind"] == "payment_demand"
    assert datetime(2026, 3, 6, 16, tzinfo=UTC) == first[0]
    assert outcomes_of(not_published) == []
    assert ("chargeback:cb-1", 101_301) in [one[2:] for one in outcomes_of(published)]


async def publish(where: str | None, store, publication: PublicationRow) -> None:
    if where is None:
        store.publications[publication.order_id].append(publication)
        return
    connection = await asyncpg.connect(where)
    await connection.execute("insert into publications values (0, 1, $1, $2, $3)", *publication)
    await connection.close()


async def test_a_deposit_that_is_barred_is_not_asked_about_for_ever(engine: Engine, hands: Hands) -> None:
    def demanded(order_id: str) -> Story:
        return paid_order(order_id).bought().received().charged_back(101_301, at=DELIVERED)

    engine = Engine(engine._store, FixedTerms(TERMS_OF_THE_AGREEMENT), deciding_is_publishing=True)
    await engine.handle(
        [*demanded("ord-1"), *demanded("ord-2"), record(b'{"specversion":"1.0"}', key=b"ord-1", topic=PAYMENTS)]
    )
    hands.now = hands.watermark = when(DELIVERED) + timedelta(days=7)
    fired, again = await engine.fire_due(), await engine.fire_due()

    assert [(one[0], *one[2:]) for one in outcomes_of(fired)] == [("ord-2", "chargeback:cb-1", 101_301)]
    assert BatchResult() == again


async def test_the_input_is_read_up_to_where_its_partition_furthest_behind_is(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    first, second, added = (ProgressRow("purchasing.events.payment.v1", n, None) for n in range(3))
    watermarks = []

    async def note(*rows: tuple[ProgressRow, timedelta | None]) -> None:
        await store.note_progress([row._replace(watermark=at and when(0) + at) for row, at in rows])
        watermarks.append((await store.clock()).watermark)

    await note((first, None), (second, None))
    await note((first, timedelta(hours=2)))
    await note((second, timedelta(hours=1)))
    await note((first, timedelta(minutes=1)), (second, None))
    await note((added, None))
    await note((added, timedelta(hours=9)))
    await store.close()

    an_hour_in = when(0) + timedelta(hours=1)
    # Not known of all; then the least of both, which never goes back; a new one holds back until it is known.
    assert watermarks == [None, None, an_hour_in, an_hour_in, None, an_hour_in]


async def test_the_time_of_a_record_does_not_move_the_watermark(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    topics = sorted({inbound_record.topic for inbound_record in delivered()})
    await store.note_progress([ProgressRow(topic, 0, None) for topic in topics])
    await engine_on(store).handle(delivered().inbound_records)
    watermark = (await store.clock()).watermark
    await store.close()

    assert watermark is None


async def test_a_held_order_stores_facts_and_publishes_nothing(database: str) -> None:
    store = await PostgresStore.open(database, connections=1)
    connection = await asyncpg.connect(database)
    engine = engine_on(store)
    story = paid_order().bought(goods=90_000)
    await engine.handle(story.inbound_records[:3])
    await connection.execute("update orders set held_at = now()")
    held = await engine.handle(story.inbound_records[3:])
    await connection.execute("update orders set held_at = null")
    released = await engine.look_again(["ord-1"])
    await connection.close()
    await store.close()

    assert BatchResult(facts=1) == held
    assert outcomes_of(released) == [("ord-1", 2, "purchase", 10_010)]
