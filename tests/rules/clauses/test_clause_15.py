"""Clause 15: goods to be cautious about."""

import pytest

from tests.rules.orders import Order, amounts


@pytest.mark.parametrize(
    ("categories", "clauses"),
    [
        ((), ["2"]),
        (("customized",), ["2", "15(1)"]),
        (("low_reputation_seller",), ["2", "15(3)"]),
        (("no_market_price",), ["2", "15(4)"]),
        (("no_market_price", "customized", "customized"), ["2", "15(1)", "15(4)"]),
        (("advance_deposit", "sensitive_or_restricted"), ["2"]),
    ],
)
def test_the_effective_agreement_names_the_cautions_and_they_change_no_money(
    categories: tuple[str, ...], clauses: list[str]
) -> None:
    order = Order().placed(categories=categories).accepted().paid().decided()
    assert order.stands("agreement") == ("effective", clauses)
    order.asks_to_cancel().decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]


def test_a_short_paid_agreement_names_no_cautions() -> None:
    order = Order().placed(categories=("customized",)).accepted().paid(amounts(fee=0)).decided()
    assert order.stands("agreement") == ("short_paid", ["2"])


def test_a_deposit_is_lost_on_cancellation_and_not_on_unavailability() -> None:
    order = Order().placed(categories=("advance_deposit",)).accepted().paid().bought(deposit=30_000)
    order.asks_to_cancel().seller_cancels().decided()
    assert order.refunds == [("purchase", 71_200, "pay-1")]
    assert order.refund_clauses() == ["12(1)B", "12(3)", "15(2)"]
    gone = Order().placed().accepted().paid().bought(deposit=30_000).unavailable().decided()
    assert gone.refunds == []
    assert gone.seller_refunds(101_200).decided().refunds == [("purchase", 101_301, "pay-1")]


def test_a_deposit_is_kept_whatever_category_was_declared() -> None:
    order = Order().placed().accepted().paid().bought(deposit=1).asks_to_cancel().seller_cancels().decided()
    assert order.refunded() == 101_199


def test_restricted_goods_refused_keep_the_costs() -> None:
    order = Order().placed(categories=("sensitive_or_restricted",)).accepted().paid().cost(900).refused("restricted")
    assert order.decided().refunds == [("purchase", 100_401, "pay-1")]
    assert order.refund_clauses() == ["15(5)"]
