"""Clause 25: what the buyer owes beyond the money there was, and what it paid on that."""

from typing import Any

import pytest
from purchasing_contracts.events.order import BuyerBreachFound

from tests.rules.orders import Order, money


def breached(loss: int, ground: str = "other") -> Order:
    order = Order().placed().accepted().paid().bought()
    data = BuyerBreachFound.model_validate({"finding_id": "b-1", "ground": ground, "loss": money(loss)})
    return order.add(data)


@pytest.mark.parametrize(("ground", "clause"), [("prohibited", "14"), ("unjust_chargeback", "22"), ("other", "25")])
def test_a_loss_found_is_owed_under_the_clause_of_its_ground(ground: str, clause: str) -> None:
    order = breached(700, ground).decided()
    assert order.outcomes("buyer_owes") == ["noted 700"]
    assert order.stands("buyer_owes")[1] == [clause]


def test_a_loss_is_set_off_against_what_is_due() -> None:
    order = breached(700).seller_refunds(10_000).decided()
    assert order.refunds == [("purchase", 10_010 - 700, "pay-1")]
    assert order.outcomes("buyer_owes") == []


def test_money_owed_is_set_off_against_compensation() -> None:
    order = breached(700).fault_found(1_000).decided()
    assert order.refunds == [("compensation", 300, "buyer_account")]
    assert order.outcomes("buyer_owes") == []


def test_a_payment_beyond_the_owed_amount_is_refunded() -> None:
    order = breached(700).decided().repays(1_000, "owed").decided()
    assert order.outcomes("buyer_owes") == ["noted 700", "settled"]
    assert order.refunds == [("owed", 300, "buyer_account")]
    assert order.refund_clauses("owed") == ["25"]


def test_an_uncovered_fee_of_a_chargeback_that_was_won_is_owed() -> None:
    order = Order().placed().accepted().paid().bought().charged_back(fee=money(1_500)).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 102801"]
    order.chargeback_ends().decided()
    assert order.outcomes("buyer_owes") == ["noted 1500"]
    assert order.stands("buyer_owes")[1] == ["22", "25"]


GROUNDS = {"prohibited": ["14"], "unjust_chargeback": ["22"], "other": ["25"]}


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_refund_cites_the_clause_of_the_loss_it_was_set_off_with(ground: Any) -> None:
    order = Order().placed(mandate_at=None).paid()
    order.add(BuyerBreachFound(finding_id="find-1", ground=ground, loss=money(301))).decided()
    assert order.refunds == [("purchase", 101_000, "pay-1")]
    assert order.refund_clauses() == ["1(2)", *GROUNDS[ground]]


def test_a_refund_cites_the_fee_of_a_chargeback_that_was_won() -> None:
    order = Order().placed().accepted().paid().bought().charged_back(50_000, fee=money(300))
    order.chargeback_ends("restored").seller_refunds(101_200).decided()
    assert order.refund_clauses()[-2:] == ["22", "25"]


def test_refunds_elsewhere_on_line_owed_are_demanded_under_the_clause_of_the_loss() -> None:
    order = breached(700).refunded_elsewhere(300, None, line="owed").decided()
    assert order.outcomes("repayment_demand", "owed") == ["demanded 300"]
    assert order.stands("repayment_demand", "owed")[1] == ["25"]


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_loss_of_nothing_is_cited_nowhere(ground: str) -> None:
    order = breached(0, ground).seller_refunds(10_000).decided()
    assert order.refund_clauses() == ["6(1)", "10"]
