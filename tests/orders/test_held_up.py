"""A record in quarantine holds up every order that it may concern, on either store, until it is dealt with."""

import json
from datetime import timedelta

import pytest

from service.orders.batch_result import BatchResult
from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.orders.hands import DELIVERED, Hands
from tests.orders.published import event_of, money, notices, repetitions
from tests.orders.stories import ANN, Story, again, paid_order, quarantine_ref, record, replayed
from tests.rules.happenings import HOUR, when

CLAIM = 101_301
PAYMENTS = "purchasing.events.payment.v1"

pytestmark = pytest.mark.usefixtures("hands")


@pytest.fixture
def engine(store) -> Engine:
    """One for which deciding is publishing, so that a demand's days pass without a relay."""
    return Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT), deciding_is_publishing=True)


def claimed(order_id: str) -> Story:
    """An order whose buyer took the money back without cause: he has three days to pay, then it is the deposit's."""
    return paid_order(order_id).bought().received().charged_back(CLAIM, f"cb-{order_id}", at=DELIVERED)


def payment(order_id: str) -> InboundRecord:
    """The payment of the claim, an hour later."""
    return claimed(order_id).pays_outstanding(CLAIM, f"cb-{order_id}", at=DELIVERED + HOUR).last


def garbled(
    inbound_record: InboundRecord, subject: str | None = None, key: bytes | None = None, **members: object
) -> InboundRecord:
    """The record with another subject, key or other attributes."""
    event = json.loads(inbound_record.value) | ({} if subject is None else {"subject": subject}) | members
    return record(
        json.dumps(event).encode(), key=inbound_record.key if key is None else key, topic=inbound_record.topic
    )


def four_days_pass(hands: Hands) -> None:
    hands.now = hands.watermark = when(DELIVERED) + timedelta(days=4)


def taken(*handled: BatchResult) -> list[str]:
    """The orders whose deposit was asked."""
    topic = "purchasing.commands.deduction.v1"
    return sorted(str(output.order_id) for one in handled for _, output in one.outputs if output.topic == topic)


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        ("orders/q-1", b"q-1"),
        ("q-1", b"orders/q-1"),
        ("urn:order:q-1", b"elsewhere"),
        ('"q-1"', b"'q-1'\r\n"),
        ("Q-1", b"nobody"),
        ("orders%2Fq-1", b"-"),
        ("", b"\xef\xbb\xbfq-1"),
    ],
)
async def test_no_deposit_is_taken_while_the_payment_lies_garbled_in_quarantine(
    engine: Engine, hands: Hands, subject: str, key: bytes
) -> None:
    await engine.handle([*claimed("q-1"), *claimed("other")])
    quarantined = await engine.handle([garbled(payment("q-1"), subject, key)])
    four_days_pass(hands)

    assert len(quarantined.quarantined) == 1
    assert taken(await engine.fire_due()) == ["other"]


async def test_a_garbled_payment_replayed_as_it_was_meant_ends_with_the_right_money(
    engine: Engine, hands: Hands
) -> None:
    bad = garbled(payment("q-1"), "orders/q-1")
    await engine.handle([*claimed("q-1"), bad])
    four_days_pass(hands)
    barred = await engine.fire_due()
    mended = await engine.handle([replayed(bad, again(payment("q-1")))], ANN)
    decided = [event_of(output)["data"] for _, output in mended.outputs]

    assert (taken(barred), taken(mended)) == ([], [])
    assert mended.resolved == {quarantine_ref(bad).record}
    assert ("payment_demand", "settled") in {(one.get("kind"), one.get("outcome")) for one in decided}
    assert money(barred, mended) == {}
    assert await engine.fire_due() == BatchResult()


async def test_the_deposit_is_taken_as_soon_as_the_garbled_record_is_dropped(engine: Engine, hands: Hands) -> None:
    bad = garbled(payment("q-1"), "orders/q-1")
    await engine.handle([*claimed("q-1"), bad])
    four_days_pass(hands)
    await engine.fire_due()
    dropped = await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))

    assert taken(dropped) == ["q-1"]
    assert await engine.fire_due() == BatchResult()


