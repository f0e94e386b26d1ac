"""Clause 10: the service fee is a share of what the seller actually charged, rounded half up."""

from fractions import Fraction

import pytest

from tests.rules.orders import Order, amounts, lamp, money, terms


@pytest.mark.parametrize(
    ("rate", "price", "fee"),
    [
        (Fraction(1, 1000), 499, 0),
        (Fraction(1, 1000), 500, 1),
        (Fraction(1, 1000), 501, 1),
        (Fraction(1, 1000), 1_499, 1),
        (Fraction(1, 1000), 1_500, 2),
        (Fraction(1, 1000), 2_500, 3),  # half up, not half to even
        (Fraction(1, 1000), 0, 0),
        (Fraction(2, 1000), 101_200, 202),
        (Fraction(2, 1000), 101_250, 203),
        (Fraction(0), 101_200, 0),
        (Fraction(1, 3), 4, 1),
        (Fraction(1, 3), 5, 2),
    ],
)
def test_the_fee_is_the_rate_of_goods_and_shipping_rounded_half_up(rate: Fraction, price: int, fee: int) -> None:
    plenty = amounts(goods=200_000, shipping=0, fee=1_000)
    order = Order(terms(service_fee_rate=rate)).placed(quote=plenty).accepted().paid(plenty)
    order.bought(price // 3, price - price // 3).decided()
    assert order.refunded() == 201_000 - price - fee


def test_the_fee_kept_is_at_most_the_fee_that_was_collected() -> None:
    quote = amounts(fee=40)
    order = Order().placed(quote=quote).accepted().paid(quote).asks_to_cancel().decided()
    assert order.refunded() == 101_200


def test_the_fee_on_what_was_never_bought_is_that_of_the_quote() -> None:
    quote = amounts(fee=500)
    order = Order().placed(quote=quote).accepted().paid(quote).asks_to_cancel().decided()
    assert order.refunded() == 101_700 - 500


def test_no_fee_is_taken_above_the_quoted_one() -> None:
    order = Order(terms(service_fee_rate=Fraction(2, 100))).placed().accepted().paid().bought().decided()
    assert order.refunded() == 0


def test_without_unit_prices_open_units_keep_their_fee_by_their_number() -> None:
    quote = amounts(goods=1_316, shipping=12, fee=10)
    order = Order().placed(items=(lamp(quantity=4),), quote=quote).accepted().paid(quote)
    order.bought(1_638, 0, items={"1": 2}).decided()
    # Kept: 1,316 + 12 for the goods, and 7 of the fee: 1.638 + 10 x (658 + 12) / 1328 = 6.68.
    assert order.refunds == [("purchase", 1_338 - 1_328 - 7, "pay-1")]


def test_a_seller_returning_more_than_it_took_lowers_the_fee_of_open_units() -> None:
    quote = amounts(goods=2_187, shipping=0, fee=10)
    items = (lamp(quantity=1, unit_price=money(1_468)), lamp(quantity=1, unit_price=money(719)))
    order = Order().placed(items=items, quote=quote).accepted().paid(quote)
    order.bought(1_821, 0, items={"1": None}).seller_refunds(2_690).decided()
    # The fee is 2: 0.001 x (1821 - 2690) + 10 x 719 / 2187 = 2.42.
    assert order.outcomes("seller_excess") == [f"noted {2_690 - 1_821 - 719 - 2}"]
