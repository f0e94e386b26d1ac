"""Clause 22: chargebacks: what they take, whether with just cause, and that no one is paid twice."""

import pytest

from tests.rules.orders import HOUR, Order, amounts, money

UNJUST = ["22", "22(2)"]


def effective() -> Order:
    return Order().placed().accepted().paid()


@pytest.mark.parametrize(
    ("reason", "attributable", "received", "outcome", "clauses"),
    [
        ("other", True, False, "accepted", ["22"]),
        ("not_received", True, False, "accepted", ["22"]),
        ("not_as_described", True, False, "accepted", ["22"]),
        ("duplicate", True, False, "accepted", ["22"]),
        ("account_stolen", True, False, "unjust", ["22", "22(3)"]),
        ("payment_account_misused", True, False, "unjust", ["22", "22(4)"]),
        ("other", False, False, "unjust", ["22", "22(2)"]),
        ("other", True, True, "unjust", ["22", "22(1)"]),
        ("account_stolen", False, True, "unjust", ["22", "22(1)", "22(2)", "22(3)"]),
        ("payment_account_misused", False, True, "unjust", ["22", "22(1)", "22(2)", "22(4)"]),
    ],
)
def test_a_chargeback_is_unjust_by_every_ground_that_applies_else_just(
    reason: str, attributable: bool, received: bool, outcome: str, clauses: list[str]
) -> None:
    order = effective().bought()
    if received:
        order.received()
    order.charged_back(reason=reason, attributable=attributable).decided()
    assert order.stands("chargeback", "cb-1") == (outcome, clauses)
    assert order.holds == ([("place", "cb-1", 101_301)] if outcome == "unjust" else [])
    assert bool(order.outcomes("payment_demand", "cb-1")) is (outcome == "unjust")


@pytest.mark.parametrize(
    ("at", "outcome"), [(9 * HOUR - 1, "accepted"), (9 * HOUR, "unjust"), (9 * HOUR + 1, "unjust")]
)
def test_a_chargeback_at_the_instant_the_obligation_ended_is_unjust(at: int, outcome: str) -> None:
    order = effective().bought().received(at=9 * HOUR).charged_back(at=at, attributable=True).decided()
    assert order.stands("chargeback", "cb-1")[0] == outcome


def test_a_receipt_received_late_makes_a_just_chargeback_unjust() -> None:
    order = effective().bought().charged_back(at=9 * HOUR, attributable=True).decided()
    order.received(at=8 * HOUR).decided()
    assert order.outcomes("chargeback", "cb-1") == ["accepted", "unjust"]
    assert order.holds == [("place", "cb-1", 101_301)]


def test_a_chargeback_larger_than_its_payment_counts_up_to_the_payment() -> None:
    order = effective().charged_back(900_000).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301"]
    assert order.holds == [("place", "cb-1", 101_301)]


def test_a_chargeback_counts_third_parties_fees_that_the_payment_brought_in() -> None:
    paid = amounts(third=300)
    order = Order().placed(quote=paid).accepted().paid(paid).charged_back(900_000).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101601"]


def test_other_payments_do_not_raise_the_amount_of_a_chargeback() -> None:
    order = effective().tipped(5_000).charged_back(7_000, "cb-2", "pay-tip").charged_back(900_000)
    order.pays_outstanding(1_000).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 100301"]
    order.asks_tip_back().decided()
    assert order.refunds == []


def test_a_payment_that_was_two_tips_belongs_to_the_first_with_the_sum_of_both() -> None:
    order = effective().tipped(5_000).tipped(3_000, "tip-2").charged_back(9_000, payment_id="pay-tip")
    order.asks_tip_back().asks_tip_back("tip-2").decided()
    assert order.stands("chargeback", "cb-1") == ("accepted", ["21"])
    assert order.outcomes("tip_refund", "tip-1") == ["agreed"]
    assert order.refunded("tip:tip-1") == 0


def test_a_chargeback_on_an_unknown_payment_takes_nothing_until_the_payment_is_known() -> None:
    order = effective().charged_back(50_000, payment_id="pay-2").decided()
    assert order.stands("chargeback", "cb-1") == ("unjust", UNJUST)
    assert order.holds == []
    assert order.outcomes("payment_demand", "cb-1") == []
    order.requoted(amounts(150_000)).paid(amounts(50_000, 0, 0), "pay-2").decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 50000"]
    assert order.holds == [("place", "cb-1", 50_000)]


def test_a_chargeback_that_is_received_to_be_closed_before_it_was_opened_is_restored() -> None:
    order = effective().chargeback_ends("restored", at=9 * HOUR).decided()
    assert order.outcomes("chargeback", "cb-1") == []
    order.charged_back(at=8 * HOUR).decided()
    assert order.outcomes("chargeback", "cb-1") == ["restored"]
    assert order.stands("chargeback", "cb-1")[1] == UNJUST
    assert order.holds == []


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("lost", "restored"), "restored"),
        (("restored", "lost"), "unjust"),
        (("restored", "lost", "restored"), "restored"),
        (("lost",), "unjust"),
    ],
)
def test_the_latest_word_on_a_chargeback_counts(words: tuple[str, ...], outcome: str) -> None:
    order = effective().charged_back()
    for word in words:
        order.chargeback_ends(word)
    assert order.decided().stands("chargeback", "cb-1")[0] == outcome
    order.chargeback_ends("lost", "cb-2").decided()
    assert order.stands("chargeback", "cb-1")[0] == outcome


