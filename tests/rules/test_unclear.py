"""Silence proves nothing: what waits while a record lies in quarantine, or something is known to be missing (F5)."""

from collections.abc import Callable

import pytest
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events.chargeback import ChargebackClosed
from purchasing_contracts.events.payment import OutstandingPaid

from service.rules.ledger import Ledger
from tests.rules.happenings import START
from tests.rules.orders import DAY, HOUR, Order, amounts, lamp, money, terms


def topic(name: str) -> tuple[str, ...]:
    return (f"purchasing.events.{name}.v1",)


def effective() -> Order:
    return Order().placed().accepted().paid()


def half_bought() -> Order:
    """Return an effective order of two items, of which the first was bought."""
    return Order().placed(items=(lamp(), lamp())).accepted().paid().bought(50_000, 1_200, items={"1": None})


@pytest.mark.parametrize("name", ["seller-response", "warehouse-receipt"])
def test_a_cancellation_waits_for_records_that_may_report_a_purchase(name: str) -> None:
    order = effective().asks_to_cancel().decided(quarantined=topic(name))
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)B"])
    assert order.refunds == []
    order.decided()
    assert order.outcomes("cancellation", "can-1") == ["pending", "agreed"]
    assert order.refunds == [("purchase", 101_200, "pay-1")]


@pytest.mark.parametrize("name", ["order", "payment", "chargeback"])
def test_a_cancellation_does_not_wait_for_other_records(name: str) -> None:
    order = effective().asks_to_cancel().decided(quarantined=topic(name))
    assert order.outcomes("cancellation", "can-1") == ["agreed"]


def test_a_decision_made_before_a_record_arrived_stays() -> None:
    order = effective().asks_to_cancel().decided()
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.outcomes("cancellation", "can-1") == ["agreed"]
    assert order.outcomes("repayment_demand", "purchase") == []


def test_a_part_cancelled_before_a_record_arrived_stays_cancelled() -> None:
    order = half_bought().asks_to_cancel().decided()
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.outcomes("cancellation", "can-1") == ["pending"]
    assert order.outcomes("repayment_demand", "purchase") == []


def test_a_record_of_the_instant_of_a_decision_holds_it_up() -> None:
    order = effective().asks_to_cancel().decided(8 * DAY)
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.outcomes("cancellation", "can-1") == ["agreed", "pending"]


def test_a_withdrawal_that_took_effect_before_a_record_arrived_stays() -> None:
    order = Order().placed().paid().asks_to_cancel().decided()
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.outcomes("cancellation", "can-1") == ["withdrawn"]


def test_units_cancelled_at_once_stay_so_whatever_the_seller_answers_later() -> None:
    order = half_bought().asks_to_cancel().decided()
    order.seller_cancels(at=9 * DAY).decided(quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    order.seller_wont_cancel(at=10 * DAY).decided(quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.outcomes("cancellation", "can-1") == ["pending", "agreed", "partly_agreed"]


def test_a_part_cancelled_while_the_decision_stays_pending_is_published() -> None:
    order = half_bought().asks_to_cancel().decided(quarantined=topic("seller-response"))
    assert (order.stands("cancellation", "can-1"), order.refunds) == (("pending", ["12(1)B"]), [])
    order.decided()
    assert order.outcomes("cancellation", "can-1") == ["pending", "pending"]
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)A", "12(1)B", "12(3)"])


def test_a_part_cancelled_while_the_decision_stays_pending_stays_cancelled() -> None:
    order = half_bought().asks_to_cancel().decided(quarantined=topic("seller-response")).decided()
    refunds = order.refunds
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)A", "12(1)B", "12(3)"])
    assert (order.refunds, order.outcomes("repayment_demand", "purchase")) == (refunds, [])


def test_a_part_of_a_withdrawal_that_became_a_cancellation_stays_cancelled() -> None:
    order = Order().placed(items=(lamp(), lamp())).paid().received(at=8 * HOUR, items={"1": None})
    order.asks_to_cancel(at=10 * HOUR).decided()
    assert order.stands("cancellation", "can-1") == ("pending", ["2"])
    order.bought(50_000, 1_200, at=9 * HOUR, items={"1": None}).decided()
    assert order.stands("cancellation", "can-1")[1] == ["12(1)A", "12(1)B", "12(3)", "16"]
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.stands("cancellation", "can-1")[1] == ["12(1)A", "12(1)B", "12(3)", "16"]
    assert order.outcomes("repayment_demand", "purchase") == []


