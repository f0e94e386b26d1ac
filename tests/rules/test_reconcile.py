"""Reconciliation of money: where refunds go, what failed, what came back, what is owed and what is for people."""

import pytest
from purchasing_contracts.events.payment import RefundSucceeded

from tests.rules.happenings import HOUR
from tests.rules.orders import Order, amounts

FIRST, SECOND = amounts(50_000, 0, 0), amounts(50_000)


def paid_twice() -> Order:
    """Return an order of which pay-1 brought in 500.00 and pay-2 the rest, 513.01."""
    return Order().placed().accepted().paid(FIRST).paid(SECOND, "pay-2")


def test_a_refund_goes_to_the_captured_payments_oldest_first_one_command_a_payment() -> None:
    order = paid_twice().asks_to_cancel().decided()
    assert order.refunds == [("purchase", 50_000, "pay-1"), ("purchase", 51_200, "pay-2")]


def test_oldest_is_by_when_a_payment_happened_and_not_by_when_it_was_received() -> None:
    order = Order().placed().accepted().paid(SECOND, "pay-2", at=9).paid(FIRST, "pay-1", at=8).unavailable().decided()
    assert order.refunds == [("purchase", 50_000, "pay-1"), ("purchase", 51_301, "pay-2")]


def test_a_refund_in_two_steps_fills_up_a_payment_before_it_turns_to_the_next() -> None:
    order = paid_twice().bought(60_000, 1_200).decided()
    assert order.refunds == [("purchase", 40_040, "pay-2")]
    order.bought(40_000, 1_200).decided()
    assert order.refunds[1:] == [("purchase", 11_261, "pay-2"), ("purchase", 8_759, "pay-1")]


def test_money_beyond_the_payments_goes_to_the_buyers_account() -> None:
    order = Order().placed().accepted().paid().bought(150_000, 0).asks_to_dissolve().seller_dissolves()
    assert order.seller_refunds(160_000).excess_approved(9_899).decided().refunds == [
        ("purchase", 101_301, "pay-1"),
        ("purchase", 9_899, "buyer_account"),
    ]


def test_a_payment_takes_back_what_third_parties_collected_only_if_it_is_due() -> None:
    # "Up to what it brought in": all of it, third parties' fees included, before the buyer's account.
    order = Order().placed(quote=amounts(third=300)).accepted().paid(amounts(third=300)).bought(0, 101_400)
    order.asks_to_dissolve().seller_dissolves().seller_refunds(101_700).decided()
    assert order.refunds == [("purchase", 101_301, "pay-1")]
    assert order.outcomes("seller_excess") == ["noted 199"]


# What failed.


def test_a_refund_that_failed_on_a_payment_is_due_again_and_goes_to_the_next() -> None:
    order = paid_twice().asks_to_cancel().decided().refund_fails(50_000).decided()
    assert order.refunds[2:] == [("purchase", 101, "pay-2"), ("purchase", 49_899, "buyer_account")]


def test_a_payment_on_which_a_part_failed_takes_no_more_at_all() -> None:
    order = paid_twice().bought(90_000, 1_200).decided().refund_fails(1).decided()
    assert order.refunds == [("purchase", 10_010, "pay-2")]


@pytest.mark.parametrize(("failed", "again"), [(101_199, 101_199), (101_200, 101_200), (101_201, 101_200)])
def test_at_most_what_was_commanded_to_a_payment_counts_as_failed(failed: int, again: int) -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided().refund_fails(failed).decided()
    assert order.refunds[1:] == [("purchase", again, "buyer_account")]


def test_a_failed_refund_counts_only_once_its_payment_has_a_command() -> None:
    order = Order().placed().accepted().paid().refund_fails(500).decided()
    assert order.refunds == []
    order.asks_to_cancel().decided()
    assert order.refunds == [("purchase", 101_200, "buyer_account")]


def test_a_failure_on_another_line_is_not_this_lines() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided().refund_fails(500, line="tip:tip-1").decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]