def test_an_earlier_word_received_late_does_not_undo_the_latest() -> None:
    order = effective().charged_back().chargeback_ends("restored", at=50 * HOUR).decided()
    assert order.chargeback_ends("lost", at=40 * HOUR).decided().outcomes("chargeback", "cb-1") == ["restored"]


def test_two_chargebacks_have_one_hold_each() -> None:
    order = effective().charged_back(30_000).charged_back(20_000, "cb-2").decided()
    assert order.holds == [("place", "cb-1", 30_000), ("place", "cb-2", 20_000)]
    order.pays_outstanding(20_000, "cb-2").decided()
    assert order.holds[2:] == [("release", "cb-2", 0)]
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 30000"]
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 20000", "settled"]


def test_a_second_chargeback_on_a_payment_takes_only_what_the_first_left() -> None:
    order = effective().charged_back(100_000).charged_back(50_000, "cb-2").decided()
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 1301"]
    order.chargeback_ends("restored", "cb-1").decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 100000", "settled"]
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 1301", "demanded 50000"]


def test_chargebacks_on_different_payments_dont_limit_each_other() -> None:
    half = amounts(50_000, 0, 0)
    order = Order().placed(quote=amounts(100_000, 0, 0)).accepted().paid(half).paid(half, "pay-2")
    order.charged_back(60_000).charged_back(60_000, "cb-2", "pay-2").decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 50000"]
    assert order.outcomes("payment_demand", "cb-2") == ["demanded 50000"]


# No one is paid twice.


def test_a_refund_is_withheld_during_a_chargeback_and_released_when_restored() -> None:
    order = effective().charged_back().decided().asks_to_cancel().decided()
    assert order.refunds == []
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 101200"]
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "demanded 101"]
    assert order.holds == [("place", "cb-1", 101_301), ("place", "cb-1:2", 101)]
    order.chargeback_ends().decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 101200", "released"]
    assert order.stands("refund_withheld", "purchase")[1] == ["22"]
    assert order.holds[2:] == [("release", "cb-1:2", 0)]


def test_a_refund_beyond_what_a_chargeback_left_is_partly_withheld() -> None:
    order = effective().charged_back(50_000).decided().asks_to_cancel().decided()
    assert order.refunds == [("purchase", 51_200, "pay-1")]
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 50000"]
    order.chargeback_ends().decided()
    assert order.refunds[1:] == [("purchase", 50_000, "pay-1")]
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 50000", "released"]


def test_a_withheld_refund_is_released_as_far_as_the_buyer_pays_what_is_outstanding() -> None:
    order = effective().charged_back().asks_to_cancel().decided().pays_outstanding(40_000).decided()
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 101200", "withheld 61301"]
    assert order.refunds == [("purchase", 39_899, "buyer_account")]  # nothing is left to refund on the payment
    order.pays_outstanding(61_301, payment_id="pay-out-2").decided()
    assert order.outcomes("refund_withheld", "purchase")[-1] == "released"
    assert order.refunded() == 101_200


def test_a_refund_paid_before_an_unjust_chargeback_is_claimed() -> None:
    order = effective().asks_to_cancel().decided().charged_back().decided()
    assert order.outcomes("repayment_demand", "purchase") == []
    assert order.outcomes("refund_withheld", "purchase") == []
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301"]


def test_only_what_was_not_refunded_before_can_be_withheld_and_the_rest_is_claimed() -> None:
    order = effective().bought(90_000, 1_000).decided()
    assert order.refunds == [("purchase", 10_210, "pay-1")]
    order.charged_back().unavailable().seller_refunds(91_000).decided()
    # 1,013.01 are due, 102.10 were refunded: 910.91 are kept back, and so much less is claimed.
    assert order.refunded() == 10_210
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 91091"]
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 10210"]
    assert order.outcomes("repayment_demand", "purchase") == []


def test_a_just_chargeback_counts_against_what_is_due_and_the_rest_is_paid() -> None:
    order = effective().charged_back(1_200, attributable=True).asks_to_cancel().decided()
    assert order.refunds == [("purchase", 100_000, "pay-1")]
    assert order.outcomes("refund_withheld", "purchase") == []


def test_a_refund_paid_before_a_just_chargeback_is_demanded_back() -> None:
    order = effective().asks_to_cancel().decided().charged_back(500, attributable=True).decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 500"]
    order.chargeback_ends().decided()
    assert order.outcomes("repayment_demand", "purchase") == ["demanded 500", "settled"]


