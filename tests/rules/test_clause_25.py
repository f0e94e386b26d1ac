"""Clause 25: the buyer compensates what its breach caused (R18)."""

from typing import Any

import pytest
from purchasing_contracts.events.order import BuyerBreachFound

from tests.rules.happenings import money
from tests.rules.orders import Order


def test_a_loss_of_the_buyers_breach_is_set_off_against_what_is_due() -> None:
    order = Order().placed().accepted().paid().bought(90_000, 1_200)
    order.tell(BuyerBreachFound(finding_id="find-1", ground="other", loss=money(10_000))).decided()
    assert order.refunded() == 10_010 - 10_000
    assert order.refund_clauses() == ["6(1)", "10", "25"]


def test_what_a_loss_exceeds_the_money_by_is_noted_as_owed() -> None:
    order = Order().placed().accepted().paid().bought(90_000, 1_200)
    order.tell(BuyerBreachFound(finding_id="find-1", ground="other", loss=money(10_011))).decided()
    assert order.refunds == []
    assert order.told("buyer_owes") == ["noted 1"]
    assert order.stands("buyer_owes") == ("noted", ["25"])


@pytest.mark.parametrize(("ground", "clause"), [("prohibited", "14"), ("unjust_chargeback", "22"), ("other", "25")])
def test_a_refund_that_a_loss_lowered_cites_the_clause_of_the_loss(ground: Any, clause: str) -> None:
    order = Order().placed().accepted().paid().bought(90_000, 1_200)
    order.tell(BuyerBreachFound(finding_id="find-1", ground=ground, loss=money(1)))
    assert order.decided().refund_clauses() == ["6(1)", "10", clause]
