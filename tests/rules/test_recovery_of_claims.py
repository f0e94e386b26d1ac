"""Clause 22, the claim on an unjust chargeback: hold, demand and its days (27), deposit, retained goods."""

from collections.abc import Callable

import pytest
from purchasing_contracts.commands.freeze import FreezePlace

from tests.rules.orders import DAY, HOUR, Order, money, terms

OPENED = 10 * HOUR
LAST = OPENED + 3 * DAY


HOURS = terms(period_counting="hours")
"""Days of 24 hours, so that instants are easy to follow; the calendar has tests of its own."""


def charged(amount: int = 101_301) -> Order:
    """Return an order that was bought, and whose payment was charged back, and demanded again, at the tenth hour."""
    return Order(HOURS).placed().accepted().paid().bought().charged_back(amount, at=OPENED).decided()


def version_of_the_demand(order: Order) -> int:
    return order.decision("payment_demand", "cb-1").order_version


def test_the_demand_cites_22_and_27_and_has_its_last_instant() -> None:
    order = charged()
    assert order.stands("payment_demand", "cb-1") == ("demanded", ["22", "27"])
    assert order.due_by() == LAST
    assert order.due_at == LAST


@pytest.mark.parametrize(("now", "taken"), [(LAST - 1, False), (LAST, False), (LAST + 1, True)])
def test_the_deposit_is_asked_once_the_clock_is_beyond_the_last_instant(now: int, taken: bool) -> None:
    order = charged().decided(now)
    assert order.deductions == ([("deposit", "cb-1", 101_301)] if taken else [])
    assert order.due_at == (None if taken else LAST)
    assert order.decided(now + 90 * DAY).deductions == [("deposit", "cb-1", 101_301)]


def test_the_deduction_names_its_purpose_line_and_chargeback() -> None:
    (_, deduction) = charged().decided(LAST + 1).of(object)[-2:]
    assert (deduction.line, deduction.ref, deduction.purpose) == ("chargeback:cb-1", "cb-1", "chargeback_recovery")
    assert [basis.clause for basis in deduction.basis] == ["22"]


@pytest.mark.parametrize(("paid", "taken"), [(LAST - 1, False), (LAST, False), (LAST + 1, False)])
def test_a_payment_before_the_deadline_is_decided_spares_the_deposit(paid: int, taken: bool) -> None:
    order = charged().pays_outstanding(101_301, at=paid).decided(LAST + 5)
    assert bool(order.deductions) is taken
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "settled"]
    assert order.holds == [("place", "cb-1", 101_301), ("release", "cb-1", 0)]


def test_a_watermark_behind_the_clock_leaves_the_buyer_time() -> None:
    order = charged().decided(LAST + 90 * DAY, watermark=LAST)
    assert order.deductions == []
    assert order.due_at == LAST
    assert order.decided(LAST + 90 * DAY, watermark=LAST + 1).deductions == [("deposit", "cb-1", 101_301)]


@pytest.mark.parametrize("topic", ["payment", "chargeback"])
def test_no_deposit_is_taken_while_a_record_of_the_order_lies_in_quarantine(topic: str) -> None:
    order = charged().decided(LAST + DAY, quarantined=(f"purchasing.events.{topic}.v1",))
    assert order.deductions == []
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301"]
    assert order.due_at is None  # whoever resolves the record looks again
    assert order.decided(LAST + DAY).deductions == [("deposit", "cb-1", 101_301)]


@pytest.mark.parametrize(("now", "taken"), [(0, False), (1, True)])
def test_the_days_run_from_the_publication_of_the_demand(now: int, taken: bool) -> None:
    order = charged()
    published = {version_of_the_demand(order): OPENED + 2 * DAY}
    order.decided(OPENED + 5 * DAY + now, published=published)
    assert bool(order.deductions) is taken


def test_a_demand_that_was_never_published_never_passes() -> None:
    order = charged().decided(OPENED + 900 * DAY, published={})
    assert order.deductions == []
    assert order.due_at == OPENED + 903 * DAY
    order.decided(OPENED + 900 * DAY, published={1: OPENED, 2: OPENED})
    assert order.deductions == []


