"""Clause 19: the promoter's brokerage."""

from typing import Any

import pytest
from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events.order import Promotion
from purchasing_contracts.events.seller_response import PurchaseConfirmed

from tests.rules.happenings import refs
from tests.rules.orders import HOUR, Order, lamp, money


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
    assert order.transfers == []
    order.funds_pay(5_000).decided()
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 5_000)]
    assert order.refunds == []


def test_brokerage_messages_carry_no_account_and_cite_19() -> None:
    order = promoted().bought().received().decided().funds_pay(5_000).decided()
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
    assert [amount for _, _, amount in order.deductions] == ([brokerage] if brokerage else [])


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
def test_brokerage_is_earned_on_what_is_bought_when_the_obligation_ends(
    closing: str, closed: int, earned: bool
) -> None:
    order = promoted().bought(at=3 * HOUR).received(at=9 * HOUR)
    if closing == "cancelled":
        order.asks_to_cancel(at=8 * HOUR).seller_cancels(at=closed)
    else:
        order.asks_to_dissolve(at=8 * HOUR).seller_dissolves(at=closed)
    assert bool(order.decided().deductions or order.outcomes("brokerage_withheld")) is earned
    assert order.outcomes("repayment_demand", "brokerage") == []


def test_a_cancellation_after_receipt_does_not_undo_the_brokerage() -> None:
    order = promoted().bought().received().decided().funds_pay(5_000).asks_to_cancel().seller_cancels().decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 5_000)]
    assert order.outcomes("repayment_demand", "brokerage") == []


def test_money_that_the_funds_lack_is_not_transferred() -> None:
    order = promoted().bought().received().decided().funds_fall_short(3_000).decided()
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 3_000)]
    assert order.outcomes("refund_undeliverable", "brokerage") == []


def test_brokerage_is_deducted_and_transferred_once_and_the_rest_is_for_people() -> None:
    order = promoted().bought().received().decided().funds_pay(5_000).decided()
    order.bought(110_000, 1_200).decided()
    assert (len(order.deductions), len(order.transfers)) == (1, 1)
    assert order.outcomes("repayment_demand", "brokerage") == []


def test_brokerage_corrected_downwards_is_demanded_back_from_the_promoter_and_repaid() -> None:
    order = promoted().bought().received().decided().funds_pay(5_000).decided().bought(90_000, 1_200).decided()
    demand = order.decision("repayment_demand", "brokerage")
    assert order.outcomes("repayment_demand", "brokerage") == ["demanded 500"]
    assert [basis.clause for basis in demand.basis] == ["19"]
    assert (demand.audience, demand.account_id) == ("provider", None)
    order.repays(500, "brokerage").decided()
    assert order.outcomes("repayment_demand", "brokerage") == ["demanded 500", "settled"]


def test_a_transfer_that_failed_is_for_people_to_solve() -> None:
    order = promoted().bought().received().decided().funds_pay(5_000).decided().transfer_fails(5_000).decided()
    assert order.outcomes("refund_undeliverable", "brokerage") == ["noted 5000"]
    decision = order.decision("refund_undeliverable", "brokerage")
    assert (decision.audience, decision.account_id) == ("provider", None)
    assert [basis.clause for basis in decision.basis] == ["19"]


def test_an_excess_of_the_funds_is_for_people_until_the_funds_correct_it() -> None:
    order = promoted().bought().received().decided().funds_pay(6_000).decided()
    assert order.outcomes("refund_undeliverable", "brokerage") == ["noted 1000"]
    order.funds_pay(5_000).decided()
    assert order.outcomes("refund_undeliverable", "brokerage") == ["noted 1000", "settled"]
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 5_000)]


def test_an_earlier_failure_of_the_transfer_sets_the_undeliverable_amount() -> None:
    order = promoted().bought().received(at=9 * HOUR).decided().funds_pay(5_000, at=10 * HOUR).decided()
    order.transfer_fails(5_000, at=20 * HOUR).decided().transfer_fails(0, at=20 * HOUR - 1).decided()
    assert order.outcomes("refund_undeliverable", "brokerage") == ["noted 5000", "settled"]
    assert len(order.transfers) == 1


def test_a_late_cancellation_before_receipt_demands_the_brokerage_back() -> None:
    order = promoted().bought(at=3 * HOUR).received(at=9 * HOUR).decided().funds_pay(5_000).decided()
    order.asks_to_cancel(at=5 * HOUR).seller_cancels(at=6 * HOUR).decided()
    assert order.outcomes("repayment_demand", "brokerage") == ["demanded 5000"]
    assert order.stands("repayment_demand", "brokerage")[1] == ["19"]


def test_brokerage_is_withheld_while_the_purchasing_funds_are_not_there() -> None:
    order = promoted().bought().charged_back().received().decided()
    assert order.deductions == []
    assert order.outcomes("brokerage_withheld") == ["withheld 5000"]
    assert order.decision("brokerage_withheld").account_id is None
    order.chargeback_ends().decided()
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 5_000)]
    assert order.outcomes("brokerage_withheld") == ["withheld 5000", "released"]


def test_a_fixed_fee_in_another_currency_waits_to_be_converted() -> None:
    promotion = Promotion(promoter_id="p", basis="goods", rate_bps=0, fixed=money(70, "USD"))
    order = Order().placed(promotion=promotion).accepted().paid().bought().received().decided()
    assert order.deductions == []
    assert order.outcomes("foreign_currency", "e01") == ["unconverted 70"]
    booked = Promotion(promoter_id="p", basis="goods", rate_bps=0, fixed=money(70, "USD"), settled=money(500))
    order = Order().placed(promotion=booked).accepted().paid().bought().received().decided()
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 500)]


