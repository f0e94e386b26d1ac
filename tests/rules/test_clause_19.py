"""Clause 19: the promoter's brokerage."""

from typing import Any

import pytest
from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events.order import Promotion

from tests.rules.orders import HOUR, Order, money


def promoted(basis: Any = "goods", rate_bps: int = 500, fixed: int | None = None, **members: Any) -> Order:
    promotion = Promotion(
        promoter_id="prom-5", basis=basis, rate_bps=rate_bps, fixed=None if fixed is None else money(fixed)
    )
    return Order().placed(promotion=promotion, **members).accepted().paid(at=2 * HOUR)


def test_a_promoted_order_earns_brokerage_when_it_is_received() -> None:
    order = promoted().bought().decided()
    assert order.deductions == []
    order.received().decided()
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 5_000)]
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 5_000)]
    assert order.refunds == []


def test_brokerage_messages_carry_no_account_and_cite_19() -> None:
    order = promoted().bought().received().decided()
    for message in (*order.of(DeductionExecute), *order.of(BrokerageTransfer)):
        assert message.account_id is None
        assert [basis.clause for basis in message.basis] == ["19"]
    (deduction,) = order.of(DeductionExecute)
    assert (deduction.line, deduction.ref, deduction.purpose) == ("brokerage", "brokerage", "brokerage")


@pytest.mark.parametrize(
    ("basis", "rate", "fixed", "bought", "brokerage"),
    [
        ("goods", 500, None, (100_000, 1_200), 5_000),
        ("order_amount", 500, None, (100_000, 1_200), 5_060),
        ("goods", 500, 250, (90_000, 1_200), 4_750),
        ("goods", 0, 250, (100_000, 1_200), 250),
        ("goods", 1, None, (4_999, 0), 0),
        ("goods", 1, None, (5_000, 0), 1),  # half up
        ("goods", 1, None, (15_000, 0), 2),
        ("goods", 1, None, (25_000, 0), 3),
        ("goods", 10_000, 0, (100_000, 1_200), 100_000),
        ("goods", 10_000, 1_200, (100_000, 1_200), 101_200),
        ("goods", 10_000, 1_201, (100_000, 1_200), 101_200),  # at most what the seller charged
        ("goods", 90_000, None, (100_000, 1_200), 101_200),
        ("goods", 0, None, (100_000, 1_200), 0),
    ],
)
def test_brokerage_is_the_rate_of_its_base_plus_the_fixed_part_at_most_the_price(
    basis: str, rate: int, fixed: int | None, bought: tuple[int, int], brokerage: int
) -> None:
    order = promoted(basis, rate, fixed).bought(*bought).received().decided()
    assert [amount for _, _, amount in order.transfers] == ([brokerage] if brokerage else [])


@pytest.mark.parametrize(
    "story",
    [
        Order().placed().accepted().paid().bought().received(),
        promoted().received(),
        promoted().bought(),
        promoted().bought().received(objections=1),
        promoted(mandate_at=None).received(),
        Order()
        .placed(promotion=Promotion(promoter_id="p", basis="goods", rate_bps=500))
        .accepted()
        .bought()
        .received(),
    ],
    ids=["no promotion", "no purchase", "not received", "objections", "invalid", "not paid"],
)
def test_without_promotion_agreement_purchase_and_receipt_nothing_is_earned(story: Order) -> None:
    assert story.decided().deductions == []


@pytest.mark.parametrize(("closed", "earned"), [(9 * HOUR - 1, False), (9 * HOUR, False), (9 * HOUR + 1, True)])
@pytest.mark.parametrize("closing", ["cancelled", "dissolved"])
def test_brokerage_is_earned_if_the_obligation_ended_before_the_order_was_closed(
    closing: str, closed: int, earned: bool
) -> None:
    order = promoted().bought(at=3 * HOUR).received(at=9 * HOUR)
    if closing == "cancelled":
        order.asks_to_cancel(at=8 * HOUR).seller_cancels(at=closed)
    else:
        order.asks_to_dissolve(at=8 * HOUR).seller_dissolves(at=closed)
    assert bool(order.decided().transfers) is earned
    assert order.told("repayment_demand", "brokerage") == []


def test_a_cancellation_after_receipt_does_not_undo_the_brokerage() -> None:
    order = promoted().bought().received().decided().asks_to_cancel().seller_cancels().decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 5_000)]
    assert order.told("repayment_demand", "brokerage") == []


