"""Clause 10: the service fee is a share of what the seller actually charged, rounded half up."""

from fractions import Fraction

import pytest

from tests.rules.orders import Order, amounts, terms


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
