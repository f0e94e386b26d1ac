"""The waits of an order are stored with it as the rules list them (R21), and agree with its journals."""

import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.observability.database_figures import census, order_waits
from service.operations.explain.explanation import explain
from service.orders.candidate_ids import candidate_ids
from service.orders.state import read_back
from service.orders.stored_waits import stored_waits
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import decide
from service.rules.facts import micros
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.rules.waits import PLACED, RECORD, UNKNOWN, WAIT_KINDS, Wait
from service.store.migrate import known_migrations
from service.store.order_history import open_histories
from service.store.postgres import PostgresStore
from service.store.rows import StoreTime
from service.store.substitute_clock import EVENTS, pass_time, set_clock
from service.terms.table import read_book
from tests.bench.events import records
from tests.bench.history import inbound_record_of
from tests.observability.waits_shown import waits_shown
from tests.orders.conftest import engine_on
from tests.orders.stories import Story, paid_order, record
from tests.orders.test_unclear import engine_with
from tests.rules.happenings import HOUR

(MIGRATION,) = [one for one in known_migrations() if one.name == "store_waits_by_the_rules"]
UNKNOWN_AT_FIRST = "update orders set" + MIGRATION.sql.partition("update orders set")[2].partition(";")[0]
EVENTS_IN_ALL, AT_ONCE = 4_000, 200
DAY = 24 * HOUR
ALL_READ = "insert into input_progress values ('t', 0, 'infinity')"


async def stored(connection):
    """The waits of each order, by its row."""
    rows = await connection.fetch("select order_id, waits from orders where is_waiting order by order_id")
    return {order_id: json.loads(waits) for order_id, waits in rows}


def without_since(waits):
    return {order: [one | {"since": None} for one in found] for order, found in waits.items()}


async def all_due(engine):
    while (await engine.fire_due()).assessed:
        pass


async def by_the_journals(histories, order_id):
    """The waits by the rules now, of the order's journals and its quarantined records as they are."""
    history, clock = await histories.of(order_id), await histories.clock()
    state = read_back(history.version, [one.row for one in history.facts], [one.row for one in history.outputs])
    records_of = tuple(QuarantinedRecord(topic, micros(since)) for topic, since in history.quarantined)
    now = Clock(micros(clock.now), 0 if clock.watermark is None else micros(clock.watermark), records_of, {})
    ruling = decide(order_id, state.facts, state.ledger, TERMS_OF_THE_AGREEMENT, now)
    assert ruling.outputs == ()
    return json.loads(stored_waits(ruling.waits, None, 0) or "[]")


@pytest.fixture
async def connection(database):
    found = await asyncpg.connect(database)
    yield found
    await found.close()


@pytest.fixture
async def engine(database):
    store = await PostgresStore.open(database)
    yield engine_on(store)
    await store.close()


async def test_rows_of_random_orders_store_what_the_rules_derive_from_their_journals(database, connection, engine):
    events = records(11, EVENTS_IN_ALL)
    for n in range(0, EVENTS_IN_ALL, AT_ONCE):
        await engine.handle([inbound_record_of(one) for one in events[n : n + AT_ONCE]])
    found = await stored(connection)
    counted = waits_shown(await census(connection))
    listed = [one async for one in order_waits(connection, WAIT_KINDS)]

    async with open_histories(database) as histories:
        by_journals = {order_id: await by_the_journals(histories, order_id) for order_id in list(found)[::5]}
    assert without_since({order_id: found[order_id] for order_id in by_journals}) == without_since(by_journals)
    seen = {one["what"] for waits in found.values() for one in waits}
    assert {PLACED, "acceptance", "purchase", "sellers_answer", "verification", "payment_of_claim"} <= seen
    assert RECORD not in seen
    number = {what: sum(one["what"] == what for waits in found.values() for one in waits) for what in seen}
    assert number == {what: count for what, count in counted.items() if count and what != RECORD}
    assert counted == {what: sum(one.what == what for one in listed) for what in WAIT_KINDS}
    quarantined = await connection.fetch("select key, value, order_id from quarantine")
    known = {row[0] for row in await connection.fetch("select distinct order_id from facts")}
    held_up = {one for row in quarantined for one in candidate_ids(row[2], row[0], row[1], ())} & known
    assert {one.order_id for one in listed if one.what == RECORD} == held_up != set()


async def test_waits_of_an_earlier_version_are_unknown_until_the_order_is_assessed(connection, engine):
    events = records(11, 2_000)
    for n in range(0, 2_000, AT_ONCE):
        await engine.handle([inbound_record_of(one) for one in events[n : n + AT_ONCE]])
    await connection.execute(ALL_READ)
    await all_due(engine)
    right = await stored(connection)
    due = await connection.fetch("select order_id, due_at from orders order by order_id")

    await connection.execute('update orders set waits = \'{"placed": {"since": 1}}\' where waits is null')
    await connection.execute(UNKNOWN_AT_FIRST)
    unknown = await stored(connection)
    orders = await connection.fetchval("select count(*) from orders where version is not null")
    assert {one["what"] for waits in unknown.values() for one in waits} == {UNKNOWN}
    assert waits_shown(await census(connection))[UNKNOWN] == len(unknown) == orders
    await all_due(engine)

    assert without_since(await stored(connection)) == without_since(right)
    assert await connection.fetch("select order_id, due_at from orders order by order_id") == due


