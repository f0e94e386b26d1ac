"""Clause 22, what comes in for a chargeback: paid, recovered from the deposit, brought in by goods."""

from collections.abc import Callable
from typing import Any

import pytest
from purchasing_contracts.events.warehouse_receipt import GoodsDisposed

from tests.rules.orders import HOUR, Order, money


def effective() -> Order:
    return Order().placed().accepted().paid()


@pytest.mark.parametrize(
    ("paid", "demanded", "returned"),
    [
        (101_300, ["demanded 101301", "demanded 1"], 0),
        (101_301, ["demanded 101301", "settled"], 0),
        (101_302, ["demanded 101301", "settled"], 1),
    ],
)
def test_a_payment_beyond_the_claim_is_refunded_to_the_payment(paid: int, demanded: list[str], returned: int) -> None:
    order = effective().charged_back().decided().pays_outstanding(paid).decided()
    assert order.outcomes("payment_demand", "cb-1") == demanded
    assert order.refunds == ([("chargeback:cb-1", returned, "pay-out")] if returned else [])
    if returned:
        assert order.refund_clauses("chargeback:cb-1") == ["22"]


def test_a_chargeback_restored_after_the_deposit_was_taken_gives_the_deposit_back() -> None:
    order = effective().charged_back().decided().deposit_pays(101_301).decided().chargeback_ends().decided()
    assert order.outcomes("chargeback", "cb-1") == ["unjust", "restored"]
    assert order.refunds == [("chargeback:cb-1", 101_301, "deposit")]


def test_excess_goes_to_the_deposit_then_to_payments_then_to_the_account() -> None:
    order = (
        effective().charged_back().pays_outstanding(300, payment_id="pay-b").pays_outstanding(200, payment_id="pay-a")
    )
    order.deposit_falls_short(400).goods_sold(101_301).decided()
    assert order.refunds == [
        ("chargeback:cb-1", 400, "deposit"),
        ("chargeback:cb-1", 300, "pay-b"),
        ("chargeback:cb-1", 200, "pay-a"),
    ]
    order.chargeback_ends().decided()
    assert order.refunds[3:] == [("chargeback:cb-1", 101_301, "buyer_account")]


def test_money_for_a_just_chargeback_goes_back() -> None:
    just = effective().charged_back(attributable=True).pays_outstanding(700).decided()
    assert just.refunds == [("chargeback:cb-1", 700, "pay-out")]


AHEAD: dict[str, tuple[Callable[[Order], Order], str]] = {
    "payment": (lambda order: order.pays_outstanding(700, "cb-9"), "pay-out"),
    "repayment": (lambda order: order.repays(700, "chargeback:cb-9"), "buyer_account"),
    "deposit": (lambda order: order.deposit_pays(700, "cb-9"), "deposit"),
    "proceeds": (lambda order: order.goods_sold(700, "cb-9"), "buyer_account"),
}


@pytest.mark.parametrize("what", AHEAD)
def test_money_for_a_chargeback_waits_until_the_chargeback_is_known(what: str) -> None:
    build, destination = AHEAD[what]
    order = build(effective()).decided()
    assert order.refunds == []
    order.charged_back(500, "cb-9", at=3 * HOUR).decided()
    assert order.refunds == [("chargeback:cb-9", 200, destination)]
    assert order.outcomes("payment_demand", "cb-9") == []


def test_proceeds_that_name_no_chargeback_are_for_the_first_unjust_one() -> None:
    order = (
        effective().charged_back().goods_sold(1_000, chargeback_id=None).goods_sold(301, disposal="disp-2").decided()
    )
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 100000"]
    assert order.refunds == []


def test_goods_destroyed_bring_nothing_in_for_the_chargeback_they_name() -> None:
    order = (
        effective()
        .charged_back()
        .add(GoodsDisposed(disposal_id="disp-1", disposition="destroyed", chargeback_id="cb-1"))
    )
    assert order.decided().outcomes("payment_demand", "cb-1") == ["demanded 101301"]