@pytest.mark.parametrize("days", [1, 3, 7])
def test_the_terms_set_the_days_of_a_demand(days: int) -> None:
    order = (
        Order(terms(payment_demand_days=days, period_counting="hours"))
        .placed()
        .accepted()
        .paid()
        .charged_back(at=OPENED)
        .decided()
    )
    assert order.due_by() == OPENED + days * DAY
    assert order.decided(OPENED + days * DAY).deductions == []
    assert order.decided(OPENED + days * DAY + 1).deductions == [("deposit", "cb-1", 101_301)]


def test_a_claim_that_falls_keeps_its_days() -> None:
    order = charged().pays_outstanding(40_000, at=OPENED + 2 * DAY).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "demanded 61301"]
    assert order.due_by() == LAST
    assert order.due_at == LAST
    assert order.decided(LAST + 1).deductions == [("deposit", "cb-1", 61_301)]


def test_a_claim_that_falls_keeps_the_days_of_the_publication_it_had() -> None:
    order = charged()
    published = {version_of_the_demand(order): OPENED + HOUR}
    order.pays_outstanding(40_000, at=OPENED + 2 * DAY).decided(published=published)
    published[version_of_the_demand(order)] = OPENED + 2 * DAY
    assert order.decided(LAST + HOUR, published=published).deductions == []
    assert order.decided(LAST + HOUR + 1, published=published).deductions == [("deposit", "cb-1", 61_301)]


def test_a_claim_that_rises_before_its_last_instant_keeps_its_days() -> None:
    order = charged(30_000).charged_back(5_000, stage="arbitration", at=OPENED + 2 * DAY).decided()
    assert order.outcomes("payment_demand", "cb-1") == [
        "demanded 30000"
    ]  # the second stage takes no more than the first
    order.repays(0).charged_back(35_000, stage="pre_arbitration", at=OPENED + 2 * DAY).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 30000", "demanded 35000"]
    assert order.due_by() == LAST
    assert order.decided(LAST + 1).deductions == [("deposit", "cb-1", 35_000)]


def test_a_claim_that_rises_after_its_days_is_demanded_anew() -> None:
    order = charged(30_000).decided(LAST + 1).charged_back(35_000, stage="arbitration", at=LAST + DAY).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 30000", "demanded 35000"]
    assert order.due_by() == LAST + 4 * DAY
    assert order.decided(LAST + 4 * DAY + 1).deductions[1:] == [("deposit", "cb-1:2", 35_000)]


def test_the_rest_after_the_last_instant_is_overdue_while_the_input_lags() -> None:
    order = charged().pays_outstanding(1_301, at=LAST).decided(LAST + 1, watermark=LAST)
    assert (order.outcomes("payment_demand", "cb-1"), order.deductions) == (["demanded 101301", "overdue 100000"], [])


def test_the_rest_as_a_simulation_passes_the_last_instant_is_overdue() -> None:
    order = charged().decided().pays_outstanding(1_301, at=LAST).decided(LAST, watermark=LAST + 1)
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "overdue 100000"]
    assert order.deductions == [("deposit", "cb-1", 100_000)]


def test_the_rest_after_the_last_instant_is_overdue_without_a_date() -> None:
    order = charged().decided(LAST + 1).pays_outstanding(1_301, at=LAST + DAY).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "overdue 100000"]
    assert order.decision("payment_demand", "cb-1").due_at is None
    assert len(order.deductions) == 1


def test_a_settled_claim_that_rises_gets_a_new_demand_days_and_hold() -> None:
    order = charged().chargeback_ends("restored").decided()
    order.chargeback_ends("lost", at=OPENED + 9 * DAY).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "settled", "demanded 101301"]
    assert order.due_by() == OPENED + 12 * DAY
    assert order.holds == [("place", "cb-1", 101_301), ("release", "cb-1", 0), ("place", "cb-1:2", 101_301)]
    assert order.decided(OPENED + 12 * DAY).deductions == []
    assert order.decided(OPENED + 12 * DAY + 1).deductions == [("deposit", "cb-1:2", 101_301)]


def test_when_the_claim_changes_the_new_hold_takes_the_place_of_the_one_that_stands() -> None:
    order = charged().pays_outstanding(1).decided().pays_outstanding(1, payment_id="pay-b").decided()
    assert order.holds == [
        ("place", "cb-1", 101_301),
        ("place", "cb-1:2", 101_300),
        ("place", "cb-1:3", 101_299),
    ]
    assert [one.replaces for one in order.of(FreezePlace)] == [None, "cb-1", "cb-1:2"]