def test_a_part_that_waits_again_is_published_and_held_up_by_a_record() -> None:
    order = Order().placed(items=(lamp(quantity=2), lamp())).accepted().paid().bought(50_000, 0, items={"1": 1})
    order.asks_to_cancel(at=10 * HOUR).decided().received(at=9 * HOUR, items={"1": 2}).decided()
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)B"])
    order.bought(50_000, 0, at=8 * HOUR, purchase="pur-2", items={"1": 1})
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.outcomes("cancellation", "can-1") == ["pending", "pending"]
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)B"])


def test_a_journal_that_lacks_an_ended_part_gets_that_and_nothing_else() -> None:
    order = half_bought().asks_to_cancel().decided(quarantined=topic("seller-response")).decided()
    last = order.decision("cancellation", "can-1")
    before = [one for one in order.outputs if one.data is not last]
    order.ledger = Ledger.EMPTY.after(one._replace(version=nth) for nth, one in enumerate(before, 1))
    order.outputs = []
    order.decided()
    assert [one.data.model_dump(exclude={"order_version"}) for one in order.outputs] == [
        last.model_dump(exclude={"order_version"})
    ]


def test_a_request_that_was_moot_by_another_is_not_decided_once_the_other_is_refused() -> None:
    order = effective().asks_to_cancel(at=10 * HOUR).asks_to_cancel("can-2", at=12 * HOUR).decided()
    assert order.stands("cancellation", "can-2") == ("moot", ["12(1)A", "12(3)"])
    order.objects(at=8 * HOUR).verified(at=9 * HOUR).withdraws_objection(at=11 * HOUR)
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.stands("cancellation", "can-1") == ("refused", ["17"])
    assert order.stands("cancellation", "can-2") == ("pending", ["12(1)B"])


@pytest.mark.parametrize("begin", [effective, Order().placed])
def test_the_sellers_agreement_stays_in_force_while_a_record_is_quarantined(begin: Callable[[], Order]) -> None:
    order = begin().asks_to_cancel().seller_cancels(penalty=500)
    for day in (8, 9):
        order.decided(day * DAY, quarantined=topic("warehouse-receipt"))
    assert order.outcomes("cancellation", "can-1") in (["agreed"], ["withdrawn"])
    assert [one for one in order.of(DecisionMade) if one.kind == "fact"] == []


def test_the_sellers_agreement_stays_in_force_with_the_next_quarantined_record() -> None:
    order = effective().asks_to_cancel().seller_cancels(penalty=500).decided(quarantined=topic("seller-response"))
    refunds = order.refunds
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert (order.refunds, order.outcomes("cancellation", "can-1")) == (refunds, ["agreed"])
    assert [one for one in order.of(DecisionMade) if one.kind == "fact"] == []


def test_a_part_that_became_clear_after_the_sellers_agreement_stays_decided() -> None:
    order = effective().asks_to_cancel().seller_cancels(penalty=500).decided(quarantined=topic("seller-response"))
    order.decided()
    assert order.stands("cancellation", "can-1") == ("agreed", ["12(1)A", "12(3)"])
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.stands("cancellation", "can-1") == ("agreed", ["12(1)A", "12(3)"])
    assert (order.refunded(), order.outcomes("repayment_demand", "purchase")) == (101_200, [])


def test_a_withdrawal_waits_while_a_captured_payment_cannot_be_read() -> None:
    order = Order().placed().paid(amounts(currency="USD")).asks_to_cancel().decided()
    assert order.stands("cancellation", "can-1") == ("pending", ["2"])
    order.paid(amounts(currency="USD"), settled=101_301).decided()
    assert order.outcomes("cancellation", "can-1") == ["pending", "withdrawn"]
    assert order.refunds == [("purchase", 101_301, "pay-1")]


def test_a_cancellation_waits_while_goods_were_received_that_nobody_bought() -> None:
    order = effective().received().asks_to_cancel(at=9 * HOUR).decided()
    assert order.outcomes("cancellation", "can-1") == ["pending"]
    order.bought(at=10 * HOUR).seller_cancels(at=11 * HOUR).decided()
    assert order.outcomes("cancellation", "can-1") == ["pending", "agreed"]


