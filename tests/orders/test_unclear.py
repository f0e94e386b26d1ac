"""F5, live: what waits while a record of the order lies in quarantine, by its topic, and that it goes on afterwards."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from purchasing_contracts.events.order import Promotion
from purchasing_contracts.plan import PlanPart

from service.orders.engine import Engine
from service.rules.facts import instant
from service.rules.terms import TermsBook
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.orders.hands import DELIVERED, Hands
from tests.orders.published import outcomes_of
from tests.orders.stories import ANN, Story, paid_order, quarantine_ref, record
from tests.rules.happenings import HOUR, amounts, money, when
from tests.rules.orders import terms

ORDER, PAYMENT, WAREHOUSE, SELLER, CHARGEBACK = TOPICS = tuple(
    f"purchasing.events.{name}.v1"
    for name in ("order", "payment", "warehouse-receipt", "seller-response", "chargeback")
)
MUCH_LATER = timedelta(days=60)

pytestmark = pytest.mark.usefixtures("hands")


class Matter(NamedTuple):
    """A row of F5: an order that it concerns, what waits (as of `outcomes_of`), and the topics whose records bar it."""

    story: Callable[[], Story]
    waits: tuple[str, Any]
    barred_by: frozenset[str]


def with_a_balance() -> Story:
    plan = (
        PlanPart(part="deposit", amount=money(40_000)),
        PlanPart(part="balance", amount=money(61_301), due_at=when(20 * HOUR)),
    )
    story = Story().placed(payment_plan=plan).accepted().paid(amounts(goods=40_000, shipping=0, fee=0))
    return story.bought(deposit=40_000)


def with_a_promotion() -> Story:
    promotion = Promotion(promoter_id="prm-5", basis="goods", rate_bps=250)
    return Story().placed(promotion=promotion).accepted().paid().bought().received()


MATTERS = {
    "cancellation": Matter(
        lambda: paid_order().asks_to_cancel(), ("cancellation", "agreed"), frozenset({SELLER, WAREHOUSE})
    ),
    "withdrawal": Matter(
        lambda: Story().placed().asks_to_cancel(), ("cancellation", "withdrawn"), frozenset({SELLER, WAREHOUSE})
    ),
    "lapse": Matter(lambda: Story().placed(), ("closing", "lapsed"), frozenset({SELLER, WAREHOUSE, ORDER})),
    "deemed receipt": Matter(
        lambda: paid_order().bought().received().delivered(at=DELIVERED),
        ("receipt", "deemed_confirmed"),
        frozenset({ORDER}),
    ),
    "balance unpaid": Matter(with_a_balance, ("closing", "balance_unpaid"), frozenset({PAYMENT, CHARGEBACK})),
    "deduction": Matter(
        lambda: paid_order().bought().received().charged_back(101_301, at=DELIVERED),
        ("chargeback:cb-1", 101_301),
        frozenset({PAYMENT, CHARGEBACK}),
    ),
    "brokerage": Matter(with_a_promotion, ("brokerage", 2_500), frozenset(TOPICS) - {ORDER}),
}


async def engine_with(store: Any, **values: Any) -> Engine:
    """An engine whose platform declared these terms before the story begins."""
    declared = terms(**values)
    if isinstance(store, PostgresStore):
        # Long ago by the story's clock is in the past by the database's, where no set may begin.
        await store.fetch("alter table terms disable trigger user")
        effective_from = instant(declared.effective_from)
        row = declared.provider_id, declared.version, effective_from, json.dumps(dict(declared.values))
        await store.fetch("insert into terms values ($1, $2, $3, $4, $3::timestamptz - interval '1 day')", *row)
    return Engine(store, FixedTerms(TermsBook.of(declared)), deciding_is_publishing=True)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("matter", MATTERS.values(), ids=list(MATTERS))
async def test_a_record_bars_what_its_topic_may_bear_on_until_it_is_dealt_with(
    store: Any, hands: Hands, matter: Matter, topic: str
) -> None:
    engine = await engine_with(store, acceptance_days=3)
    bad = record(b"{", key=b"ord-1", topic=topic)
    at_once = await engine.handle([*matter.story(), bad])
    hands.now += MUCH_LATER
    hands.watermark = hands.now
    later = await engine.fire_due()
    released = await engine.intervene(ANN._replace(drop=(quarantine_ref(bad),)))

    before = [one[2:] for one in outcomes_of(at_once, later)]
    after = [one[2:] for one in outcomes_of(released)]
    if topic in matter.barred_by:
        assert (matter.waits in before, matter.waits in after) == (False, True)
    else:
        assert (matter.waits in before, after) == (True, [])


async def test_a_record_bars_no_longer_than_the_days_that_the_terms_set(store: Any, hands: Hands) -> None:
    engine = await engine_with(store, quarantine_days=2)
    bad = record(b"{", key=b"ord-1", topic=SELLER)
    at_once = await engine.handle([*paid_order().asks_to_cancel(), bad])
    # It came on 3 March, 03:00 Beijing time: the second day after is Thursday, 5 March, and ends at 24:00 (R14).
    hands.now = hands.watermark = datetime(2026, 3, 5, 16, tzinfo=UTC)
    in_time = await engine.fire_due()
    hands.now = hands.watermark = hands.now + timedelta(microseconds=1)
    passed = await engine.fire_due()

    assert ("cancellation", "pending") in [one[2:] for one in outcomes_of(at_once)]
    assert outcomes_of(in_time) == []
    assert ("cancellation", "agreed") in [one[2:] for one in outcomes_of(passed)]