def test_a_refused_hold_leaves_the_former_one_in_its_place() -> None:
    order = charged().pays_outstanding(1).decided().hold_refused("cb-1:2").decided()
    assert order.stands("hold", "cb-1:2") == ("refused", ["22"])
    order.pays_outstanding(1, payment_id="pay-b").decided()
    assert order.of(FreezePlace)[-1].replaces == "cb-1"
    assert order.hold_refused("cb-1:3").chargeback_ends().decided().holds[-1] == ("release", "cb-1", 0)


def test_the_deposit_is_asked_once_for_each_demand() -> None:
    order = charged().decided(LAST + 1).chargeback_ends(at=LAST + 2).decided()
    order.chargeback_ends("lost", at=LAST + 3).decided(LAST + 90 * DAY)
    assert order.outcomes("payment_demand", "cb-1")[-1] == "demanded 101301"
    assert order.deductions == [("deposit", "cb-1", 101_301)]
    assert order.decided(LAST + 200 * DAY).deductions[1:] == [("deposit", "cb-1:2", 101_301)]
    assert order.decided(LAST + 900 * DAY).deductions[2:] == []


def test_a_deposit_that_answered_in_full_settles_everything() -> None:
    order = charged().decided(LAST + 1).deposit_pays(101_301, at=LAST + HOUR).decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "settled"]
    assert order.outcomes("retained_goods", "cb-1") == []
    assert order.holds == [("place", "cb-1", 101_301), ("release", "cb-1", 0)]


@pytest.mark.parametrize("deducted", [0, 40_000])
def test_a_short_deposit_authorises_retaining_the_goods_and_keeps_the_hold(deducted: int) -> None:
    order = charged().decided(LAST + 1).deposit_falls_short(deducted, at=LAST + HOUR).decided()
    left = 101_301 - deducted
    assert order.outcomes("retained_goods", "cb-1") == [f"authorised {left}"]
    assert order.stands("retained_goods", "cb-1")[1] == ["22"]
    assert order.holds[-1][0] == "place"


def test_the_goods_sold_settle_the_claim_and_release_them_and_the_hold() -> None:
    order = charged().decided(LAST + 1).deposit_falls_short(40_000, at=LAST + HOUR).decided()
    order.goods_sold(61_300, at=LAST + 2 * HOUR).decided()
    assert order.outcomes("retained_goods", "cb-1") == ["authorised 61301", "released"]  # they are gone
    order.goods_sold(2, disposal="disp-2", at=LAST + 3 * HOUR).decided()
    assert order.outcomes("retained_goods", "cb-1") == ["authorised 61301", "released"]
    assert order.outcomes("payment_demand", "cb-1")[-1] == "settled"
    assert order.refunds == [("chargeback:cb-1", 1, "deposit")]
    assert order.holds[-1] == ("release", "cb-1:3", 0)


def test_a_deposit_that_answered_unasked_is_not_asked_any_more() -> None:
    order = charged().deposit_falls_short(0).decided().decided(LAST + 1)
    assert order.deductions == []
    assert order.outcomes("retained_goods", "cb-1") == ["authorised 101301"]


def test_no_one_is_chased_for_what_he_is_owed() -> None:
    order = charged().unavailable().seller_refunds(101_200).decided()
    assert order.outcomes("refund_withheld", "purchase") == ["withheld 101301"]
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "settled"]
    assert order.holds == [("place", "cb-1", 101_301), ("release", "cb-1", 0)]
    assert order.decided(LAST + 90 * DAY).deductions == []


def test_a_late_message_takes_no_day_from_the_buyer() -> None:
    order = Order(HOURS).placed().accepted().paid().charged_back(at=OPENED).decided(OPENED + 30 * DAY)
    assert order.due_by() == OPENED + 33 * DAY
    assert order.deductions == []


def test_each_chargeback_has_a_deadline_of_its_own() -> None:
    order = Order(HOURS).placed().accepted().paid().charged_back(1_000, at=OPENED).decided()
    order.charged_back(2_000, "cb-2", at=OPENED + DAY).decided()
    assert order.due_at == LAST
    assert order.decided(LAST + 1).deductions == [("deposit", "cb-1", 1_000)]
    assert order.due_at == LAST + DAY
    assert order.decided(LAST + DAY + 1).deductions[1:] == [("deposit", "cb-2", 2_000)]


