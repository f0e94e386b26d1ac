"""A deadline that fired stays passed, even if less of the input counts as read now; and no other passes with it."""

from __future__ import annotations

import json

import pytest
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.plan import PlanPart

from service.rules.ids import name_id
from service.rules.ledger import Ledger
from service.rules.unclear import PAYMENT
from tests.orders.stories import Story
from tests.rules.orders import DAY, HOUR, Order, amounts, money, terms, when
from tests.rules.second_opinion.differential import check

ACCEPTANCE = terms(acceptance_days=1, period_counting="hours")


def plan(*balances: tuple[int, int]) -> tuple[PlanPart, ...]:
    """A deposit of 400.00, and balances with their last instants."""
    parts = [PlanPart(part="balance", amount=money(amount), due_at=when(due_at)) for amount, due_at in balances]
    return (PlanPart(part="deposit", amount=money(40_000)), *parts)


def lapsed() -> Order:
    """An order whose deposit is paid, and which lapsed after a day. Then it was 40 o'clock; the input was read until
    25 o'clock, because a topic was held. Its balance is due in between."""
    order = Order(ACCEPTANCE).placed(payment_plan=plan((61_301, 30 * HOUR))).paid(amounts(40_000, 0, 0), at=HOUR)
    return order.decided(40 * HOUR, watermark=25 * HOUR)


def test_a_balance_whose_payment_may_be_unread_does_not_pass_with_the_acceptance() -> None:
    order = lapsed()
    assert order.refunds == [("purchase", 40_000, "pay-1")]
    order.accepted(at=2 * HOUR).bought(deposit=20_000, at=3 * HOUR).decided(41 * HOUR, watermark=25 * HOUR)
    assert order.outcomes("closing") == ["lapsed", "superseded"]
    assert order.due_at == 30 * HOUR
    order.paid(amounts(61_301, 0, 0), "pay-2", at=30 * HOUR).decided(42 * HOUR, watermark=41 * HOUR)
    assert order.outcomes("closing") == ["lapsed", "superseded"]


def test_an_order_that_lapsed_stays_so_while_the_watermark_is_unknown() -> None:
    order = lapsed().cost(5, at=26 * HOUR).decided(41 * HOUR, watermark=-DAY)
    assert order.outcomes("closing") == ["lapsed"]
    assert order.refunds == [("purchase", 40_000, "pay-1")]


def test_a_later_acceptance_that_may_be_unread_does_not_pass_with_an_earlier_one() -> None:
    longer = terms(acceptance_days=2, period_counting="hours")
    order = Order(longer, terms(since=-1, version="shorter", **dict(ACCEPTANCE.values))).placed()
    order.decided(60 * HOUR, watermark=25 * HOUR).placed(at=-HOUR, mandate_at=-HOUR)
    assert order.decided(61 * HOUR, watermark=25 * HOUR).outcomes("closing") == ["lapsed", "superseded"]


def test_a_longer_silence_that_may_be_unread_does_not_pass_with_the_shorter_one() -> None:
    order = Order().placed().accepted().paid().bought().delivered().decided(60 * DAY, watermark=15 * DAY)
    order.placed(at=-HOUR, dissolution_period_days=30).decided(61 * DAY, watermark=15 * DAY)
    assert order.outcomes("receipt") == ["deemed_confirmed", "superseded"]


def test_an_order_that_ended_a_second_time_stays_so_while_the_watermark_is_unknown() -> None:
    order = Order().placed(payment_plan=plan((61_301, 2 * DAY))).accepted().paid(amounts(40_000, 0, 0))
    order.bought(deposit=20_000).unavailable().decided().bought(deposit=20_000).decided(3 * DAY)
    order.cost(5, at=4 * DAY).decided(watermark=-DAY)
    assert order.outcomes("closing") == ["unavailable", "balance_unpaid"]


def test_a_balance_that_was_not_paid_stays_so_while_the_watermark_is_unknown() -> None:
    order = Order().placed(payment_plan=plan((30_000, 2 * DAY), (31_301, 9 * DAY))).accepted()
    order.paid(amounts(40_000, 0, 0)).bought(deposit=20_000).decided(20 * DAY, watermark=3 * DAY)
    order.cost(5, at=4 * DAY).decided(21 * DAY, watermark=-DAY)
    assert order.outcomes("closing") == ["balance_unpaid"]
    late = order.paid(amounts(30_000, 0, 0), "pay-2", at=DAY).decided(22 * DAY, watermark=-DAY)
    assert late.outcomes("closing") == ["balance_unpaid", "superseded"], "the second balance has not passed"


