"""Clause 17: objections to the package. What they bar is tested with clauses 12 and 13."""

import pytest

from tests.rules.orders import HOUR, Order


def delivered() -> Order:
    return Order().placed().accepted().paid().bought().delivered()


@pytest.mark.parametrize(("scope", "clause"), [("package", "17"), ("quality", "18")])
@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        (None, "verification_requested"),
        ("logistics", "redirected_to_logistics"),
        ("seller", "verified"),
        ("none", "verified"),
    ],
)
def test_an_objection_asks_the_platform_to_verify_and_is_then_verified_or_redirected(
    scope: str, clause: str, to: str | None, outcome: str
) -> None:
    order = delivered().objects(scope=scope).decided()
    assert order.stands("objection", "obj-1") == ("verification_requested", [clause])
    if to:
        order.verified(to).decided()
    assert order.stands("objection", "obj-1") == (outcome, [clause])


def test_the_latest_verdict_counts() -> None:
    order = delivered().objects().verified("logistics").verified("seller").decided()
    assert order.stands("objection", "obj-1")[0] == "verified"


def test_a_verdict_received_before_its_objection_waits_for_it() -> None:
    order = delivered().verified("logistics").decided()
    assert order.outcomes("objection", "obj-1") == []
    order.objects().decided()
    assert order.outcomes("objection", "obj-1") == ["redirected_to_logistics"]


def test_of_one_objection_raised_twice_the_earlier_scope_counts() -> None:
    order = delivered().objects(scope="package", at=9 * HOUR).decided()
    assert order.stands("objection", "obj-1")[1] == ["17"]
    order.objects(scope="quality", at=8 * HOUR).verified("logistics").asks_to_cancel().seller_cancels().decided()
    assert order.stands("cancellation", "can-1")[0] == "agreed"
    assert order.stands("objection", "obj-1") == ("redirected_to_logistics", ["18"])


def test_each_objection_has_its_own_verdict() -> None:
    order = delivered().objects("obj-1").objects("obj-2").verified("logistics", "obj-2").decided()
    assert order.stands("objection", "obj-1")[0] == "verification_requested"
    assert order.stands("objection", "obj-2")[0] == "redirected_to_logistics"
