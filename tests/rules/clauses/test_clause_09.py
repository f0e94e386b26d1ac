"""Clause 9: the seller can't sell."""

from collections.abc import Callable

import pytest
from purchasing_contracts.events.seller_response import PurchaseConfirmed, PurchaseUnavailable

from tests.rules.orders import HOUR, Order, amounts, lamp, money


@pytest.mark.parametrize("reason", ["ceased", "out_of_stock", "price_changed"])
def test_unavailable_goods_give_everything_back_and_keep_neither_fee_nor_costs(reason: str) -> None:
    quote = amounts(own=500)
    order = Order().placed(quote=quote).accepted().paid(quote).cost(900).unavailable(reason).decided()
    assert order.stands("agreement") == ("effective", ["2"])
    assert order.refunds == [("purchase", 101_801, "pay-1")]
    assert order.refund_clauses() == ["9", "10"]
    assert order.outcomes("buyer_owes") == []


@pytest.mark.parametrize(("at", "outcomes"), [(5 * HOUR - 1, ["rescinded"]), (5 * HOUR, []), (5 * HOUR + 1, [])])
def test_goods_that_were_received_are_not_unavailable_any_more(at: int, outcomes: list[str]) -> None:
    order = Order().placed().accepted().paid().bought().received(at=5 * HOUR).unavailable(at=at).decided()
    assert order.outcomes("unavailability", "e06") == outcomes
    assert order.outcomes("fact", "e06") == ([] if outcomes else ["ignored"])
    assert order.outcomes("closing") == []  # what arrives all the same is bought again
    assert order.refunds == []


def test_rescinded_goods_give_back_the_sellers_money_with_the_fee_on_it() -> None:
    order = Order().placed().accepted().paid().bought().unavailable().decided()
    assert order.stands("closing") == ("unavailable", ["9", "10"])
    assert order.refunds == []
    assert order.seller_refunds(101_200).decided().refunds == [("purchase", 101_301, "pay-1")]


def test_a_purchase_after_the_goods_were_unavailable_counts_for_nothing() -> None:
    order = Order().placed().accepted().paid().unavailable().bought(90_000, 1_000).asks_to_cancel().decided()
    assert order.refunds == [("purchase", 101_301, "pay-1")]
    assert order.stands("cancellation", "can-1") == ("moot", ["9", "10"])


def test_a_purchase_received_late_but_made_before_the_goods_were_unavailable_counts() -> None:
    order = Order().placed().accepted().paid().unavailable(at=20 * HOUR).asks_to_cancel(at=10 * HOUR).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed"]
    order.bought(at=8 * HOUR).decided()
    assert order.outcomes("cancellation", "can-1") == ["agreed", "moot"]
    assert order.outcomes("repayment_demand", "purchase") == [
        "demanded 101200"
    ]  # the seller has the price, and its fee


@pytest.mark.parametrize(("message", "counts"), [("a", True), ("z", True)])
def test_of_a_purchase_and_its_opposite_in_one_instant_the_purchase_comes_first(message: str, counts: bool) -> None:
    order = Order().placed().accepted().paid()
    order.add(PurchaseUnavailable(reason="ceased"), at=9 * HOUR, message="m")
    bought = PurchaseConfirmed(purchase_id="p", goods=money(90_000), to_warehouse_shipping=money(0))
    order.add(bought, at=9 * HOUR, message=message).refused("restricted", at=9 * HOUR).decided()
    # A purchase that counts makes the refusal of the same instant count for nothing.
    assert order.outcomes("agreement") == (["effective"] if counts else ["refused"])


@pytest.mark.parametrize(
    ("at", "asked", "refunded"),
    [
        (5 * HOUR - 1, ("agreed", ["12(1)A", "12(3)"]), 101_200),
        (5 * HOUR, ("moot", ["9", "10"]), 101_301),
        (5 * HOUR + 1, ("moot", ["9", "10"]), 101_301),
    ],
)
def test_the_earlier_ground_to_refund_closes_the_order_and_ties_go_to_clause_9(
    at: int, asked: tuple[str, list[str]], refunded: int
) -> None:
    order = Order().placed().accepted().paid().unavailable(at=5 * HOUR).asks_to_cancel(at=at).decided()
    assert order.stands("cancellation", "can-1") == asked
    assert order.refunded() == refunded


def test_two_grounds_to_refund_at_once_refund_once() -> None:
    order = Order().placed(address=None).accepted().paid().refused(at=0).unavailable(at=0).asks_to_cancel(at=0)
    assert order.decided().refunds == [("purchase", 101_301, "pay-1")]
    assert order.outcomes("agreement") == []
    assert order.stands("closing") == ("unavailable", ["9", "10"])
    assert order.stands("cancellation", "can-1") == ("moot", ["9", "10"])


def test_a_withdrawal_at_the_instant_the_goods_become_unavailable_is_moot() -> None:
    order = Order().placed().paid().unavailable(at=9 * HOUR).asks_to_cancel(at=9 * HOUR).decided()
    assert order.stands("cancellation", "can-1") == ("moot", ["9", "10"])


def test_a_second_unavailability_finds_nothing_where_nothing_arrived() -> None:
    order = Order().placed(items=(lamp(), lamp())).accepted().paid().unavailable(items={"2": None}).bought()
    order.unavailable(message="again").decided()
    assert order.decision("fact", "again").ground == "no_units"


@pytest.mark.parametrize("arrives", [Order.received, Order.clears_customs])
def test_goods_that_arrived_or_left_the_country_stay_bought(arrives: Callable[[Order], Order]) -> None:
    order = arrives(Order().placed().accepted().paid().bought()).unavailable(message="late").decided()
    assert order.decision("fact", "late").ground == "received"