def test_deadlines_before_one_that_fired_have_passed_as_well() -> None:
    """The deposit that the seller names later makes the unpaid balance the end of the order."""
    order = Order().placed(payment_plan=plan((61_301, 2 * DAY))).accepted().paid(amounts(40_000, 0, 0)).bought()
    order.delivered(at=3 * DAY).decided(40 * DAY, watermark=30 * DAY)
    assert order.outcomes("receipt") == ["deemed_confirmed"]
    order.bought(deposit=20_000, at=35 * DAY).decided(41 * DAY, watermark=-DAY)
    assert order.outcomes("closing") == ["balance_unpaid"]


def unpaid_twice() -> Order:
    """An order that ended because its first balance was not paid; then a payment of that balance is received late."""
    order = Order().placed(payment_plan=plan((30_000, 2 * DAY), (31_301, 9 * DAY))).accepted()
    order.paid(amounts(40_000, 0, 0)).bought(deposit=20_000).decided(3 * DAY)
    assert order.outcomes("closing") == ["balance_unpaid"]
    return order.paid(amounts(30_000, 0, 0), "pay-2", at=DAY)


def test_a_record_in_quarantine_holds_up_a_balance_after_an_earlier_one_fired() -> None:
    order = unpaid_twice().decided(10 * DAY, quarantined=(PAYMENT,), quarantined_at=4 * DAY)
    assert order.outcomes("closing") == ["balance_unpaid", "superseded"]
    assert order.decided(11 * DAY).outcomes("closing") == ["balance_unpaid", "superseded", "balance_unpaid"]


@pytest.mark.parametrize(("since", "holds_up"), [(9 * DAY, True), (9 * DAY + 1, False)])
def test_a_record_leaves_a_balance_that_had_passed_before_it_arrived(since: int, holds_up: bool) -> None:
    order = unpaid_twice().decided(10 * DAY).decided(12 * DAY, quarantined=(PAYMENT,), quarantined_at=since)
    assert order.outcomes("closing") == ["balance_unpaid", "superseded"][: 1 + holds_up]


def test_a_record_holds_up_a_balance_that_passed_while_the_order_had_ended_otherwise() -> None:
    order = Order().placed(payment_plan=plan((61_301, 2 * DAY))).accepted().paid(amounts(40_000, 0, 0))
    order.bought(deposit=20_000).unavailable(at=DAY).decided(3 * DAY).bought(deposit=20_000, at=DAY + HOUR)
    order.decided(4 * DAY, quarantined=(PAYMENT,), quarantined_at=3 * DAY)
    assert order.outcomes("closing") == ["unavailable", "superseded"]


def decided_by_0_2(order: Order) -> Order:
    """The same order with the ids of version 0.2, in which there is no last instant."""
    previous = ""
    for nth, output in enumerate(order.outputs):
        if isinstance(output.data, DecisionMade) and output.data.kind == "closing":
            parts = (output.data.TYPE, "closing", "ord-1", output.data.outcome, "", previous)
            previous = name_id("ord-1", *parts)
            order.outputs[nth] = output._replace(id=previous)
    order.ledger = Ledger.EMPTY.after(order.outputs)
    return order


@pytest.mark.parametrize("now", [24 * HOUR, 40 * HOUR])
def test_a_lapse_decided_by_version_0_2_stays_while_the_watermark_is_unknown(now: int) -> None:
    order = Order(ACCEPTANCE).placed().paid(at=HOUR).decided(now, watermark=24 * HOUR + 1)
    decided_by_0_2(order).cost(5, at=41 * HOUR).decided(watermark=-DAY)
    assert order.outcomes("closing") == ["lapsed"]


def test_no_deadline_after_a_decision_of_version_0_2_passes_with_it() -> None:
    order = decided_by_0_2(unpaid_twice()).decided(10 * DAY, watermark=-DAY)
    assert order.outcomes("closing") == ["balance_unpaid", "superseded"]


def test_a_payment_at_the_last_instant_of_a_balance_is_in_time_after_another_fired() -> None:
    story = Story().placed(payment_plan=plan((30_000, 10 * DAY), (31_301, 20 * DAY))).accepted()
    story.paid(amounts(40_000, 0, 0)).bought().bought(deposit=20_000, at=20 * DAY)
    story.paid(amounts(30_000, 0, 0), "pay-2", at=5 * DAY).paid(amounts(31_301, 0, 0), "pay-3", at=20 * DAY)
    assert check([json.loads(one.value) for one in story], []) == []