@pytest.mark.parametrize("how", ["repaired for one", "dropped"])
async def test_a_record_that_names_two_orders_holds_both_up_and_releases_both(
    engine: Engine, hands: Hands, how: str
) -> None:
    bad = garbled(payment("a-1"), key=b"b-2")
    await engine.handle([*claimed("a-1"), *claimed("b-2"), *claimed("c-3")])
    handled = await engine.handle([bad])
    four_days_pass(hands)
    barred = await engine.fire_due()
    if how == "dropped":
        released = await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))
    else:
        released = await engine.handle([replayed(bad, again(payment("a-1")))], ANN)

    assert [(one["reason"], one["order_id"]) for one in notices(handled)] == [("key_mismatch", "a-1")]
    assert taken(barred) == ["c-3"]
    assert taken(released) == (["a-1", "b-2"] if how == "dropped" else ["b-2"])


async def test_an_order_placed_after_the_record_came_waits_for_it_too(engine: Engine, hands: Hands) -> None:
    bad = garbled(payment("q-1"), "orders/q-1")
    await engine.handle([bad])
    await engine.handle(claimed("q-1").inbound_records)
    four_days_pass(hands)
    barred = await engine.fire_due()

    assert taken(barred) == []
    assert taken(await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))) == ["q-1"]


async def test_a_record_holds_up_an_order_that_comes_due_in_the_same_batch(engine: Engine, hands: Hands) -> None:
    await engine.handle(claimed("q-1").inbound_records)
    four_days_pass(hands)
    late = claimed("q-1").tipped(500, at=DELIVERED + 2 * HOUR).last
    bad = garbled(payment("q-1"), "/orders/Q-1/")

    assert taken(await engine.handle([late, bad])) == []
    assert taken(await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))) == ["q-1"]


async def test_one_of_two_records_dealt_with_leaves_the_order_waiting_for_the_other(
    engine: Engine, hands: Hands
) -> None:
    one, other = garbled(payment("q-1"), "orders/q-1"), garbled(payment("q-1"), "q-1 ", b"Q-1")
    await engine.handle([*claimed("q-1"), one, other])
    four_days_pass(hands)
    half = await engine.intervene(ANN._replace(drop=(quarantine_ref(one),)))

    assert taken(half) == []
    assert taken(await engine.intervene(ANN._replace(drop=(quarantine_ref(other),)))) == ["q-1"]


async def test_a_garbled_record_delivered_again_adds_nothing_and_releases_nothing(engine: Engine, hands: Hands) -> None:
    bad = garbled(payment("q-1"), "orders/q-1")
    await engine.handle([*claimed("q-1"), bad])
    delivered_again = await engine.handle([bad])
    four_days_pass(hands)

    assert repetitions(delivered_again) == 1
    assert taken(await engine.fire_due()) == []


async def test_a_record_in_which_no_order_can_be_read_holds_nobody_up(engine: Engine, hands: Hands) -> None:
    await engine.handle([*claimed("q-1"), record(b"{", topic=PAYMENTS)])
    four_days_pass(hands)

    assert taken(await engine.fire_due()) == ["q-1"]


async def test_dealing_with_a_garbled_record_makes_no_order_of_what_is_no_order(
    engine: Engine, store, where: str | None
) -> None:
    bad = garbled(payment("q-1"), "orders/q-1")
    await engine.handle([*claimed("q-1"), bad])
    await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))

    orders = (
        list(store.orders) if where is None else [row[0] for row in await store.fetch("select order_id from orders")]
    )
    assert orders == ["q-1"]


async def test_a_row_that_a_worker_of_an_earlier_version_wrote_holds_its_order_up(database: str, hands: Hands) -> None:
    store = await PostgresStore.open(database, connections=2, clock=hands)
    engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT), deciding_is_publishing=True)
    bad = garbled(payment("q-1"), time="yesterday")
    await engine.handle([*claimed("q-1"), bad])
    await store.fetch("delete from quarantine_candidates")
    four_days_pass(hands)
    barred = await engine.fire_due()
    dropped = await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))
    await store.close()

    assert (taken(barred), taken(dropped)) == ([], ["q-1"])
