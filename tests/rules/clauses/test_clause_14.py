"""Clause 14: prohibited and infringing goods."""

import pytest

from tests.rules.orders import HOUR, Order, amounts, terms


@pytest.mark.parametrize("category", ["prohibited", "infringing"])
def test_prohibited_goods_are_refused_as_of_placing_and_the_costs_are_kept(category: str) -> None:
    order = Order().placed(categories=("customized", category)).accepted().paid().cost(900).decided()
    assert order.stands("agreement") == ("refused", ["14"])
    assert order.refunds == [("purchase", 100_401, "pay-1")]
    assert order.refund_clauses() == ["14"]


def test_without_costs_12_4_is_not_cited() -> None:
    order = Order().placed(categories=("prohibited",)).accepted().paid(amounts(third=300)).decided()
    assert order.refund_clauses() == ["14", "7"]
    assert order.refunded() == 101_301


@pytest.mark.parametrize(
    "category", ["customized", "advance_deposit", "low_reputation_seller", "no_market_price", "sensitive_or_restricted"]
)
def test_no_other_category_refuses_an_order_by_itself(category: str) -> None:
    order = Order().placed(categories=(category,)).accepted().paid().decided()
    assert order.outcomes("agreement") == ["effective"]


def test_terms_may_leave_prohibited_goods_to_the_provider() -> None:
    order = Order(terms(refuse_prohibited=False)).placed(categories=("prohibited",)).accepted().paid().decided()
    assert order.stands("agreement") == ("effective", ["2"])
    assert order.refused("prohibited").decided().stands("agreement") == ("refused", ["14"])


def test_a_purchase_of_prohibited_goods_after_the_refusal_counts_for_nothing() -> None:
    order = Order().placed(categories=("prohibited",)).accepted().paid().bought().decided()
    assert order.outcomes("agreement") == ["refused"]
    assert order.refunds == [("purchase", 101_301, "pay-1")]
    assert order.stands("fact", "e04") == ("ignored", ["8(3)", "14"])


@pytest.mark.parametrize(("at", "outcome"), [(5 * HOUR - 1, "14"), (5 * HOUR, "14"), (5 * HOUR + 1, "14")])
def test_prohibited_goods_end_the_order_before_any_refusal(at: int, outcome: str) -> None:
    order = Order().placed(at=5 * HOUR, categories=("prohibited",)).refused("other", at=at).decided()
    assert order.stands("agreement") == ("refused", [outcome])


def test_costs_beyond_the_money_there_is_are_owed_for_prohibited_goods() -> None:
    order = Order().placed(categories=("prohibited",)).accepted().cost(900).decided()
    assert order.outcomes("buyer_owes") == ["noted 900"]
    assert order.stands("buyer_owes")[1] == ["14"]
    order.paid(amounts(goods=800, shipping=0, fee=0)).decided().paid(amounts(goods=500, shipping=0, fee=0), "pay-2")
    order.decided()
    assert order.outcomes("buyer_owes") == ["noted 900", "noted 100", "settled"]
    assert order.refunds == [("purchase", 400, "pay-1")]
