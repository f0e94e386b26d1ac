"""Clause 7: fees that third parties collected are not the provider's to refund, and every closing says so."""

from collections.abc import Callable

import pytest

from tests.rules.orders import Order, amounts

CLOSINGS: dict[str, Callable[[Order, int], Order]] = {
    "invalid": lambda o, third: o.placed(mandate_at=None, quote=amounts(third=third)).accepted(),
    "refused": lambda o, third: o.placed(quote=amounts(third=third)).accepted().refused(at=10**12),
    "unavailable": lambda o, third: o.placed(quote=amounts(third=third)).accepted().unavailable(at=10**12),
    "withdrawn": lambda o, third: o.placed(quote=amounts(third=third)).asks_to_cancel(at=10**12),
    "cancelled": lambda o, third: o.placed(quote=amounts(third=third)).accepted().asks_to_cancel(at=10**12),
    "cancelled after purchase": lambda o, third: (
        o.placed(quote=amounts(third=third)).accepted().bought(at=10**11).asks_to_cancel(at=10**12).seller_cancels()
    ),
    "dissolved": lambda o, third: (
        o.placed(quote=amounts(third=third))
        .accepted()
        .bought(at=10**11)
        .asks_to_dissolve(at=10**12)
        .seller_dissolves()
        .seller_refunds(100_000)
    ),
}


@pytest.mark.parametrize("closing", CLOSINGS)
@pytest.mark.parametrize("third", [0, 300])
def test_every_closing_leaves_third_party_fees_and_cites_7_only_then(closing: str, third: int) -> None:
    order = CLOSINGS[closing](Order(), third).paid(amounts(third=third), at=10**10).decided()
    assert ("7" in order.refund_clauses()) is bool(third)
    assert order.outcomes("third_party_fees") == ([f"noted {third}"] if third else [])
    if closing != "dissolved":
        kept = 101 if closing.startswith("cancelled") else 0
        assert order.refunded() == 101_301 - kept
    else:
        assert order.refunded() == 100_000  # what the seller returned


def test_while_the_order_runs_its_surplus_does_not_speak_of_third_parties() -> None:
    order = Order().placed(quote=amounts(third=300)).accepted().paid(amounts(third=300)).bought(90_000, 1_200)
    assert order.decided().refund_clauses() == ["6(1)", "10"]


def test_a_part_of_the_order_amount_is_the_providers_before_it_is_third_parties() -> None:
    quote = amounts(888, 0, 1, third=380)
    order = Order().placed(quote=quote).accepted().paid(amounts(888, 0, 0)).bought(848, 0).decided()
    # 381 of 1,269 are missing, so none of the 888 is third parties': 888 - 848 - 1. 849 + 380 - 888 are missing.
    assert order.refunds == [("purchase", 39, "pay-1")]
    assert order.outcomes("order_amount") == ["outstanding 341"]
    order.paid(amounts(341, 0, 0), "pay-2").decided()
    # 40 of 1,269 are missing: 340 of the 1,229 are third parties'.
    assert (order.refunded(), order.outcomes("order_amount")) == (40, ["outstanding 341", "settled"])


def test_third_parties_fees_are_noted_only_when_the_order_has_ended() -> None:
    quote = amounts(third=300)
    order = Order().placed(quote=quote).accepted().paid(quote).decided()
    assert order.outcomes("third_party_fees") == []
    assert order.asks_to_cancel().decided().outcomes("third_party_fees") == ["noted 300"]
