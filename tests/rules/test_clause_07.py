"""Clause 7: fees that third parties collected are not the provider's to refund, and every closing says so."""

from collections.abc import Callable

import pytest

from tests.rules.orders import Order, amounts

CLOSINGS: dict[str, Callable[[Order], Order]] = {
    "invalid": lambda o: o.placed(mandate_at=None, quote=amounts(third=300)).accepted(),
    "refused": lambda o: o.placed(quote=amounts(third=300)).accepted().refused(at=10**12),
    "unavailable": lambda o: o.placed(quote=amounts(third=300)).accepted().unavailable(at=10**12),
    "withdrawn": lambda o: o.placed(quote=amounts(third=300)).asks_to_cancel(at=10**12),
    "cancelled": lambda o: o.placed(quote=amounts(third=300)).accepted().asks_to_cancel(at=10**12),
    "cancelled after purchase": lambda o: (
        o.placed(quote=amounts(third=300)).accepted().bought(at=10**11).asks_to_cancel(at=10**12).seller_cancels()
    ),
    "dissolved": lambda o: (
        o.placed(quote=amounts(third=300))
        .accepted()
        .bought(at=10**11)
        .asks_to_dissolve(at=10**12)
        .seller_dissolves()
        .seller_refunds(100_000)
    ),
}


@pytest.mark.parametrize("closing", CLOSINGS)
@pytest.mark.parametrize("third", [0, 300])
def test_every_closing_leaves_third_parties_their_fees_and_cites_7_only_if_there_are_any(
    closing: str, third: int
) -> None:
    order = CLOSINGS[closing](Order()).paid(amounts(goods=100_300 - third, third=third), at=10**10).decided()
    assert ("7" in order.refund_clauses()) is bool(third)
    if closing != "dissolved":
        kept = 101 if closing.startswith("cancelled") else 0
        assert order.refunded() == 101_601 - third - kept
    else:
        assert order.refunded() == 100_300 - third  # what the seller returned, and what was above the price


def test_while_the_order_runs_its_surplus_does_not_speak_of_third_parties() -> None:
    order = Order().placed(quote=amounts(third=300)).accepted().paid(amounts(third=300)).bought(90_000, 1_200)
    assert order.decided().refund_clauses() == ["6(1)", "10"]