def test_a_chargeback_found_just_releases_the_hold_and_settles_the_demand() -> None:
    order = Order(HOURS).placed().accepted().paid().bought().received("rec-1", at=9 * HOUR)
    order.charged_back(at=OPENED, attributable=True).decided()
    assert order.holds == [("place", "cb-1", 101_301)]
    order.received("rec-2", at=8 * HOUR, objections=1).decided()
    assert order.outcomes("chargeback", "cb-1") == ["unjust", "accepted"]
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 101301", "settled"]
    assert order.holds == [("place", "cb-1", 101_301), ("release", "cb-1", 0)]


@pytest.mark.parametrize(
    ("watermark", "outcomes", "due_by"),
    [
        (LAST, ["demanded 30000", "overdue 35000"], None),
        (LAST + 1, ["demanded 30000", "demanded 35000"], LAST + DAY + 3 * DAY),
    ],
)
def test_a_claim_that_rises_is_demanded_anew_once_the_input_was_read_beyond_its_days(
    watermark: int, outcomes: list[str], due_by: int | None
) -> None:
    order = charged(30_000).charged_back(35_000, stage="arbitration", at=LAST)
    order.decided(LAST + DAY, watermark=watermark)
    assert (order.outcomes("payment_demand", "cb-1"), order.deductions) == (outcomes, [])
    if due_by is not None:
        assert order.due_by() == due_by


def test_a_claim_that_rises_to_what_its_demand_named_before_is_not_demanded_anew() -> None:
    order = charged(30_000).pays_outstanding(10_000, at=LAST - 1).decided().decided(LAST + 1)
    assert order.deductions == [("deposit", "cb-1", 20_000)]
    order.charged_back(30_000, stage="arbitration", fee=money(10_000), at=LAST + DAY).decided()
    # 30,000 and the fee of 10,000, less the 10,000 paid: as much as demand 1 named at first.
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 30000", "demanded 20000", "overdue 30000"]
    order.charged_back(30_000, stage="pre_arbitration", fee=money(1), at=LAST + 2 * DAY).decided()
    assert order.outcomes("payment_demand", "cb-1")[-1] == "demanded 30001"


@pytest.mark.parametrize(
    "gone",
    [
        lambda order: order.delivered(at=LAST + DAY),
        lambda order: order.confirms_receipt(at=LAST + DAY),
        lambda order: order.goods_sold(0, at=LAST + DAY),
        lambda order: order.asks_to_dissolve(at=LAST + DAY).seller_dissolves(at=LAST + DAY),
    ],
    ids=["delivered", "confirmed", "disposed of", "dissolved"],
)
def test_goods_that_are_gone_can_no_longer_be_retained(gone: Callable[[Order], Order]) -> None:
    order = charged().decided(LAST + 1).deposit_falls_short(0, at=LAST + HOUR).decided()
    assert order.outcomes("retained_goods", "cb-1") == ["authorised 101301"]
    assert gone(order).decided().outcomes("retained_goods", "cb-1") == ["authorised 101301", "released"]


@pytest.mark.parametrize(
    ("deduction", "left"),
    [
        ("cb-1", 101_001),
        ("cb-1:2", 101_001),
        ("cb-1:12", 101_001),
        ("cb-1:x", 101_301),
        ("cb-1:", 101_301),
        ("cb-1:\u0662", 101_301),
        ("cb-9:2", 101_301),
        ("cb-1:2:3", 101_301),
    ],
)
def test_a_deduction_belongs_to_the_chargeback_of_its_id_with_or_without_a_number(deduction: str, left: int) -> None:
    order = charged().deposit_pays(300, deduction).decided()
    assert order.outcomes("payment_demand", "cb-1")[-1] == f"demanded {left}"


def test_a_deduction_of_exactly_the_id_of_a_chargeback_is_for_that_one() -> None:
    order = charged(1_000).charged_back(500, "cb-1:2").deposit_pays(300, "cb-1:2").decided()
    assert order.outcomes("payment_demand", "cb-1") == ["demanded 1000"]
    assert order.outcomes("payment_demand", "cb-1:2") == ["demanded 200"]
