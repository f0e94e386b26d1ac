"""Clause 21: tips."""

from datetime import UTC, datetime

import pytest
from purchasing_contracts.decisions import DecisionMade

from service.rules.facts import micros
from tests.rules.happenings import START
from tests.rules.orders import DAY, HOUR, Order, amounts, terms

PAID = 5 * HOUR
LAST = micros(datetime(2026, 4, 1, 16, tzinfo=UTC)) - START
"""24:00 in Beijing of the thirtieth day after the day of payment."""


def tipped(amount: int = 5_000) -> Order:
    return Order().placed().accepted().paid().tipped(amount, at=PAID)


@pytest.mark.parametrize(
    ("at", "outcome", "refunds"),
    [
        (PAID - 1, "agreed", [("tip:tip-1", 5_000, "pay-tip")]),
        (PAID, "agreed", [("tip:tip-1", 5_000, "pay-tip")]),
        (LAST - 1, "agreed", [("tip:tip-1", 5_000, "pay-tip")]),
        (LAST, "agreed", [("tip:tip-1", 5_000, "pay-tip")]),
        (LAST + 1, "refused", []),
    ],
)
def test_a_tip_asked_back_at_the_last_instant_is_refunded(
    at: int, outcome: str, refunds: list[tuple[str, int, str]]
) -> None:
    order = tipped().asks_tip_back(at=at).decided()
    assert order.stands("tip_refund", "tip-1") == (outcome, ["21"])
    assert ("in time" in order.decision("tip_refund", "tip-1").basis[0].because) is bool(refunds)
    assert order.refunds == refunds
    if refunds:
        assert order.refund_clauses("tip:tip-1") == ["21"]


@pytest.mark.parametrize(("amount", "above"), [(19_999, 0), (20_000, 0), (20_001, 1), (50_000, 30_000)])
def test_the_part_above_the_limit_is_refunded_at_once_without_a_request(amount: int, above: int) -> None:
    order = tipped(amount).decided()
    assert order.refunds == ([("tip:tip-1", above, "pay-tip")] if above else [])
    assert order.outcomes("tip_refund", "tip-1") == []


def test_a_tip_above_the_limit_asked_back_in_time_is_refunded_whole_and_once() -> None:
    order = tipped(50_000).decided().asks_tip_back(at=LAST).decided()
    assert order.refunds == [("tip:tip-1", 30_000, "pay-tip"), ("tip:tip-1", 20_000, "pay-tip")]


def test_a_tip_above_the_limit_asked_back_too_late_keeps_only_the_limit() -> None:
    order = tipped(50_000).asks_tip_back(at=LAST + 1).decided()
    assert order.refunds == [("tip:tip-1", 30_000, "pay-tip")]
    assert order.stands("tip_refund", "tip-1") == ("refused", ["21"])


def test_the_limit_is_a_tips_and_not_all_tips_together() -> None:
    order = tipped(20_000).tipped(20_000, "tip-2", "pay-tip-2").decided()
    assert order.refunds == []


def test_one_request_for_a_tip_in_time_is_enough() -> None:
    order = tipped().asks_tip_back(at=LAST + 1).decided().asks_tip_back(at=LAST).decided()
    assert order.outcomes("tip_refund", "tip-1") == ["refused", "agreed"]
    assert order.refunded("tip:tip-1") == 5_000


def test_a_request_for_a_tip_nobody_knows_is_answered_when_the_tip_is_received() -> None:
    order = Order().placed().asks_tip_back().decided()
    assert order.outcomes("tip_refund", "tip-1") == []
    assert order.tipped(700).decided().outcomes("tip_refund", "tip-1") == ["agreed"]


def test_the_terms_set_the_limit_and_the_days() -> None:
    order = Order(terms(tip_limit=100, tip_refund_days=40)).placed().tipped(5_000, at=PAID)
    assert order.decided().refunds == [("tip:tip-1", 4_900, "pay-tip")]
    order.asks_tip_back(at=PAID + 40 * DAY).decided()
    assert order.refunded("tip:tip-1") == 5_000


def test_a_tip_charged_back_is_taken_back_and_nothing_else() -> None:
    order = tipped().charged_back(5_000, payment_id="pay-tip", reason="account_stolen").decided()
    assert order.stands("chargeback", "cb-1") == ("accepted", ["21"])
    assert (order.holds, order.refunds) == ([], [])
    assert order.outcomes("payment_demand", "cb-1") == []
    assert order.outcomes("repayment_demand", "tip:tip-1") == []


def test_a_tip_above_the_limit_goes_back_only_once_a_chargeback_is_restored() -> None:
    order = tipped(50_000).charged_back(45_000, payment_id="pay-tip").decided()
    assert (order.refunds, order.outcomes("repayment_demand", "tip:tip-1")) == ([], [])
    order.chargeback_ends().decided()
    assert order.refunds == [("tip:tip-1", 30_000, "pay-tip")]


def test_a_tip_charged_back_and_asked_for_is_not_paid_twice() -> None:
    order = tipped().charged_back(5_000, payment_id="pay-tip").asks_tip_back().decided()
    assert order.refunds == []
    assert order.stands("tip_refund", "tip-1") == ("agreed", ["21"])
    assert order.outcomes("refund_withheld", "tip:tip-1") == []
    order.chargeback_ends("restored").decided()
    assert order.refunds == [("tip:tip-1", 5_000, "pay-tip")]


def test_a_tip_partly_charged_back_and_asked_for_gives_the_rest() -> None:
    order = tipped().charged_back(1_500, payment_id="pay-tip").asks_tip_back().decided()
    assert order.refunds == [("tip:tip-1", 3_500, "pay-tip")]


def test_a_tip_refunded_and_then_charged_back_is_demanded_back() -> None:
    order = tipped().asks_tip_back().decided().charged_back(5_000, payment_id="pay-tip").decided()
    assert order.outcomes("repayment_demand", "tip:tip-1") == ["demanded 5000"]
    assert order.stands("repayment_demand", "tip:tip-1")[1] == ["21"]
    order.repays(5_000, "tip:tip-1").decided()
    assert order.outcomes("repayment_demand", "tip:tip-1") == ["demanded 5000", "settled"]


def test_a_chargeback_on_a_tip_never_touches_the_purchase() -> None:
    order = tipped().charged_back(5_000, payment_id="pay-tip").asks_to_cancel().decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]


def test_a_chargeback_takes_back_the_purchase_first_and_then_the_tip() -> None:
    order = Order().placed().accepted().paid().tipped(5_000, payment_id="pay-1").charged_back(200_000).decided()
    assert order.stands("chargeback", "cb-1") == ("unjust", ["22", "22(2)", "21"])
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301"]


def test_a_tip_does_not_pay_the_order() -> None:
    order = Order().placed().accepted().tipped(101_301).paid(amounts(goods=1)).decided()
    assert order.outcomes("agreement") == ["short_paid"]


def test_taking_back_a_request_that_has_the_id_of_a_tip_is_not_unused() -> None:
    order = Order().placed().accepted().paid().bought().tipped(500, "can-1").asks_to_cancel().takes_back().decided()
    assert order.stands("cancellation", "can-1")[0] == "withdrawn_by_buyer"
    assert [one for one in order.of(DecisionMade) if one.kind == "fact"] == []
