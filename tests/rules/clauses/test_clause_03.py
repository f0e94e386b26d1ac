"""Clause 3: a special request that the provider does not execute."""

from tests.rules.orders import Order, amounts


def test_a_special_request_refused_after_payment_refunds_everything() -> None:
    quote = amounts(own=500)
    order = Order().placed(quote=quote).accepted().paid(quote).decided()
    order.cost(900).refused("special_request").decided()
    assert order.outcomes("agreement") == ["effective", "refused"]
    assert order.stands("agreement") == ("refused", ["3"])
    assert order.refunds == [("purchase", 101_801, "pay-1")]
    assert order.refund_clauses() == ["3"]