def test_the_failure_of_one_command_counts_once() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided()
    order.refund_fails(300, command="c-1").refund_fails(400, command="c-1").decided()
    assert order.refunds[1:] == [("purchase", 300, "buyer_account")]


def test_failures_of_several_commands_add_up_to_what_was_commanded() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided()
    order.refund_fails(100_000, command="c-1").refund_fails(100_000, command="c-2").decided()
    assert order.refunds[1:] == [("purchase", 101_200, "buyer_account")]


@pytest.mark.parametrize(("failed", "noted"), [(300, 300), (101_200, 101_200), (900_000, 101_200)])
def test_a_failure_without_a_payment_is_noted_for_people_not_commanded_again(failed: int, noted: int) -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided().refund_fails(101_200).decided()
    order.refund_fails(failed, payment_id=None).decided()
    assert order.refunded() == 2 * 101_200
    assert order.outcomes("refund_undeliverable", "purchase") == [f"noted {noted}"]
    assert order.stands("refund_undeliverable", "purchase")[1] == ["12(1)A", "12(3)"]


def test_a_failure_received_before_its_command_is_noted_in_the_step_that_commands_it() -> None:
    order = Order().placed().fault_found(700).refund_fails(900, payment_id=None, line="compensation").decided()
    assert order.refunds == [("compensation", 700, "buyer_account")]
    assert order.outcomes("refund_undeliverable", "compensation") == ["noted 700"]


def test_nothing_is_undeliverable_on_a_line_that_sent_nothing_but_to_payments() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided().refund_fails(500, payment_id=None).decided()
    assert order.outcomes("refund_undeliverable", "purchase") == []
    assert order.refunds == [("purchase", 101_200, "pay-1")]


def test_a_deposit_that_takes_nothing_back_is_undeliverable() -> None:
    order = Order().placed().accepted().paid().charged_back().deposit_pays(101_301).chargeback_ends().decided()
    order.refund_fails(101_301, payment_id=None, line="chargeback:cb-1").decided()
    assert order.outcomes("refund_undeliverable", "chargeback:cb-1") == ["noted 101301"]
    assert order.stands("refund_undeliverable", "chargeback:cb-1")[1] == ["22"]
    assert order.refunded("chargeback:cb-1") == 101_301


def test_money_refunded_elsewhere_to_the_account_that_fails_is_undeliverable() -> None:
    order = Order().placed().accepted().paid().refunded_elsewhere(700, payment_id=None)
    order.refund_fails(900, payment_id=None).decided()
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 700"]


def undeliverable() -> Order:
    """Return an order whose refund of 1,012.00 failed on the payment, then to the buyer's account at 20:00 (c-2)."""
    order = Order().placed().accepted().paid().asks_to_cancel().decided().refund_fails(101_200, command="c-1").decided()
    return order.refund_fails(101_200, None, command="c-2", at=20 * HOUR).decided()


@pytest.mark.parametrize(("undelivered", "outcomes"), [(0, "settled"), (300, "noted 300")])
def test_an_earlier_failure_of_the_same_command_sets_the_undeliverable_amount(undelivered: int, outcomes: str) -> None:
    order = undeliverable()
    paid_so_far = order.refunds
    order.refund_fails(undelivered, None, command="c-2", at=20 * HOUR - 1).decided()
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 101200", outcomes]
    assert order.refunds == paid_so_far
    assert order.outcomes("repayment_demand", "purchase") == []


def test_an_undeliverable_refund_reported_as_repaid_is_commanded_again() -> None:
    order = undeliverable().repays(101_200, at=21 * HOUR).refund_fails(0, None, command="c-2", at=19 * HOUR).decided()
    assert order.refunds[2:] == [("purchase", 101_200, "buyer_account")]
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 101200", "settled"]
    assert order.outcomes("repayment_demand", "purchase") == []