@pytest.mark.parametrize(("bought", "earned"), [(8 * HOUR - 1, True), (8 * HOUR, False), (8 * HOUR + 1, False)])
def test_brokerage_is_earned_if_the_purchase_came_before_the_closing(bought: int, earned: bool) -> None:
    # Received first, cancelled before any purchase: one made at or after that instant earns nothing.
    order = promoted().received(at=5 * HOUR).bought(at=bought)
    order.asks_to_dissolve(at=3 * HOUR).seller_dissolves(at=8 * HOUR).decided()
    assert bool(order.transfers) is earned


def test_the_last_price_counts_for_the_brokerage_even_after_the_closing() -> None:
    order = promoted().bought().received().asks_to_dissolve().seller_dissolves().decided().bought(120_000, 0).decided()
    assert [amount for _, _, amount in order.transfers] == [5_000, 1_000]


def test_brokerage_corrected_upwards_pays_the_rest_under_a_deduction_of_its_own() -> None:
    order = promoted().bought().received().decided().bought(110_000, 1_200).decided()
    assert order.deductions == [
        ("purchasing_funds", "ord-1:brokerage:1", 5_000),
        ("purchasing_funds", "ord-1:brokerage:2", 500),
    ]
    assert order.transfers[1] == ("prom-5", "ord-1:brokerage:2", 500)


def test_brokerage_corrected_downwards_is_demanded_back_from_the_provider_and_repaid() -> None:
    order = promoted().bought().received().decided().bought(90_000, 1_200).decided()
    demand = order.decision("repayment_demand", "brokerage")
    assert order.told("repayment_demand", "brokerage") == ["demanded 500"]
    assert [basis.clause for basis in demand.basis] == ["19"]
    assert (demand.audience, demand.account_id) == ("provider", None)
    order.repays(500, "brokerage").decided()
    assert order.told("repayment_demand", "brokerage") == ["demanded 500", "settled"]
    order.bought(100_000, 1_200).decided()
    assert order.transfers[1] == ("prom-5", "ord-1:brokerage:2", 500)


def test_brokerage_repaid_too_much_goes_back_to_the_promoter_by_deduction_and_transfer() -> None:
    order = promoted().bought().received().decided().bought(90_000, 1_200).repays(700, "brokerage").decided()
    assert order.deductions[1] == ("purchasing_funds", "ord-1:brokerage:2", 200)
    assert order.transfers[1] == ("prom-5", "ord-1:brokerage:2", 200)
    assert order.told("repayment_demand", "brokerage") == []
    assert [refund for refund in order.refunds if refund[0] == "brokerage"] == []


def test_brokerage_repaid_where_none_is_due_goes_back_to_the_promoter_citing_6() -> None:
    order = promoted().repays(70, "brokerage").decided()
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 70)]
    assert [basis.clause for basis in order.of(BrokerageTransfer)[0].basis] == ["6"]


def test_brokerage_repaid_on_an_order_without_a_promotion_is_for_people_to_solve() -> None:
    order = Order().placed().accepted().paid().repays(70, "brokerage").decided()
    assert (order.deductions, order.transfers, order.refunds) == ([], [], [])
    assert order.told("refund_undeliverable", "brokerage") == ["noted 70"]
    decision = order.decision("refund_undeliverable", "brokerage")
    assert (decision.audience, decision.account_id) == ("provider", None)
    assert [basis.clause for basis in decision.basis] == ["6"]


def test_a_cancellation_heard_late_that_came_before_receipt_demands_the_brokerage_back() -> None:
    order = promoted().bought(at=3 * HOUR).received(at=9 * HOUR).decided()
    order.asks_to_cancel(at=5 * HOUR).seller_cancels(at=6 * HOUR).decided()
    assert order.told("repayment_demand", "brokerage") == ["demanded 5000"]
    assert order.stands("repayment_demand", "brokerage")[1] == ["6"]


def test_a_failed_refund_on_brokerage_counts_for_nothing() -> None:
    order = promoted().bought().received().decided()
    order.refund_fails(5_000, payment_id=None, line="brokerage").refund_fails(9, line="brokerage").decided()
    assert len(order.transfers) == 1
    assert order.told("refund_undeliverable", "brokerage") == []
    order.unavailable(at=3 * HOUR).decided()  # nor is the payment it names closed to other refunds
    assert order.refunds == [("purchase", 101_301, "pay-1")]


def test_everything_but_brokerage_concerns_the_buyer() -> None:
    order = promoted().bought(90_000).received().decided()
    decisions = order.of(DecisionMade)
    assert [d.kind for d in decisions] == ["agreement", "obligation"]
    assert {(d.audience, d.account_id) for d in decisions} == {("buyer", "acct-7")}
