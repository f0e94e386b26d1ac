"""A message dated further ahead of the clock than clocks differ waits until its time has come."""

from datetime import timedelta

import pytest

from service.orders.engine import Engine
from tests.orders.conftest import engine_on
from tests.orders.hands import Hands
from tests.orders.published import money, notices, outcomes_of, repetitions
from tests.orders.stories import ANN, Story, again, paid_order, quarantine_ref, replayed
from tests.rules.happenings import HOUR, when

CENTURY = 36_525 * 24 * HOUR
YEAR_2199 = 63_300 * 24 * HOUR

pytestmark = pytest.mark.usefixtures("hands")


@pytest.fixture
def hands() -> Hands:
    """A clock at a day after the beginning of the story."""
    hands = Hands()
    hands.now = when(24 * HOUR)
    return hands


def reasons(handled) -> list[tuple[str, str, str]]:
    return [(one["reason"], one["place"], one["order_id"]) for one in notices(handled)]


async def test_an_event_an_hour_ahead_is_taken_and_one_a_microsecond_more_is_not(engine: Engine) -> None:
    at_most = 25 * HOUR
    taken = await engine.handle(Story("ord-1").placed(at=at_most, mandate_at=0).inbound_records)
    refused = await engine.handle(Story("ord-2").placed(at=at_most + 1, mandate_at=0).inbound_records)

    assert (taken.facts, refused.facts) == (1, 0)
    assert reasons(refused) == [("in_the_future", "/time", "ord-2")]
    assert [one.refusal.type for one in refused.quarantined] == ["purchasing.order.placed.v1"]


async def test_how_far_ahead_is_a_setting(store) -> None:
    engine = Engine(store, engine_on(store)._terms, future_tolerance=timedelta(days=7))
    week = await engine.handle(Story("ord-1").placed(at=8 * 24 * HOUR, mandate_at=0).inbound_records)
    more = await engine.handle(Story("ord-2").placed(at=8 * 24 * HOUR + 1, mandate_at=0).inbound_records)

    assert (week.facts, more.facts) == (1, 0)


async def test_a_capture_dated_a_century_ahead_turns_no_cancellation_into_a_withdrawal(engine: Engine) -> None:
    story = Story().placed(at=0).accepted(at=HOUR).paid(at=CENTURY).bought(at=3 * HOUR)
    story.cost(500, at=4 * HOUR).asks_to_cancel(at=23 * HOUR)
    handled = await engine.handle(story.inbound_records)

    assert reasons(handled) == [("in_the_future", "/time", "ord-1")]
    # Never agreed upon, as far as is known, for no money came in: but nothing that happens in a century counts today.
    assert money(handled) == {}
    assert not any(amount for *_, amount in outcomes_of(handled) if isinstance(amount, int))


async def test_a_delivery_in_2199_is_no_delivery(engine: Engine, hands: Hands) -> None:
    handled = await engine.handle(paid_order().delivered(at=YEAR_2199).inbound_records)
    hands.now = hands.watermark = when(100 * 24 * HOUR)

    assert reasons(handled) == [("in_the_future", "/time", "ord-1")]
    assert await engine._store.earliest_due() is None


async def test_an_early_message_is_refused_again_until_its_time_and_then_accepted(engine: Engine, hands: Hands) -> None:
    story = paid_order().bought(goods=90_000, at=48 * HOUR)
    early = story.last
    at_first = await engine.handle(story.inbound_records)
    still = await engine.handle([replayed(early)], ANN)
    hands.now = when(47 * HOUR)
    in_time = await engine.handle([replayed(early)], ANN)

    assert money(at_first) == {}
    assert [one.refusal.reason for one in still.rejected_again] == ["in_the_future"]
    assert (still.resolved, still.outputs) == (frozenset(), ())
    assert (in_time.facts, in_time.resolved) == (1, {quarantine_ref(early).record})
    assert money(in_time)["purchase"] == 10_010


async def test_an_early_message_is_repaired_with_its_intended_time(engine: Engine) -> None:
    wrong = paid_order().bought(goods=90_000, at=CENTURY).inbound_records
    right = paid_order().bought(goods=90_000, at=3 * HOUR).last
    await engine.handle(wrong)
    mended = await engine.handle([replayed(wrong[-1], again(right))], ANN)

    assert mended.facts == 1
    assert money(mended)["purchase"] == 10_010


@pytest.mark.parametrize("dropped", [False, True], ids=["lying there", "dropped"])
async def test_an_early_message_stays_refused_when_it_is_delivered_again_later(
    engine: Engine, hands: Hands, dropped: bool
) -> None:
    early = Story().placed(at=48 * HOUR, mandate_at=0).inbound_records
    await engine.handle(early)
    if dropped:
        await engine.intervene(ANN._replace(drop=(quarantine_ref(early[0]),)))
    hands.now = when(96 * HOUR)
    delivered_again = await engine.handle(early)

    assert repetitions(delivered_again) == 1
    assert (await engine.handle([again(early[0])])).facts == 1, "another record of it is another record"


async def test_a_fact_that_is_known_stays_known_although_the_clock_went_back(engine: Engine, hands: Hands) -> None:
    story = paid_order()
    await engine.handle(story.inbound_records)
    hands.now = when(-24 * HOUR)

    assert repetitions(await engine.handle([again(one) for one in story])) == 3


async def test_of_two_faults_a_contradiction_is_named_before_the_time(engine: Engine) -> None:
    story = paid_order()
    await engine.handle(story.inbound_records)
    other = Story().add(story.last.decoded.data, at=CENTURY, message="ord-1-e2").last
    refused = await engine.handle([other])

    assert reasons(refused) == [("conflict", "/time", "ord-1")]


async def test_the_others_of_its_batch_and_of_its_order_go_on(engine: Engine) -> None:
    story = paid_order()
    handled = await engine.handle(
        [story.inbound_records[0], paid_order("ord-2").tipped(5, at=CENTURY).last, *story.inbound_records[1:]]
    )

    assert outcomes_of(handled) == [("ord-1", 1, "agreement", "effective")]
    assert reasons(handled) == [("in_the_future", "/time", "ord-2")]