def test_an_undeliverable_refund_no_longer_due_is_demanded_until_repaid() -> None:
    order = undeliverable().bought(at=HOUR).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]
    order.repays(101_200, at=22 * HOUR).refund_fails(0, None, command="c-2", at=19 * HOUR).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200", "settled"]
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 101200", "settled"]


def test_a_later_failure_or_success_of_the_command_leaves_it_undeliverable() -> None:
    order = undeliverable().refund_fails(0, None, command="c-2", at=21 * HOUR)
    order.add(RefundSucceeded(command_id="c-2"), at=22 * HOUR).decided()
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 101200"]


def test_an_undeliverable_refund_reported_as_made_elsewhere_is_demanded_back() -> None:
    # The command counts as paid out, so this would be the second time.
    order = undeliverable().refunded_elsewhere(101_200, None, at=21 * HOUR).decided()
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 101200"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]


def test_a_failed_tip_refund_goes_to_the_buyers_account() -> None:
    order = Order().placed().tipped(700).asks_tip_back().decided()
    order.refund_fails(700, payment_id="pay-tip", line="tip:tip-1").decided()
    assert order.refunds == [("tip:tip-1", 700, "pay-tip"), ("tip:tip-1", 700, "buyer_account")]


# What came back.


def overpaid() -> Order:
    """Return an order that was refunded 1,012.00, of which nothing was due: the purchase was received late."""
    return Order().placed().accepted().paid().asks_to_cancel(at=9 * 10**10).decided().bought(at=8 * 10**10).decided()


@pytest.mark.parametrize(
    ("repaid", "demand", "refunded_again"),
    [
        (101_199, "demanded 1", []),
        (101_200, "settled", []),
        (101_201, "settled", [("purchase", 1, "pay-1")]),
        (101_400, "settled", [("purchase", 101, "pay-1"), ("purchase", 99, "buyer_account")]),
    ],
)
def test_a_repayment_settles_the_demand_and_its_excess_is_refunded(
    repaid: int, demand: str, refunded_again: list[tuple[str, int, str]]
) -> None:
    order = overpaid()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]
    order.repays(repaid).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200", demand]
    assert order.refunds[1:] == refunded_again


def test_a_settled_demand_cites_what_it_cited_first_and_has_no_amount() -> None:
    order = overpaid().repays(101_200).decided()
    settled = order.decision("repayment_demand", "purchase")
    assert (settled.outcome, settled.amount) == ("settled", None)
    assert (settled.audience, settled.account_id) == ("buyer", "acct-7")
    assert order.stands("repayment_demand", "purchase")[1] == ["6(1)", "10"]


def test_a_repayment_counts_once() -> None:
    order = overpaid().repays(60_000, repayment="r-1").repays(60_000, repayment="r-1").decided()
    assert order.outcomes("repayment_demand", "purchase")[-1] == "demanded 41200"


def test_a_repayment_nobody_asked_for_goes_back_on_the_payment() -> None:
    order = Order().placed().accepted().paid().repays(500).decided()
    assert order.refunds == [("purchase", 500, "pay-1")]
    assert order.refund_clauses() == ["6"]


@pytest.mark.parametrize("line", ["compensation", "tip:unknown", "no such line", "owed"])
def test_a_repayment_on_a_line_on_which_nothing_is_due_goes_to_the_buyers_account(line: str) -> None:
    order = Order().placed().accepted().paid().repays(500, line).decided()
    assert order.refunds == [(line, 500, "buyer_account")]
    assert order.refund_clauses(line) == (["21"] if line.startswith("tip:") else ["6"])


def test_a_needlessly_repaid_tip_returns_to_its_payment_up_to_its_amount() -> None:
    order = Order().placed().tipped(700).repays(900, "tip:tip-1").decided()
    assert order.refunds == [("tip:tip-1", 700, "pay-tip"), ("tip:tip-1", 200, "buyer_account")]


# What the buyer owes.


def owing() -> Order:
    """Return a cancelled order whose costs went 3.00 beyond the money there was."""
    return Order().placed().accepted().paid().cost(101_500).asks_to_cancel().decided()