async def test_a_stuck_order_keeps_what_it_waited_for_when_it_was_decided_last(connection, engine, monkeypatch):
    story = paid_order("ord-1")
    await engine.handle(story.inbound_records)
    with monkeypatch.context() as patched:
        patched.setattr("service.orders.unit_of_work.decide", lambda *_: 1 / 0)
        await engine.handle([story.bought(goods=90_000).last])
    stuck = await stored(connection)
    await engine.look_again(["ord-1"])

    assert [one["what"] for one in stuck["ord-1"]] == ["purchase"]
    assert [one["what"] for one in (await stored(connection))["ord-1"]] == [
        "receipt_by_warehouse", "delivery", "refund_answer",
    ]  # fmt: skip


async def test_a_wait_past_its_instant_is_overdue_until_it_is_decided(database, connection, engine):
    await set_clock(database, EVENTS)
    story = paid_order("ord-1").bought(goods=101_200).delivered()
    await engine.handle(story.inbound_records)

    async def receipt(*, only_overdue=False):
        found = order_waits(connection, ["confirmation_of_receipt"], only_overdue=only_overdue)
        return [(one.order_id, one.is_overdue) async for one in found]

    before, overdue_before = await receipt(), await receipt(only_overdue=True)
    await pass_time(connection, story.last.decoded.time.replace(year=2027))
    passed, counted = await receipt(only_overdue=True), await census(connection)
    await all_due(engine)

    assert (before, overdue_before) == ([("ord-1", False)], [])
    assert passed == [("ord-1", True)]
    assert waits_shown(counted, "waits_overdue")["confirmation_of_receipt"] == 1
    assert await receipt() == []


async def test_a_quarantined_record_is_a_wait_of_its_possible_order_until_resolved(connection, engine):
    await engine.handle([*paid_order("ord-1"), *paid_order("ord-2"), record(b"{", key=b"ord-1")])
    found = [(one.order_id, one.ref) async for one in order_waits(connection, [RECORD])]
    await connection.execute("update quarantine set resolved_at = now()")

    assert found == [("ord-1", "purchasing.events.order.v1")]
    assert [one async for one in order_waits(connection, [RECORD])] == []


async def record_waits(connection, *, only_overdue=False):
    found = order_waits(connection, [RECORD], only_overdue=only_overdue)
    return {one.order_id: (one.until, one.is_overdue) async for one in found}


async def explained(database, order_id, now):
    """The instant until which a record holds the order up, and whether it has passed, as `explain` shows it at an
    instant."""
    async with open_histories(database) as histories:
        history = await histories.of(order_id)
        story = explain(history, await read_book(histories.connection), StoreTime(now, None))
    return [(one.until, one.is_overdue) for one in story.waiting if one.row == 15]


async def test_a_record_holds_up_until_the_instant_of_the_terms_wherever_it_is_shown(database, connection):
    await set_clock(database, EVENTS)
    store = await PostgresStore.open(database)
    engine = await engine_with(store, quarantine_days=2)
    bad = [record(b"{", key=b"ord-1"), record(b"{", key=b"ord-unplaced")]
    await engine.handle([*paid_order("ord-1"), *Story("ord-unplaced").accepted(), *bad])
    # It came on 2 March, 20:00 Beijing time: the second day after ends on Wednesday, 4 March, at 24:00 (R14).
    end = datetime(2026, 3, 4, 16, tzinfo=UTC)
    in_time = await record_waits(connection), await record_waits(connection, only_overdue=True)
    said_in_time = await explained(database, "ord-1", end)
    await pass_time(connection, end + timedelta(microseconds=1))
    passed = await record_waits(connection), await record_waits(connection, only_overdue=True)
    said_later = await explained(database, "ord-1", end + timedelta(microseconds=1))
    counted = await census(connection)
    await store.close()

    assert in_time == ({"ord-1": (end, False), "ord-unplaced": (None, False)}, {})
    assert said_in_time == [(end, False)]
    assert passed == ({"ord-1": (end, True), "ord-unplaced": (None, False)}, {"ord-1": (end, True)})
    assert said_later == [(end, True)]
    assert (waits_shown(counted)[RECORD], waits_shown(counted, "waits_overdue")[RECORD]) == (2, 1)


async def test_a_wait_for_the_placing_runs_since_the_order_was_first_received(connection, engine):
    story = Story("ord-1").accepted().cost(300).cost(500, "cost-2")
    since = []
    for inbound_record in story:
        await engine.handle([inbound_record])
        (one,) = (await stored(connection))["ord-1"]
        assert one["what"] == PLACED
        since.append(one["since"])

    assert len(since) == 3
    assert len(set(since)) == 1


def test_a_known_wait_keeps_only_its_since():
    first = stored_waits([Wait("sellers_answer", "can-1"), Wait("acceptance", until=7)], None, 1)
    later = stored_waits([Wait("sellers_answer", "can-1"), Wait("repayment", "purchase", None, 5, "CNY")], first, 2)

    assert json.loads(first) == [
        {"what": "sellers_answer", "since": 1, "ref": "can-1"},
        {"what": "acceptance", "since": 1, "until": 7},
    ]
    assert json.loads(later) == [
        {"what": "sellers_answer", "since": 1, "ref": "can-1"},
        {"what": "repayment", "since": 2, "ref": "purchase", "amount": 5, "currency": "CNY"},
    ]
    assert stored_waits([], later, 3) is None
