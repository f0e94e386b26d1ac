"""Clause 8: what the seller gives beyond all that the buyer paid (8(4)), and reports that change nothing (8(3))."""

from purchasing_contracts.decisions import DecisionMade

from tests.rules.orders import Order


def dissolved_for_more_than_was_paid() -> Order:
    order = Order().placed().accepted().paid().bought(150_000, 0).asks_to_dissolve().seller_dissolves()
    return order.seller_refunds(160_000).decided()


def test_what_exceeds_all_that_the_buyer_paid_waits_for_a_person() -> None:
    order = dissolved_for_more_than_was_paid()
    assert order.refunded() == 101_301
    assert order.told("seller_excess") == ["noted 9899"]
    assert order.stands("seller_excess") == ("noted", ["8(4)"])


def test_what_a_person_approved_is_paid_out_and_the_rest_still_waits() -> None:
    order = dissolved_for_more_than_was_paid().excess_approved(9_000).decided()
    assert order.refunded() == 101_301 + 9_000
    assert order.told("seller_excess") == ["noted 9899", "noted 899"]
    order.excess_approved(9_899).decided()
    assert order.refunded() == 101_301 + 9_899
    assert order.stands("seller_excess")[0] == "settled"


def test_a_report_that_changes_nothing_is_answered_under_8_3() -> None:
    order = Order().placed().accepted().paid().bought().received().unavailable().decided()
    (made,) = [one for one in order.of(DecisionMade) if one.kind == "fact"]
    assert (made.outcome, made.ground) == ("ignored", "received")
    assert [one.clause for one in made.basis] == ["8(3)", "16"]
