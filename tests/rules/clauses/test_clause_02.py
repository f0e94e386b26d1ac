"""Clause 2: when the agreement is effective, what prevents it, refusals and withdrawals."""

from collections.abc import Callable

import pytest
from purchasing_contracts.events.order import IssueDisclosed

from tests.rules.orders import HOUR, Order, amounts

HALF, REST = amounts(goods=50_000, shipping=0, fee=0), amounts(goods=50_000)


def effective_with_the_last_step(last: str) -> Order:
    """Return an order whose last step towards the agreement comes at the ninth hour."""
    order = Order()
    late = {"placed": 0, "accepted": 1, "paid": 2, "topped up": 3}[last]
    hours = [9 if step == late else step for step in range(4)]
    order.placed(at=hours[0] * HOUR).accepted(at=hours[1] * HOUR)
    return order.paid(HALF, "pay-1", at=hours[2] * HOUR).paid(REST, "pay-2", at=hours[3] * HOUR)


@pytest.mark.parametrize("last", ["placed", "accepted", "paid", "topped up"])
@pytest.mark.parametrize(
    ("at", "asked", "refunded"),
    [
        (9 * HOUR - 1, ("withdrawn", ["2"]), 101_301),
        (9 * HOUR, ("agreed", ["12(1)A", "12(3)"]), 101_200),
        (9 * HOUR + 1, ("agreed", ["12(1)A", "12(3)"]), 101_200),
    ],
)
def test_the_agreement_is_effective_from_the_last_of_its_three_conditions(
    last: str, at: int, asked: tuple[str, list[str]], refunded: int
) -> None:
    order = effective_with_the_last_step(last).asks_to_cancel(at=at).decided()
    if last == "placed" and at < 9 * HOUR:
        # What is dated before the order was placed takes effect when it was.
        asked, refunded = ("agreed", ["12(1)A", "12(3)"]), 101_200
    assert order.stands("cancellation", "can-1") == asked
    assert order.refunded() == refunded
    assert order.outcomes("agreement") == (["effective"] if asked[0] == "agreed" else [])


def test_the_agreement_cites_clause_2() -> None:
    assert Order().placed().accepted().paid().decided().stands("agreement") == ("effective", ["2"])


def test_less_than_the_quote_is_short_paid_until_it_is_topped_up() -> None:
    order = Order().placed().accepted().paid(HALF).decided()
    assert order.stands("agreement") == ("short_paid", ["2"])
    assert order.paid(REST, "pay-2").decided().outcomes("agreement") == ["short_paid", "effective"]
    assert order.refunds == []


@pytest.mark.parametrize(
    ("fee", "outcomes"), [(0, "short_paid"), (1, "short_paid"), (100, "short_paid"), (101, "effective")]
)
def test_anything_but_less_than_the_quote_is_short_paid(fee: int, outcomes: str) -> None:
    quote = amounts(goods=1_000, shipping=0, fee=101)
    order = Order().placed(quote=quote).accepted().paid(amounts(goods=1_000, shipping=0, fee=fee)).decided()
    assert order.outcomes("agreement") == [outcomes]