@pytest.mark.parametrize(
    ("came_in", "covered"),
    [
        (lambda order: order, 500),
        (lambda order: order.deposit_falls_short(0), 500),
        (lambda order: order.deposit_falls_short(1), 501),
        (lambda order: order.pays_outstanding(1), 501),
        (lambda order: order.goods_sold(1), 501),
    ],
    ids=["nothing", "an empty deposit", "the deposit", "a payment", "goods sold"],
)
def test_repayments_on_the_line_of_a_chargeback_are_payments_of_it(
    came_in: Callable[[Order], Order], covered: int
) -> None:
    order = came_in(effective().charged_back()).repays(500, "chargeback:cb-1").decided()
    assert order.refunded("chargeback:cb-1") == 0
    assert order.outcomes("payment_demand", "cb-1") == [f"demanded {101_301 - covered}"]


def test_an_outstanding_payment_counts_once_per_chargeback_and_payment() -> None:
    order = effective().charged_back(1_000).charged_back(2_000, "cb-2")
    order.pays_outstanding(100).pays_outstanding(900).pays_outstanding(100, "cb-2").decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 900"]
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 1900"]


def test_a_charged_back_outstanding_payment_is_claimed_on_its_own_line() -> None:
    order = effective().charged_back(1_000).pays_outstanding(1_000).decided()
    order.charged_back(5_000, "cb-2", "pay-out").decided()
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 1000"]
    assert order.outcomes("payment_demand", "cb-1") == []
    # Restored, the first one's money is due back; it is kept back while the second chargeback has it.
    order.chargeback_ends().decided()
    assert order.outcomes("refund_withheld", "chargeback:cb-1") == ["withheld 1000"]
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 1000", "settled"]


def test_the_latest_answer_of_the_deposit_counts_of_both_kinds_together() -> None:
    order = effective().charged_back().deposit_pays(101_301).deposit_falls_short(300).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101001"]


def test_refunds_to_the_account_leave_the_deposit_all_its_room() -> None:
    order = effective().charged_back(500).goods_sold(600).decided()
    assert order.refunds == [("chargeback:cb-1", 100, "buyer_account")]
    order.deposit_pays(100).decided()
    assert order.refunds[1:] == [("chargeback:cb-1", 100, "deposit")]


def test_a_chargeback_is_shared_among_the_roles_of_its_payment() -> None:
    order = effective().charged_back(500).pays_outstanding(500, payment_id="pay-1").decided()
    order.charged_back(900_000, "cb-2").decided()
    # The purchase has 1,008.01 left beside the first chargeback, and what was paid for that one is taken too.
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 101301"]
    order.asks_to_cancel().decided()
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 101200"]


def given_back(restated: int, **opened: Any) -> Order:
    """Return an order whose deposit was given back 1,001 that it then turned out not to have paid."""
    order = effective().charged_back(1_001, **opened).deposit_pays(1_001).chargeback_ends("restored").decided()
    assert order.refunds == [("chargeback:cb-1", 1_001, "deposit")]
    return order.deposit_pays(restated)


def test_money_given_back_that_had_not_come_in_is_claimed_with_the_rest() -> None:
    order = given_back(12).charged_back(1_001, stage="arbitration").decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 1990"]
    assert order.outcomes("repayment_demand", "chargeback:cb-1") == []


def test_money_given_back_that_had_not_come_in_is_demanded_if_nothing_is_owed() -> None:
    order = given_back(12).decided()
    assert order.outcomes("repayment_demand", "chargeback:cb-1") == ["demanded 989"]


def test_money_given_back_is_demanded_if_the_payment_is_unknown() -> None:
    order = given_back(12, payment_id="pay-unknown").charged_back(
        1_001, payment_id="pay-unknown", stage="arbitration", fee=money(5)
    )
    assert order.decided().outcomes("repayment_demand", "chargeback:cb-1") == ["demanded 994"]


def test_a_payment_covers_the_purchase_first_and_then_the_outstanding_amount() -> None:
    order = effective().charged_back(500, attributable=False).pays_outstanding(500, payment_id="pay-1")
    order.charged_back(900_000, "cb-2").pays_outstanding(100_900, "cb-2").decided()
    # cb-2 has 100,801 of the purchase, beside cb-1's 500, and the 500 that were paid for cb-1.
    (_, second) = order.examined().case.chargebacks
    assert [(part.line, part.brought) for part in second.remaining] == [("chargeback:cb-1", 401)]
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 401"]
