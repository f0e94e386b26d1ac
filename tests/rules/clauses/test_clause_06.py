"""Clause 6: what the buyer pays for, and what of it goes back while nothing closes the order."""

import pytest
from purchasing_contracts.events.payment import TipPaid
from purchasing_contracts.events.seller_response import PurchaseConfirmed
from purchasing_contracts.money import Breakdown

from tests.rules.orders import HOUR, Order, amounts, money

OWN = amounts(own=500)


@pytest.mark.parametrize(
    ("quote", "paid", "bought", "returned", "due"),
    [
        # quote, paid, the seller's goods and shipping, what it gave back, due to the buyer
        (amounts(), amounts(), (100_000, 1_200), 0, 0),
        (amounts(), amounts(), (90_000, 1_000), 0, 101_301 - 91_000 - 91),
        (amounts(), amounts(), (100_000, 1_201), 0, 0),  # the fee on it is 101 too, and 1 too little was collected
        (amounts(), amounts(), (150_000, 1_200), 0, 0),  # charged more: the buyer owes nothing (9)
        (amounts(), amounts(), (0, 0), 0, 101_301),
        (amounts(), amounts(), (100_000, 1_200), 20_000, 101_301 - 81_200 - 81),
        (amounts(), amounts(), (100_000, 1_200), 500_000, 101_301),  # the basis is at least nothing
        (amounts(), amounts(fee=150), (100_000, 1_200), 0, 49),  # more fee than agreed
        (amounts(), amounts(goods=110_000), (105_000, 1_200), 0, 10_000),  # never less than above the quote
        (amounts(), amounts(goods=110_000), (90_000, 1_200), 0, 111_301 - 91_200 - 91),
        (amounts(), OWN, (100_000, 1_200), 0, 500),  # a fee never agreed
        (amounts(), amounts(goods=99_000, own=1_000), (100_000, 1_200), 0, 0),  # however the institution splits it
        (OWN, OWN, (100_000, 1_200), 0, 0),
        (OWN, amounts(own=700), (90_000, 1_200), 0, 101_301 - 91_200 - 91 + 200),
        (OWN, amounts(fee=601), (100_000, 1_200), 0, 0),  # however the institution splits it
        (amounts(), amounts(third=300), (100_000, 1_200), 0, 0),
        (amounts(third=300), amounts(third=300), (90_000, 1_200), 0, 101_301 - 91_200 - 91),
    ],
)
def test_money_above_the_sellers_price_and_the_fee_on_it_is_refunded(
    quote: Breakdown, paid: Breakdown, bought: tuple[int, int], returned: int, due: int
) -> None:
    order = Order().placed(quote=quote).accepted().paid(paid).bought(*bought)
    if returned:
        order.seller_refunds(returned)
    assert order.decided().refunds == ([("purchase", due, "pay-1")] if due else [])
    if due:
        assert order.refund_clauses() == ["6(1)", "10"]


@pytest.mark.parametrize(
    ("quote", "paid", "due"),
    [
        (amounts(), amounts(), 0),
        (amounts(), amounts(goods=100_001), 1),
        (amounts(), amounts(goods=99_999, own=2), 1),
        (amounts(), amounts(third=300), 0),
        (amounts(third=300), amounts(goods=100_300), 0),
    ],
)
def test_money_above_the_quote_is_refunded_before_anything_is_purchased(
    quote: Breakdown, paid: Breakdown, due: int
) -> None:
    order = Order().placed(quote=quote).accepted().paid(paid).decided()
    assert order.refunds == ([("purchase", due, "pay-1")] if due else [])
    if due:
        assert order.refund_clauses() == ["6"]


def test_a_payment_made_twice_goes_back_though_the_order_was_never_accepted() -> None:
    order = Order().placed().paid().paid(payment_id="pay-2").decided()
    assert order.refunds == [("purchase", 101_301, "pay-2")]


def test_a_corrected_price_refunds_more_or_demands_the_difference() -> None:
    order = Order().placed().accepted().paid().bought(90_000, 1_000).decided()
    order.bought(80_000, 1_000).decided()
    assert order.refunds == [("purchase", 10_210, "pay-1"), ("purchase", 10_010, "pay-1")]
    order.bought(90_000, 1_000).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 10010"]
    assert order.stands("repayment_demand", "purchase")[1] == ["6(1)", "10"]


def test_an_earlier_price_received_after_its_correction_changes_nothing() -> None:
    order = Order().placed().accepted().paid().bought(80_000, 1_000, at=20 * HOUR).decided()
    assert order.bought(90_000, 1_000, at=10 * HOUR).decided().refunds == [("purchase", 20_220, "pay-1")]


def test_money_in_another_currency_counts_for_nothing() -> None:
    order = Order().placed().accepted().paid(amounts(currency="USD")).decided()
    assert order.outcomes("agreement") == []
    assert order.refunds == []
    assert order.stands("foreign_currency", "e03") == ("unconverted", ["6"])


def test_a_foreign_tip_is_unconverted_and_neither_refunded_nor_counted_as_paid() -> None:
    order = Order().placed().accepted().paid()
    order.add(TipPaid(tip_id="tip-1", payment_id="pay-tip", amount=money(90_000, "EUR")), message="m-7")
    order.asks_tip_back().decided()
    assert order.refunds == []
    assert order.outcomes("tip_refund", "tip-1") == ["agreed"]
    assert order.outcomes("foreign_currency", "m-7") == ["unconverted 90000"]


def test_two_foreign_messages_that_share_an_id_are_one_decision() -> None:
    order = Order().placed()
    for source in ("/a", "/b"):
        order.add(TipPaid(tip_id="t", payment_id="p", amount=money(9, "EUR")), source=source, message="m-7")
    assert order.decided().outcomes("foreign_currency", "m-7") == ["unconverted 9"]


def test_the_earliest_placing_sets_the_currency_though_it_was_received_last() -> None:
    order = Order().placed(at=10).accepted().paid()
    order.placed(at=5, currency="USD", quote=amounts(currency="USD")).decided()
    assert order.outcomes("fact", "e01") == ["ignored"]
    assert order.outcomes("foreign_currency", "e03") == ["unconverted 101301"]
    assert order.outcomes("agreement") == []


def test_a_purchase_in_another_currency_is_a_purchase_all_the_same() -> None:
    order = Order().placed().accepted().paid()
    order.add(PurchaseConfirmed(purchase_id="p", goods=money(1, "USD"), to_warehouse_shipping=money(1, "USD")))
    assert order.asks_to_cancel().decided().stands("cancellation", "can-1") == ("pending", ["12(1)B"])