def test_just_and_unjust_chargebacks_on_one_line_are_both_set_off() -> None:
    order = effective().charged_back(30_000, attributable=True).charged_back(20_000, "cb-2")
    order.asks_to_cancel().decided()
    # 101,200 due, 30,000 taken with just cause, 20,000 without: 51,200 are paid, 20,000 kept back.
    assert order.refunds == [("purchase", 51_200, "pay-1")]
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 20000"]
    assert order.outcomes("payment_demand", "cb-2") == []


def test_withheld_money_covers_the_oldest_chargeback_first() -> None:
    order = effective().charged_back(60_000, "cb-2").charged_back(41_301, "cb-1").asks_to_cancel().decided()
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 101200"]
    assert order.outcomes("payment_demand", "cb-2") == []
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101"]


def test_a_just_chargeback_makes_no_claim_even_when_nothing_is_due() -> None:
    order = effective().bought().charged_back(attributable=True).decided()
    assert (order.holds, order.refunds, order.deductions) == ([], [], [])
    assert order.due_at is None


def test_a_refund_goes_to_a_payment_only_as_far_as_no_chargeback_has_it() -> None:
    half, rest = amounts(50_000, 0, 0), amounts(50_000)
    order = Order().placed().accepted().paid(half).paid(rest, "pay-2")
    order.charged_back(50_000, attributable=True).asks_to_cancel().decided()
    assert order.refunds == [("purchase", 51_200, "pay-2")]


def test_a_second_chargeback_on_a_payment_that_was_only_a_tip_concerns_the_tip() -> None:
    order = Order().placed().accepted().paid().bought().tipped(500)
    order.charged_back(500, payment_id="pay-tip").charged_back(500, "cb-2", payment_id="pay-tip").decided()
    assert order.stands("chargeback", "cb-2") == ("accepted", ["21"])


def test_a_restored_chargeback_is_judged_by_what_earlier_ones_leave_of_its_payment() -> None:
    order = Order().placed().accepted().paid().bought().tipped(500, payment_id="pay-1")
    order.charged_back(101_301).charged_back(500, "cb-2").chargeback_ends(chargeback_id="cb-2").decided()
    assert order.stands("chargeback", "cb-2") == ("restored", ["21"])


def test_a_claim_that_comes_back_in_the_amount_of_a_refused_hold_is_not_held_again() -> None:
    order = Order().placed().accepted().paid().bought().charged_back().decided().hold_refused().decided()
    order.pays_outstanding(101_301).decided()
    order.charged_back(101_301, stage="pre_arbitration", fee=money(101_301)).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "settled", "demanded 101301"]
    assert order.holds == [("place", "cb-1", 101_301)]


def test_a_chargeback_restored_twice_and_then_lost_takes_what_it_took_at_first() -> None:
    order = effective().charged_back(60_000).chargeback_ends().chargeback_ends(restored=5).chargeback_ends("lost")
    assert order.decided().outcomes("payment_demand", "cb-1") == ["demanded 60000"]


def test_a_later_stage_raises_a_dispute_up_to_its_highest_amount_before() -> None:
    order = effective().charged_back(60_000).chargeback_ends("lost", restored=30_000).decided()
    order.charged_back(20_000, stage="pre_arbitration").decided()
    order.charged_back(20_000, stage="arbitration").decided()
    # 30,000 and 20,000; then 60,000, which is what it had been.
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 30000", "demanded 50000", "demanded 60000"]


@pytest.mark.parametrize("attributable", [True, False])
def test_money_that_was_charged_back_does_not_count_whatever_the_cause(attributable: bool) -> None:
    order = Order().placed().accepted().charged_back(1, attributable=attributable).paid().decided()
    assert order.outcomes("agreement") == ["short_paid"]


@pytest.mark.parametrize(("attributable", "clause"), [(True, "24"), (False, "22")])
def test_a_refusal_during_a_chargeback_cites_24_if_the_provider_is_to_blame(attributable: bool, clause: str) -> None:
    order = effective().charged_back(1, attributable=attributable).refused().decided()
    assert order.stands("closing") == ("refused", [clause])


@pytest.mark.parametrize(("restored", "outcome"), [(101_300, "unjust"), (101_301, "restored"), (101_302, "restored")])
def test_a_dispute_that_was_lost_with_all_of_it_given_back_is_restored(restored: int, outcome: str) -> None:
    order = effective().charged_back().chargeback_ends("lost", restored=restored).decided()
    assert order.stands("chargeback", "cb-1") == (outcome, UNJUST)


def test_an_inquiry_does_not_determine_the_payment_of_a_chargeback() -> None:
    order = effective().charged_back(stage="inquiry", payment_id="pay-9").charged_back().decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301"]


def test_the_instruction_is_that_of_the_first_stage_that_takes_money() -> None:
    order = effective().bought().charged_back(stage="inquiry", at=8 * HOUR, attributable=True).received(at=9 * HOUR)
    order.charged_back(at=10 * HOUR, attributable=True).decided()
    assert order.stands("chargeback", "cb-1") == ("unjust", ["22", "22(1)"])
