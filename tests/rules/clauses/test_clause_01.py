"""Clause 1: what a purchasing request must contain; and which of several defects is named."""

from typing import Any

import pytest

from tests.rules.orders import HOUR, Order, lamp


@pytest.mark.parametrize(
    "lacking",
    [
        {"items": ()},
        {"items": (lamp(link=None),)},
        {"items": (lamp(link=" \t"),)},
        {"items": (lamp(seller_name=None),)},
        {"items": (lamp(seller_name=""),)},
        {"items": (lamp(specification=None),)},
        {"items": (lamp(specification="  "),)},
        {"items": (lamp(quantity=None),)},
        {"items": (lamp(), lamp(link=None))},
        {"address": None},
        {"address": "   "},
    ],
)
def test_a_request_that_lacks_a_particular_is_invalid_and_all_is_refunded(lacking: dict[str, Any]) -> None:
    order = Order().placed(**lacking).accepted().paid().decided()
    assert order.stands("agreement") == ("invalid", ["1(1)"])
    assert order.refunds == [("purchase", 101_301, "pay-1")]
    assert order.refund_clauses() == ["1(1)"]


def test_a_unit_price_is_no_needed_particular() -> None:
    order = Order().placed(items=(lamp(unit_price=None),)).accepted().paid().decided()
    assert order.stands("agreement") == ("effective", ["2"])


def test_a_request_without_a_mandate_is_invalid() -> None:
    order = Order().placed(mandate_at=None).accepted().paid().decided()
    assert order.stands("agreement") == ("invalid", ["1(2)"])
    assert order.refunds == [("purchase", 101_301, "pay-1")]
    assert order.refund_clauses() == ["1(2)"]


@pytest.mark.parametrize("lacking", [{"address": None}, {"items": ()}, {"mandate_at": None}])
def test_a_determinable_request_is_valid_all_the_same(lacking: dict[str, Any]) -> None:
    order = Order().placed(determinable=True, **lacking).accepted().paid().decided()
    assert order.stands("agreement") == ("effective", ["2"])
    assert order.refunds == []


DEFECTS: list[dict[str, Any]] = [
    {"mandate_at": None},
    {"categories": ("prohibited",)},
    {"address": None},
    {"logistics": None},
]


@pytest.mark.parametrize("placed", [0, 9 * HOUR], ids=["placed first", "all as of one instant"])
@pytest.mark.parametrize(
    ("first", "outcome"),
    [
        (0, ("invalid", ["1(2)"])),
        (1, ("refused", ["14"])),
        (2, ("invalid", ["1(1)"])),
        (3, ("invalid", ["5"])),
        (4, ("effective", ["2"])),
    ],
)
def test_of_several_defects_the_first_in_the_order_of_trial_is_named(
    first: int, outcome: tuple[str, list[str]], placed: int
) -> None:
    members: dict[str, Any] = {}
    for defect in DEFECTS[first:]:
        members |= defect
    order = Order().placed(at=placed, **members).accepted(at=HOUR).paid(at=2 * HOUR).decided()
    assert order.stands("agreement") == outcome


def test_a_determinable_request_for_prohibited_goods_is_refused_all_the_same() -> None:
    order = Order().placed(determinable=True, address=None, categories=("prohibited",)).accepted().paid().decided()
    assert order.stands("agreement") == ("refused", ["14"])


@pytest.mark.parametrize("members", [{"address": None}, {"logistics": None}])
def test_a_purchase_by_then_shows_that_the_request_could_be_reached_after_all(members: dict[str, Any]) -> None:
    order = Order().placed(**members).accepted().bought().paid().decided()
    assert order.stands("agreement") == ("effective", ["2"])
    assert order.refunds == []


def test_a_purchase_received_late_makes_the_refund_of_an_invalid_request_a_demand() -> None:
    order = Order().placed(address=None).accepted().paid().decided().bought(at=2 * HOUR).decided()
    assert order.outcomes("agreement") == ["invalid", "effective"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101301"]


def test_a_purchase_after_the_goods_were_unavailable_lifts_nothing() -> None:
    order = Order().placed(address=None).accepted().paid().unavailable().bought().decided()
    assert order.stands("agreement") == ("invalid", ["1(1)"])


@pytest.mark.parametrize(
    ("at", "agreement", "asked"),
    [
        (7 * HOUR - 1, [], "withdrawn"),
        (7 * HOUR, ["invalid"], "moot"),
        (7 * HOUR + 1, ["invalid"], "moot"),
    ],
)
def test_a_missing_particular_ends_the_order_when_it_would_be_effective(
    at: int, agreement: list[str], asked: str
) -> None:
    order = Order().placed(address=None).accepted().paid(at=7 * HOUR).asks_to_cancel(at=at).decided()
    assert order.outcomes("agreement") == agreement
    assert order.outcomes("cancellation", "can-1") == [asked]
    assert order.refunds == [("purchase", 101_301, "pay-1")]


def test_nothing_is_decided_before_the_order_is_known_to_be_placed() -> None:
    order = Order().paid().accepted().charged_back().tipped(50_000).decided()
    assert order.outputs == []
    assert order.due_at is None
    assert order.placed(at=-HOUR).decided().stands("agreement") == ("effective", ["2"])