@pytest.mark.parametrize(
    ("story", "why"),
    [
        (Order().placed(), "nothing but the request"),
        (Order().placed().accepted(), "nothing paid"),
        (Order().placed().paid(), "not accepted"),
        (Order().placed().paid(HALF), "neither accepted nor paid in full"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_agreement_still_in_the_making_is_not_spoken_of(story: Order, why: str) -> None:
    assert story.decided().outcomes("agreement") == [], why


def test_fees_paid_to_third_parties_alone_are_short_of_the_quote_too() -> None:
    order = Order().placed(quote=amounts(third=300)).accepted().paid(amounts(0, 0, 0, third=300)).decided()
    assert order.outcomes("agreement") == ["short_paid"]


def test_an_order_whose_quote_is_nothing_is_effective_on_acceptance() -> None:
    order = Order().placed(quote=amounts(0, 0, 0)).accepted().decided()
    assert order.stands("agreement") == ("effective", ["2"])


def test_a_short_paid_agreement_no_longer_applies_once_the_order_has_ended() -> None:
    order = Order().placed().accepted().paid(HALF).decided()
    order.asks_to_cancel().unavailable().decided()
    assert order.outcomes("agreement") == ["short_paid", "superseded"]
    assert order.outcomes("cancellation", "can-1") == ["withdrawn"]
    assert order.refunds == [("purchase", 50_000, "pay-1")]


def test_a_withdrawal_counts_however_late_where_the_order_never_became_effective() -> None:
    order = Order().placed(deadline=HOUR).paid().asks_to_cancel(at=1_000 * HOUR).decided()
    assert order.stands("cancellation", "can-1") == ("withdrawn", ["2"])
    assert order.refund_clauses() == ["2"]


@pytest.mark.parametrize(
    ("ground", "clauses", "refunded"),
    [
        ("other", ["24"], 101_301),
        ("special_request", ["3"], 101_301),
        ("prohibited", ["14"], 100_401),
        ("restricted", ["15(5)"], 100_401),
    ],
)
def test_a_refusal_cites_its_ground_and_only_14_and_15_keep_the_costs(
    ground: str, clauses: list[str], refunded: int
) -> None:
    order = Order().placed().accepted().paid().cost(900).refused(ground).decided()
    outcome, cited = order.stands("agreement")
    assert outcome == "refused"
    assert cited[:1] == clauses
    assert order.refunds == [("purchase", refunded, "pay-1")]
    assert order.refund_clauses() == clauses


def test_the_costs_of_refused_goods_beyond_the_money_there_is_are_owed() -> None:
    order = Order().placed().accepted().paid(HALF).cost(50_001).refused("restricted").decided()
    assert order.refunds == []
    assert order.outcomes("repayment_demand", "purchase") == []
    assert order.outcomes("buyer_owes") == ["noted 1"]
    assert order.stands("buyer_owes")[1] == ["15(5)"]


@pytest.mark.parametrize(
    ("at", "agreement", "refunded"),
    [(5 * HOUR - 1, "refused", 101_301), (5 * HOUR, "effective", 0), (5 * HOUR + 1, "effective", 0)],
)
def test_a_refusal_as_of_or_after_a_purchase_counts_for_nothing(at: int, agreement: str, refunded: int) -> None:
    order = Order().placed().accepted().paid().bought(at=5 * HOUR).refused(at=at).decided()
    assert order.outcomes("agreement") == [agreement]
    assert order.refunded() == refunded


def test_only_the_earliest_refusal_counts() -> None:
    order = Order().placed().accepted().paid().cost(900).refused("other").refused("restricted").decided()
    assert order.stands("agreement") == ("refused", ["24"])
    assert order.decision("fact", "e06").ground == "repeated"
    assert order.refunded() == 101_301


@pytest.mark.parametrize(
    ("at", "agreement", "asked", "refunded"),
    [
        (5 * HOUR - 1, ["refused"], ("moot", ["3"]), 101_301),
        (5 * HOUR, ["refused"], ("moot", ["3"]), 101_301),
        (5 * HOUR + 1, ["effective"], ("agreed", ["12(1)A", "12(3)"]), 101_200),
    ],
)
def test_a_refusal_after_another_closing_is_ignored_and_wins_a_tie(
    at: int, agreement: list[str], asked: tuple[str, list[str]], refunded: int
) -> None:
    order = Order().placed().accepted().paid().asks_to_cancel(at=5 * HOUR)
    order.refused("special_request", at=at).decided()
    assert order.outcomes("agreement") == agreement
    assert order.stands("cancellation", "can-1") == asked
    assert order.refunded() == refunded


def test_a_refusal_before_the_agreement_makes_every_later_request_come_too_early() -> None:
    order = Order().placed().refused(at=HOUR).accepted().paid()
    order.asks_to_dissolve().asks_to_cancel("can-2", channel="other").asks_to_cancel("can-3").decided()
    assert order.stands("dissolution", "dis-1") == ("refused", ["2"])
    assert order.stands("cancellation", "can-2") == ("refused", ["12(2)"])
    assert order.stands("cancellation", "can-3") == ("moot", ["2"])


def test_a_refusal_of_an_effective_order_leaves_requests_their_own_judgement() -> None:
    order = Order().placed(deadline=5 * HOUR).accepted().paid().asks_to_dissolve(at=7 * HOUR)
    order.asks_to_cancel("can-1", at=8 * HOUR).refused("special_request", at=6 * HOUR).decided()
    assert order.stands("dissolution", "dis-1") == ("moot", ["3"])
    assert order.stands("cancellation", "can-1") == ("refused", ["12(2)"])


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (5 * HOUR - 1, ("invalid", ["1(2)"])),
        (5 * HOUR, ("invalid", ["1(2)"])),
        (5 * HOUR + 1, ("invalid", ["1(2)"])),
    ],
)
def test_a_missing_mandate_ends_the_order_before_any_refusal(at: int, outcome: tuple[str, list[str]]) -> None:
    order = Order().placed(at=5 * HOUR, mandate_at=None).refused("special_request", at=at).paid().decided()
    assert order.stands("agreement") == outcome


@pytest.mark.parametrize(
    ("at", "outcomes", "clauses"),
    [(2 * HOUR - 1, [], ["9", "10"]), (2 * HOUR, [], ["9", "10"]), (2 * HOUR + 1, ["effective"], ["9", "10"])],
)
def test_goods_unavailable_by_then_prevent_the_agreement(at: int, outcomes: list[str], clauses: list[str]) -> None:
    order = Order().placed().accepted().paid(at=2 * HOUR).unavailable(at=at).decided()
    assert order.outcomes("agreement") == outcomes
    assert order.refund_clauses() == clauses
    assert order.refunded() == 101_301


def test_a_request_after_the_goods_were_unavailable_is_moot() -> None:
    order = Order().placed().unavailable(at=1).accepted().paid().asks_to_cancel().decided()
    assert order.stands("cancellation", "can-1") == ("moot", ["9", "10"])


def test_a_cancellation_that_needs_the_agreement_does_not_prevent_it() -> None:
    order = Order().placed().accepted().paid(at=2 * HOUR).asks_to_cancel(at=2 * HOUR).decided()
    assert order.outcomes("agreement") == ["effective"]
    assert order.outcomes("cancellation", "can-1") == ["agreed"]


def test_an_earlier_withdrawal_received_late_supersedes_the_agreement() -> None:
    order = Order().placed().accepted().paid(at=2 * HOUR).decided().asks_to_cancel(at=HOUR).decided()
    assert order.outcomes("agreement") == ["effective", "superseded"]
    assert order.stands("agreement") == ("superseded", ["2"])
    assert order.refunds == [("purchase", 101_301, "pay-1")]


def test_an_order_quoted_at_no_goods_is_effective_without_the_fee_on_them() -> None:
    order = Order().placed(quote=amounts(goods=0, shipping=0, third=300)).accepted().decided()
    assert order.outcomes("agreement") == []
    assert order.paid(amounts(goods=0, shipping=0, fee=0, third=300)).decided().outcomes("agreement") == ["effective"]


@pytest.mark.parametrize(
    ("build", "agreement"),
    [
        (lambda order: order.seller_refunds(101_200, at=20 * HOUR), []),
        (
            lambda order: order.add(IssueDisclosed.model_validate({"grounds": ("defective",)}), 20 * HOUR),
            ["effective"],
        ),
        (lambda order: order.refunded_elsewhere(5, line="tip:tip-1", at=20 * HOUR), ["effective"]),
        (lambda order: order.verified(objection="never-raised", at=20 * HOUR), []),
        (lambda order: order.charged_back(5, at=8 * HOUR).charged_back(5, at=20 * HOUR), []),
    ],
    ids=["no place", "an issue", "refunded elsewhere", "of no effect", "the same chargeback again"],
)
def test_the_agreement_is_tested_at_each_fact_that_has_a_place_on_the_timeline(
    build: Callable[[Order], Order], agreement: list[str]
) -> None:
    # Nothing was paid, and nothing is needed once the seller has given everything back, which has no place itself.
    order = Order().placed().accepted().bought(at=9 * HOUR).seller_refunds(101_200, "back-0", at=10 * HOUR)
    assert build(order).decided(30 * HOUR).outcomes("agreement") == agreement