@pytest.mark.parametrize(("bought_at", "outcomes"), [(7 * HOUR, ["pending", "withdrawn"]), (11 * HOUR, ["pending"])])
def test_a_withdrawal_waits_for_a_purchase_before_it_not_after(bought_at: int, outcomes: list[str]) -> None:
    order = Order().placed().received(at=8 * HOUR).asks_to_cancel(at=10 * HOUR).decided()
    assert order.bought(at=bought_at).decided().outcomes("cancellation", "can-1") == outcomes
    assert order.stands("cancellation", "can-1")[1] == ["2"]


def test_a_cancellation_of_open_units_is_not_cleared_by_a_later_purchase() -> None:
    two = Order().placed(items=(lamp(), lamp())).accepted().paid().received(at=8 * HOUR)
    order = two.asks_to_cancel(at=10 * HOUR).bought(50_000, 1_200, at=11 * HOUR, items={"1": None}).decided()
    assert (order.outcomes("cancellation", "can-1"), order.refunds) == (["pending"], [])
    assert order.seller_cancels(at=12 * HOUR).decided().stands("cancellation", "can-1")[0] == "agreed"


def test_receipt_is_not_deemed_confirmed_while_a_buyer_record_is_quarantined() -> None:
    order = effective().bought().delivered().decided(90 * DAY, quarantined=topic("order"))
    assert order.outcomes("receipt") == []
    assert order.decided(90 * DAY).outcomes("receipt") == ["deemed_confirmed"]


@pytest.mark.parametrize("name", ["order", "seller-response", "warehouse-receipt"])
def test_an_order_does_not_lapse_while_records_may_report_its_acceptance(name: str) -> None:
    order = Order(terms(acceptance_days=2)).placed().paid().decided(9 * DAY, quarantined=topic(name))
    assert order.outcomes("closing") == []
    order.decided(9 * DAY)
    assert order.stands("closing") == ("lapsed", ["2"])
    assert order.refunds == [("purchase", 101_301, "pay-1")]


def test_a_record_holds_up_for_at_most_the_days_of_the_terms() -> None:
    order = Order(terms(quarantine_days=5, period_counting="hours")).placed().accepted().paid().asks_to_cancel()
    order.decided(4 * HOUR, quarantined=topic("seller-response"))
    assert order.outcomes("cancellation", "can-1") == ["pending"]
    assert order.due_at == 5 * DAY
    assert order.decided(5 * DAY, quarantined=topic("seller-response")).outcomes("cancellation", "can-1") == ["pending"]
    order.decided(5 * DAY + 1, quarantined=topic("seller-response"))
    assert order.outcomes("cancellation", "can-1") == ["pending", "agreed"]


def test_no_refund_goes_out_on_a_payment_whose_chargeback_cannot_be_read() -> None:
    order = effective().charged_back(currency="USD", at=9 * HOUR).asks_to_cancel(at=10 * HOUR).decided()
    assert order.refunds == []
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 101200"]
    order.chargeback_ends(at=11 * HOUR).decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]


def test_an_inquiry_closed_with_an_unreadable_amount_stops_no_refund() -> None:
    order = effective().charged_back(0, stage="inquiry", at=9 * HOUR)
    data = {"chargeback_id": "cb-1", "outcome": "restored", "amount_restored": money(303, "USD")}
    order.add(ChargebackClosed.model_validate(data), 10 * HOUR).asks_to_cancel(at=11 * HOUR).decided()
    assert order.refunds == [("purchase", 101_200, "pay-1")]


def test_a_chargeback_that_cannot_be_read_and_was_lost_is_not_restored() -> None:
    order = effective().charged_back(currency="USD", at=9 * HOUR).chargeback_ends("lost", at=10 * HOUR)
    order.asks_to_cancel(at=11 * HOUR).decided()
    assert order.stands("chargeback", "cb-1")[0] == "unjust"
    assert (order.refunds, order.outcomes("refund_withheld", "purchase")) == ([], ["withheld 101200"])


def test_nothing_is_deducted_while_it_cannot_be_read_how_much_was_restored() -> None:
    order = effective().bought().charged_back(at=9 * HOUR).decided()
    data = {"chargeback_id": "cb-1", "outcome": "restored", "amount_restored": money(9_000, "USD")}
    order.add(ChargebackClosed.model_validate(data), 10 * HOUR).decided().decided(40 * DAY)
    assert order.deductions == []
    order.add(ChargebackClosed.model_validate(data | {"amount_restored": money(60_000)}), 10 * HOUR).decided(41 * DAY)
    assert order.deductions == [("deposit", "cb-1", 41_301)]