def promised(currency: str = "USD", settled: int | None = None, **members: Any) -> dict[str, Any]:
    """Return what `placed` says where the promoter was promised 70.00 in some currency."""
    booked = None if settled is None else money(settled)
    promotion = Promotion(promoter_id="p", basis="goods", rate_bps=0, fixed=money(70, currency), settled=booked)
    return {"promotion": promotion, **members}


def test_a_second_placing_that_can_be_read_converts_the_fixed_fee() -> None:
    order = Order().placed(**promised()).accepted().paid().bought().received().decided()
    order.placed(at=9 * HOUR, **promised(settled=500)).decided()
    assert order.outcomes("foreign_currency", "e01") == ["unconverted 70", "converted"]
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 500)]
    assert order.outcomes("fact", "e06") == []


def test_of_two_placings_that_cannot_be_read_both_are_reported_and_one_counts() -> None:
    order = Order().placed(**promised()).placed(at=9 * HOUR, **promised("EUR")).decided()
    assert [order.outcomes("foreign_currency", one) for one in ("e01", "e02")] == [["unconverted 70"]] * 2
    assert order.decision("fact", "e02").ground == "repeated"


def test_everything_but_brokerage_concerns_the_buyer() -> None:
    order = promoted().bought(90_000).received().decided()
    decisions = order.of(DecisionMade)
    assert [d.kind for d in decisions] == ["agreement", "obligation"]
    assert {(d.audience, d.account_id) for d in decisions} == {("buyer", "acct-7")}


@pytest.mark.parametrize(("returned", "withheld"), [(96_301, []), (96_302, ["withheld 5000"])])
def test_brokerage_waits_if_what_is_due_to_the_buyer_leaves_too_little(returned: int, withheld: list[str]) -> None:
    order = promoted(rate_bps=500).bought().received().asks_to_dissolve().seller_dissolves().seller_refunds(returned)
    # What the seller returned is due. 101,301 - 96,301 are there for the promoter's 5,000.
    assert order.decided().outcomes("brokerage_withheld") == withheld


@pytest.mark.parametrize(("paid_at", "deducted"), [(9 * HOUR, 5_000), (9 * HOUR + 1, 0)])
def test_an_order_that_is_effective_as_of_the_end_of_the_obligation_earns_brokerage(
    paid_at: int, deducted: int
) -> None:
    promotion = Promotion(promoter_id="prom-5", basis="goods", rate_bps=500)
    order = Order().placed(promotion=promotion).accepted().bought(at=8 * HOUR).received(at=9 * HOUR).paid(at=paid_at)
    assert sum(amount for _, _, amount in order.decided().deductions) == deducted


def test_a_transfer_that_failed_is_for_people_whatever_the_funds_answer_later() -> None:
    order = promoted().bought().received().decided().funds_pay(5_000).decided().transfer_fails(3_000).decided()
    assert order.outcomes("refund_undeliverable", "brokerage") == ["noted 3000"]
    order.funds_fall_short(4_000).decided()
    assert order.outcomes("refund_undeliverable", "brokerage") == ["noted 3000"]
    order.funds_pay(5_500).decided()
    assert order.outcomes("refund_undeliverable", "brokerage") == ["noted 3000", "noted 3500"]


def test_a_purchase_that_covers_no_unit_counts_for_brokerage_if_any_unit_is_bought() -> None:
    order = promoted().bought().bought(500, 0, purchase="pur-2").received().decided()
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 5_025)]


def test_brokerage_that_is_no_longer_due_is_transferred_once_and_demanded_back() -> None:
    order = promoted().bought(at=8 * HOUR).received(at=9 * HOUR).decided()
    order.bought(0, 0, at=10 * HOUR).funds_pay(5_000, at=11 * HOUR).decided()
    assert order.transfers == [("prom-5", "ord-1:brokerage:1", 5_000)]
    assert order.outcomes("repayment_demand", "brokerage") == ["demanded 5000"]


def test_brokerage_on_units_that_weigh_nothing_goes_by_their_number() -> None:
    items = (lamp(quantity=3, unit_price=money(0)), lamp(quantity=1, unit_price=money(1_000)))
    order = promoted(items=items).bought(4_000, 0, items={"1": None}).bought(96_000, 0, purchase="pur-2")
    order.asks_to_cancel(items={"1": 1}).seller_cancels().received().decided()
    # Two thirds of the 4,000, and the 96,000.
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 4_933)]


@pytest.mark.parametrize("bought_at", [9 * HOUR - 1, 9 * HOUR])
def test_a_purchase_as_of_the_end_of_the_obligation_counts_for_brokerage(bought_at: int) -> None:
    order = promoted().bought(at=bought_at).received(at=9 * HOUR).decided()
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 5_000)]


def test_brokerage_waits_for_an_unreadable_purchase_that_does_not_count() -> None:
    """F5 says "a purchase", and where it means one that counts it says so."""
    order = promoted(items=(lamp(), lamp())).unavailable(items={"2": None})
    foreign = {"purchase_id": "pur-2", "goods": money(72, "USD"), "to_warehouse_shipping": money(1, "USD")}
    foreign["items"] = refs({"2": None})
    order.add(PurchaseConfirmed.model_validate(foreign)).bought(50_000, 1_200, items={"1": None}).received().decided()
    assert order.decision("fact", "e05").ground == "no_units"
    assert order.deductions == []
    assert order.outcomes("brokerage_withheld") == ["withheld 2500"]
    order.add(PurchaseConfirmed.model_validate(foreign | {"settled": money(500)})).decided()
    assert order.deductions == [("purchasing_funds", "ord-1:brokerage:1", 2_500)]
