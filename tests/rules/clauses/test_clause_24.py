"""Clause 24: the provider's liability; with 13(7) where the order was dissolved, and 20 as the platform finds it."""

import pytest

from tests.rules.happenings import refs
from tests.rules.orders import Order, amounts, lamp


def effective() -> Order:
    return Order().placed().accepted().paid()


@pytest.mark.parametrize(
    ("loss", "compensation"), [(0, 0), (1, 1), (101_300, 101_300), (101_301, 101_301), (101_302, 101_301)]
)
def test_a_direct_loss_is_compensated_up_to_the_orders_amount(loss: int, compensation: int) -> None:
    order = effective().fault_found(loss, consequential=900_000).decided()
    expected = [("compensation", compensation, "buyer_account")] if compensation else []
    assert order.refunds == expected
    if compensation:
        assert order.refund_clauses("compensation") == ["24"]


def test_several_findings_are_added_up_under_one_cap_and_a_finding_counts_once() -> None:
    order = effective().fault_found(60_000).fault_found(60_000).fault_found(50_000, "find-2").decided()
    assert order.refunds == [("compensation", 101_301, "buyer_account")]
    split = effective().fault_found(60_000).decided().fault_found(50_000, "find-2").decided()
    assert split.refunds == [("compensation", 60_000, "buyer_account"), ("compensation", 41_301, "buyer_account")]


def test_the_cap_is_the_quote_with_third_parties_fees_whatever_was_paid() -> None:
    order = Order().placed(quote=amounts(third=300)).fault_found(500_000).decided()
    assert order.refunds == [("compensation", 101_601, "buyer_account")]


def test_the_cap_is_the_greatest_quote_with_what_it_carried_over() -> None:
    order = Order().placed(items=(lamp(), lamp())).accepted().paid().bought(50_000, 1_200, items={"1": None})
    # It covers the second item only: 50,000 for the first one, and a fee of 50 on that, are carried over.
    order.requoted(amounts(goods=90_000, fee=91), items=refs({"2": None}))
    order.requoted(amounts(goods=50_000, fee=51), "rev-2").fault_found(500_000).decided()
    assert order.refunded("compensation") == 90_000 + 1_200 + 91 + 50_050


def test_a_dissolved_order_is_compensated_under_13_7_too() -> None:
    order = effective().bought().asks_to_dissolve().seller_dissolves().fault_found(700).decided()
    assert order.refund_clauses("compensation") == ["24", "13(7)"]


def test_a_cancelled_order_is_not_compensated_under_13_7() -> None:
    order = effective().asks_to_cancel().fault_found(700).decided()
    assert order.refund_clauses("compensation") == ["24"]


@pytest.mark.parametrize(
    ("charged", "loss", "compensation"),
    [
        (5_000, 5_000, 0),
        (5_000, 5_001, 1),
        (4_000, 5_000, 1_000),
        (5_000, 500_000, 96_301),  # off the capped amount
    ],
)
def test_the_excess_of_just_chargebacks_is_deducted(charged: int, loss: int, compensation: int) -> None:
    order = effective().bought().charged_back(charged, attributable=True).fault_found(loss).decided()
    assert order.refunds == ([("compensation", compensation, "buyer_account")] if compensation else [])


def test_a_just_chargeback_that_only_took_what_was_due_leaves_the_compensation_whole() -> None:
    order = effective().bought(90_000, 1_000).charged_back(10_210, attributable=True).fault_found(700).decided()
    assert order.refunds == [("compensation", 700, "buyer_account")]


def test_money_due_on_the_purchase_is_no_compensation() -> None:
    order = effective().bought(90_000, 1_000).fault_found(700).decided()
    assert order.refunds == [("purchase", 10_210, "pay-1"), ("compensation", 700, "buyer_account")]


def test_a_restored_chargeback_leaves_the_compensation_whole() -> None:
    order = effective().charged_back(5_000).charged_back(5_000, "cb-2", attributable=True)
    order.chargeback_ends(chargeback_id="cb-2").chargeback_ends().fault_found(700).decided()
    assert ("compensation", 700, "buyer_account") in order.refunds


def test_compensation_is_set_off_against_a_claim() -> None:
    order = effective().charged_back(5_000).fault_found(700).decided()
    assert order.refunds == []
    assert order.outcomes("refund_withheld", "compensation") == ["withheld 700"]
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 4300"]


def test_a_just_chargeback_after_the_compensation_demands_it_back() -> None:
    order = effective().fault_found(700).decided().charged_back(500, attributable=True).decided()
    assert order.outcomes("repayment_demand", "compensation") == ["demanded 500"]
    assert order.stands("repayment_demand", "compensation")[1] == ["24"]


@pytest.mark.parametrize("charged", [700, 5_000])
def test_where_findings_come_to_nothing_the_line_cites_24(charged: int) -> None:
    order = effective().fault_found(700).decided().charged_back(charged, attributable=True).decided()
    assert order.outcomes("repayment_demand", "compensation") == ["demanded 700"]
    assert order.stands("repayment_demand", "compensation")[1] == ["24"]


def test_a_chargeback_on_a_tip_does_not_lower_the_compensation() -> None:
    order = effective().tipped(900).charged_back(900, payment_id="pay-tip").fault_found(700).decided()
    assert ("compensation", 700, "buyer_account") in order.refunds


def test_compensation_that_fails_is_for_people_to_solve() -> None:
    order = effective().fault_found(700).decided()
    order.refund_fails(700, payment_id=None, line="compensation").decided()
    assert order.outcomes("refund_undeliverable", "compensation") == ["noted 700"]
    assert order.stands("refund_undeliverable", "compensation")[1] == ["24"]
    assert order.refunded("compensation") == 700
