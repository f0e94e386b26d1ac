"""Clause 8: purchases of parts, the seller's money, and the answer to reports that change nothing (8(3), 8(4))."""

from collections.abc import Callable

import pytest
from purchasing_contracts.decisions import DecisionMade

from tests.rules.orders import HOUR, Order, amounts, lamp, money


def two_items() -> Order:
    """Return an order of 60 units at 10.00 and 40 units at 10.00, accepted and paid."""
    items = (lamp(quantity=60, unit_price=money(1_000)), lamp(quantity=40, unit_price=money(1_000)))
    return Order().placed(items=items).accepted().paid()


def test_a_second_purchase_adds_to_the_first() -> None:
    order = two_items().bought(60_600, 0, items={"1": None}).decided()
    order.bought(39_400, 1_200, purchase="pur-2", items={"2": None}).decided()
    assert order.refunds == []


def test_the_price_rise_of_one_item_is_not_paid_with_the_money_of_another() -> None:
    order = two_items().bought(62_000, 1_200, items={"1": None}).decided()
    assert order.refunds == []
    order.unavailable(items={"2": None}).decided()
    assert order.refunds == [("purchase", 40_038, "pay-1")]
    assert order.refund_clauses() == ["6(1)", "10", "9"]
    assert order.outcomes("closing") == []


def test_a_revised_quote_keeps_the_supplement_that_was_paid_for_it() -> None:
    order = Order().placed().accepted().paid().decided().requoted(amounts(110_000, 1_200, 111)).decided()
    assert order.outcomes("order_amount") == ["outstanding 10010"]
    order.paid(amounts(10_000, 0, 10), "pay-2").decided()
    assert order.outcomes("order_amount") == ["outstanding 10010", "settled"]
    assert order.refunds == []
    order.bought(108_000, 1_200).decided()
    assert order.refunds == [("purchase", 2_002, "pay-2")]


def test_a_quantity_beyond_what_there_is_counts_as_those_there_are() -> None:
    order = two_items().bought(items={"1": 70, "9": None}).asks_to_cancel(items={"2": 500}).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed"]
    assert order.stands("cancellation", "can-1")[1] == ["12(1)A", "12(3)"]


def test_a_part_cancelled_after_purchase_gives_its_share_less_the_penalty() -> None:
    order = two_items().bought().asks_to_cancel(items={"2": 10}).seller_cancels(penalty=500).decided()
    assert order.refunds == [("purchase", 9_500, "pay-1")]
    assert order.refund_clauses() == ["6(1)", "10", "12(1)B", "12(3)", "12(5)"]
    order.seller_refunds(9_500, request="can-1").decided()
    assert order.refunded() == 9_500


def test_a_refusal_after_the_sellers_yes_makes_the_units_bought_again() -> None:
    order = two_items().bought().asks_to_cancel(items={"2": 10}).seller_cancels(penalty=500).decided()
    order.seller_wont_cancel(reason="damaged_in_return").decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 9500"]
    assert order.stands("repayment_demand", "purchase")[1] == ["6(1)", "10", "12(6)"]
    assert order.outcomes("cancellation", "can-1") == ["agreed", "refused"]


def test_a_million_units_are_as_quick_as_one() -> None:
    items = (lamp(quantity=10**12, unit_price=money(1)),)
    order = Order().placed(items=items).accepted().paid().bought(items={"1": 10**11})
    order.asks_to_cancel(items={"1": 10**11}).received(items={"1": 5}).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed"]


def test_the_sellers_money_beyond_what_was_paid_waits_for_confirmation() -> None:
    order = Order().placed().accepted().paid().bought().received().seller_refunds(303_600).decided()
    assert order.refunds == [("purchase", 101_301, "pay-1")]
    assert order.outcomes("seller_excess") == ["noted 202400"]
    assert order.stands("seller_excess")[1] == ["8(4)"]
    order.excess_approved(202_400).decided()
    assert order.refunds[1:] == [("purchase", 202_400, "buyer_account")]
    assert order.outcomes("seller_excess") == ["noted 202400", "settled"]


def effective() -> Order:
    return Order().placed().accepted().paid()


IGNORED: dict[str, tuple[Callable[[], Order], str, list[str]]] = {
    "bought after it had ended": (lambda: effective().unavailable().bought(), "order_ended", ["8(3)", "9", "10"]),
    "refused after a purchase": (lambda: effective().bought().refused(), "purchased", ["8(3)"]),
    "unavailable after receipt": (lambda: effective().bought().received().unavailable(), "received", ["8(3)", "16"]),
    "a purchase of an item that isn't there": (lambda: effective().bought(items={"9": None}), "no_units", ["8(3)"]),
    "an answer after the request was taken back": (
        lambda: effective().bought().asks_to_cancel().takes_back().seller_cancels(),
        "request_ended",
        ["8(3)", "12"],
    ),
    "a request taken back that was decided": (
        lambda: effective().asks_to_cancel().takes_back(),
        "request_ended",
        ["8(3)", "12(1)A", "12(3)"],
    ),
    "the same payment with another amount": (lambda: effective().paid(amounts(5)), "repeated", ["8(3)"]),
    "proceeds for no chargeback": (lambda: effective().goods_sold(5, chargeback_id=None), "unused", ["8(3)"]),
    "a tip's refund taken back": (lambda: effective().tipped(5).takes_back("tip-1"), "unused", ["8(3)"]),
}


@pytest.mark.parametrize("story", IGNORED)
def test_a_report_that_changes_nothing_is_answered_with_why(story: str) -> None:
    build, ground, clauses = IGNORED[story]
    order = build()
    last = order.facts[-1].id
    decision = order.decided().decision("fact", last)
    assert (decision.outcome, decision.ground, decision.audience) == ("ignored", ground, "provider")
    assert [basis.clause for basis in decision.basis] == clauses
    assert len([one for one in order.of(DecisionMade) if one.kind == "fact"]) == 1


def test_a_message_about_something_unknown_is_not_reported() -> None:
    order = effective().seller_cancels("unknown").takes_back("unknown").deposit_pays(5, "unknown")
    order.chargeback_ends(chargeback_id="unknown").hold_refused("unknown").decided()
    assert [one.kind for one in order.of(DecisionMade)] == ["agreement"]


def test_a_purchase_that_counts_makes_the_order_effective_without_acceptance() -> None:
    order = Order().placed().paid(amounts(50_000, 0, 0)).bought(at=9 * HOUR).decided()
    assert order.outcomes("agreement") == ["effective"]
    assert order.outcomes("order_amount") == ["outstanding 51301"]


def test_a_revision_that_changes_nothing_is_named_by_the_message_that_counts() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().requoted(amounts(currency="USD")).decided()
    refs = [one.ref for one in order.of(DecisionMade) if one.kind == "fact"]
    assert refs == []
    order.requoted(amounts()).decided()
    refs = [one.ref for one in order.of(DecisionMade) if one.kind == "fact"]
    assert refs == ["e06"]