def test_a_chargeback_that_was_restored_reopened_unreadably_and_lost_has_what_it_had() -> None:
    order = effective().bought().charged_back(at=9 * HOUR).chargeback_ends(at=10 * HOUR)
    order.charged_back(currency="USD", stage="pre_arbitration", at=11 * HOUR).decided()
    assert order.outcomes("payment_demand", "cb-1") == []
    order.chargeback_ends("lost", at=12 * HOUR).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301"]


def test_a_receipt_of_an_item_without_a_quantity_brings_as_many_as_were_bought() -> None:
    order = Order().placed(items=(lamp(quantity=3), lamp())).accepted().paid()
    order.bought(50_000, 1_200, items={"1": 2}).received(items={"1": None}).asks_to_cancel(items={"2": None}).decided()
    assert order.stands("cancellation", "can-1")[0] == "agreed"


def test_a_withdrawal_that_waits_cites_the_bar_that_kept_a_part_from_it() -> None:
    order = Order().placed(items=(lamp(), lamp())).bought(50_000, 1_200, items={"1": None}).clears_customs()
    order.received(items={"2": 1}).asks_to_cancel().decided()
    assert order.stands("cancellation", "can-1") == ("pending", ["2", "12(7)"])


def test_a_withdrawal_that_the_seller_agrees_to_leaves_what_customs_barred_meanwhile() -> None:
    order = Order().placed(items=(lamp(), lamp())).bought(50_000, 1_200, items={"1": None}).asks_to_cancel()
    order.clears_customs().seller_cancels().asks_to_cancel("can-2").decided(quarantined=topic("seller-response"))
    assert order.stands("cancellation", "can-1") == ("withdrawn", ["2"])
    assert order.stands("cancellation", "can-2") == ("refused", ["12(7)"])
    assert order.outcomes("closing") == []


def test_a_part_cancelled_at_once_stays_so_if_the_rest_was_not_bought_either() -> None:
    order = half_bought().asks_to_cancel(at=10 * HOUR).decided()
    assert order.stands("cancellation", "can-1") == ("pending", ["12(1)A", "12(1)B", "12(3)"])
    order.unavailable(at=9 * HOUR, items={"1": None})
    order.decided(9 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.stands("cancellation", "can-1") == ("agreed", ["12(1)A", "12(3)"])


def test_a_part_counts_as_cancelled_since_it_was_not_since_it_was_published() -> None:
    order = half_bought().asks_to_cancel(at=10 * HOUR).decided(quarantined=topic("seller-response"))
    assert order.ledger.standing["cancellation", "can-1"].since_at == START + 10 * HOUR
    order.decided(9 * DAY)
    assert order.ledger.standing["cancellation", "can-1"].since_at == START + 9 * DAY
    # It is cancelled since then, whatever the seller answers for the rest.
    order.seller_wont_cancel(at=10 * DAY).decided(11 * DAY)
    assert order.ledger.standing["cancellation", "can-1"].since_at == START + 9 * DAY
    assert order.stands("cancellation", "can-1")[0] == "partly_agreed"
    # A record that had arrived before holds it up, so the seller's refusal is for all of it.
    order.decided(12 * DAY, quarantined=topic("seller-response"), quarantined_at=8 * DAY)
    assert order.stands("cancellation", "can-1")[0] == "refused"


def test_a_request_that_no_longer_cancels_anything_begins_anew_when_it_does() -> None:
    order = effective().asks_to_cancel(at=10 * HOUR).decided()
    order.clears_customs(at=9 * HOUR).decided(8 * DAY)
    assert order.stands("cancellation", "can-1") == ("refused", ["12(7)"])
    assert order.ledger.standing["cancellation", "can-1"].since_at == START + 8 * DAY


def test_nothing_is_deducted_while_a_payment_of_the_claim_cannot_be_read() -> None:
    order = effective().bought().charged_back(at=9 * HOUR).decided()
    data = {"chargeback_id": "cb-1", "payment_id": "pay-9", "amount": money(9_000, "USD")}
    order.add(OutstandingPaid.model_validate(data), 10 * HOUR).decided().decided(40 * DAY)
    assert order.deductions == []
    order.add(OutstandingPaid.model_validate(data | {"settled": money(60_000)}), 11 * HOUR).decided(41 * DAY)
    assert order.deductions == [("deposit", "cb-1", 41_301)]