@pytest.mark.parametrize(
    ("repaid", "outcomes", "back"),
    [
        (299, ["noted 300", "noted 1"], []),
        (300, ["noted 300", "settled"], []),
        (301, ["noted 300", "settled"], [("owed", 1, "buyer_account")]),
    ],
)
def test_repayments_on_owed_settle_the_debt_and_the_excess_goes_back(
    repaid: int, outcomes: list[str], back: list[tuple[str, int, str]]
) -> None:
    order = owing().repays(repaid, "owed").decided()
    assert order.outcomes("buyer_owes") == outcomes
    assert order.refunds == back
    assert order.outcomes("repayment_demand", "owed") == []
    assert order.stands("buyer_owes")[1] == ["12(4)"]
    if back:
        assert order.refund_clauses("owed") == ["12(4)"]


@pytest.mark.parametrize("ground", ["cancelled", "refused"])
def test_a_repayment_where_nothing_is_owed_goes_back_in_full_and_no_more(ground: str) -> None:
    order = Order().placed().accepted().paid().cost(900)
    order = order.asks_to_cancel() if ground == "cancelled" else order.refused("restricted")
    order.repays(500, "owed").decided()
    assert order.refunded("owed") == 500
    assert order.refunded() == (100_300 if ground == "cancelled" else 100_401)


def test_debts_are_not_taken_out_of_a_repayment_on_another_line() -> None:
    order = owing().repays(500, "compensation").decided()
    assert order.refunds == [("compensation", 500, "buyer_account")]
    assert order.outcomes("buyer_owes") == ["noted 300"]


def test_a_claim_on_a_chargeback_is_set_off_against_a_repayment() -> None:
    order = Order().placed().accepted().paid().charged_back(1_000).repays(1_500).decided()
    assert order.refunds == [("purchase", 500, "pay-1")]
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 1000"]
    assert order.outcomes("payment_demand", "cb-1") == []


def test_a_debt_that_rises_after_its_overpayment_went_back_is_demanded_on_owed() -> None:
    order = owing().repays(500, "owed").decided().cost(200, "cost-2").decided()
    assert order.refunds == [("owed", 200, "buyer_account")]
    assert order.outcomes("repayment_demand", "owed") == ["demanded 200"]
    assert order.stands("repayment_demand", "owed")[1] == ["12(4)"]
    assert order.outcomes("buyer_owes") == ["noted 300", "settled"]
    order.repays(200, "owed").decided()
    assert order.outcomes("repayment_demand", "owed") == ["demanded 200", "settled"]


def test_more_money_that_was_collected_settles_what_was_owed() -> None:
    order = owing().paid(amounts(300, 0, 0), "pay-2").decided()
    assert order.outcomes("buyer_owes") == ["noted 300", "settled"]
    assert order.paid(amounts(50, 0, 0), "pay-3").decided().refunds == [("purchase", 50, "pay-1")]


def test_a_refund_demanded_back_and_a_debt_stand_side_by_side() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel().decided().cost(101_500).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]
    assert order.outcomes("buyer_owes") == ["noted 300"]


def test_an_undeliverable_refund_that_is_no_longer_due_is_demanded_and_noted() -> None:
    order = Order().placed().accepted().paid().asks_to_cancel(at=9 * HOUR).decided()
    order.refund_fails(101_200, at=10 * HOUR).decided().refund_fails(101_200, None, command="k", at=12 * HOUR).decided()
    assert order.refunds[1:] == [("purchase", 101_200, "buyer_account")]
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 101200"]
    order.bought(at=8 * HOUR).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200"]
    # Nothing failed after all, and the money is back: both end.
    order.refund_fails(0, None, command="k", at=11 * HOUR).repays(101_200, at=13 * HOUR).decided()
    assert order.outcomes("refund_undeliverable", "purchase") == ["noted 101200", "settled"]
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 101200", "settled"]
