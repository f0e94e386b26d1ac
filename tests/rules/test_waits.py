"""The waits of an order (R21): kind, subject, whose it is to act, and until when."""

from collections.abc import Callable

import pytest
from purchasing_contracts.events.order import Promotion
from purchasing_contracts.plan import PlanPart

from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import decide, examine
from service.rules.ledger import Ledger
from service.rules.terms import TermsBook
from service.rules.waits import PLACED, RECORD, UNKNOWN, WAIT_KINDS, Wait, waits_of
from tests.rules.happenings import START
from tests.rules.orders import DAY, HOUR, Order, amounts, lamp, money, terms, when


def awaited(order: Order, clock: Clock | None = None) -> tuple[Wait, ...]:
    now = max(fact.at for fact in order.facts)
    facts = sorted(order.facts, key=lambda fact: fact.key)
    found = examine(order.order_id, facts, order.ledger, order.book, clock or Clock(now, now))
    assert found is not None
    return waits_of(found)


def effective() -> Order:
    return Order().placed().accepted().paid()


def confirmed() -> Order:
    return effective().bought().received().confirms_receipt()


def promoted() -> Order:
    promotion = Promotion(promoter_id="prom-5", basis="goods", rate_bps=500)
    order = Order().placed(promotion=promotion).accepted().paid().bought()
    return order.received().confirms_receipt().decided()


def claimed() -> Order:
    return confirmed().charged_back(respond_by=when(30 * DAY)).decided()


def deducted() -> Order:
    """The days of the demand have passed; a deduction is commanded."""
    return claimed().decided(9 * DAY)


STORIES: dict[str, tuple[Callable[[], Order], list[tuple[int, str, str, int | None]]]] = {
    "placed": (lambda: Order().placed(), [(1, "acceptance", "", None)]),
    "accepted": (lambda: Order().placed().accepted(), [(2, "rest_of_order_amount", "", 101_301)]),
    "accepted, and partly paid": (
        lambda: Order().placed().accepted().paid(amounts(60_000, 0, 0)),
        [(2, "rest_of_order_amount", "", 41_301)],
    ),
    "accepted, and charged back": (
        lambda: effective().charged_back(at=HOUR),
        [(2, "rest_of_order_amount", "", 101_301), (13, "chargeback_outcome", "cb-1", 101_301)],
    ),
    "bought with a part of the money": (
        lambda: Order().placed().accepted().paid(amounts(goods=60_000, shipping=0, fee=0)).bought().confirms_receipt(),
        [(2, "rest_of_order_amount", "", 41_301), (4, "receipt_by_warehouse", "", None)],
    ),
    "paid": (effective, [(3, "purchase", "", None)]),
    "received, and no purchase known": (
        lambda: Order().placed().accepted().received(),
        [(2, "rest_of_order_amount", "", 101_301), (3, "purchase", "", None)],
    ),
    "bought": (
        lambda: effective().bought(),
        [(4, "receipt_by_warehouse", "", None), (5, "delivery", "", None)],
    ),
    "received": (lambda: effective().bought().received(), [(5, "delivery", "", None)]),
    "received with objections": (
        lambda: effective().bought().received(objections=1),
        [(4, "receipt_by_warehouse", "", None), (5, "delivery", "", None), (7, "verification", "rec-1", None)],
    ),
    "delivered": (
        lambda: effective().bought().received().delivered(),
        [(5, "confirmation_of_receipt", "", None)],
    ),
    "confirmed": (confirmed, []),
    "asked to cancel": (
        lambda: effective().bought().received().delivered().asks_to_cancel(),
        [(5, "confirmation_of_receipt", "", None), (6, "sellers_answer", "can-1", None)],
    ),
    "asked to dissolve": (
        lambda: effective().bought().received().asks_to_dissolve(),
        [(5, "delivery", "", None), (6, "sellers_answer", "dis-1", None)],
    ),
    "objected": (
        lambda: effective().bought().received().delivered().objects(),
        [(5, "confirmation_of_receipt", "", None), (7, "verification", "obj-1", None)],
    ),
    "dissolved": (
        lambda: effective().bought().received().asks_to_dissolve().seller_dissolves(),
        [(8, "sellers_money", "dis-1", 101_200)],
    ),
    "dissolved, and a part came": (
        lambda: effective().bought().received().asks_to_dissolve().seller_dissolves().seller_refunds(101_000),
        [(8, "sellers_money", "dis-1", 200)],
    ),
    "dissolved, and more came": (
        lambda: effective().bought().received().asks_to_dissolve().seller_dissolves().seller_refunds(101_201),
        [],
    ),
    "one item dissolved, one rescinded, and a part came": (
        lambda: Order()
        .placed(items=(lamp(), lamp()))
        .accepted()
        .paid()
        .bought()
        .asks_to_dissolve(items={"1": None})
        .seller_dissolves()
        .unavailable(items={"2": None})
        .seller_refunds(60_000),
        # 50,000 for each, and the shipping of the purchase, as nothing is left of it.
        [(8, "sellers_money", "", 41_200)],
    ),
    "one item dissolved, one rescinded, and nothing came": (
        lambda: Order()
        .placed(items=(lamp(), lamp()))
        .accepted()
        .paid()
        .bought()
        .asks_to_dissolve(items={"1": None})
        .seller_dissolves()
        .unavailable(items={"2": None}),
        [(8, "sellers_money", "dis-1", 50_000), (8, "sellers_money", "", 51_200)],
    ),
    "cancelled by a seller that pays a part": (
        lambda: effective().bought().asks_to_cancel().seller_cancels(penalty=200).seller_refunds(1_000),
        [(8, "sellers_money", "can-1", 100_000)],
    ),
    "claimed": (claimed, [(9, "payment_of_claim", "cb-1", 101_301), (13, "chargeback_outcome", "cb-1", 101_301)]),
    "to be deducted": (
        deducted,
        [(10, "deposits_answer", "cb-1", 101_301), (13, "chargeback_outcome", "cb-1", 101_301)],
    ),
    "the deposit fell short": (
        lambda: deducted().deposit_falls_short(1_301, at=10 * DAY).decided(),
        [(11, "payment_or_disposal", "cb-1", 100_000), (13, "chargeback_outcome", "cb-1", 101_301)],
    ),
    "paid back too much": (
        lambda: confirmed().refunded_elsewhere(500).decided(),
        [(12, "repayment", "purchase", 500)],
    ),
    "owed": (
        lambda: effective().bought().asks_to_cancel().seller_cancels(penalty=131_200).decided(),
        [(12, "buyer_owes", "", 30_000)],
    ),
    "lost": (lambda: claimed().chargeback_ends("lost").pays_outstanding(101_301).decided(), []),
    "cancelled": (lambda: effective().asks_to_cancel().decided(), [(14, "refund_answer", "purchase", 101_200)]),
    "promoted": (promoted, [(14, "funds_answer", "ord-1:brokerage:1", 5_000)]),
    "transferred, and the goods cost less": (
        lambda: promoted().funds_pay(5_000).decided().bought(50_000, 1_200, at=4 * HOUR).decided(),
        [(12, "promoters_repayment", "brokerage", 2_500), (14, "refund_answer", "purchase", 50_050)],
    ),
    "transferred, and the buyer got too much": (
        lambda: promoted().funds_pay(5_000).decided().refunded_elsewhere(500).decided(),
        [(12, "repayment", "purchase", 500)],
    ),
    "transferred, and it failed": (
        lambda: promoted().funds_pay(5_000).decided().transfer_fails(5_000).decided(),
        [(15, "undeliverable", "brokerage", 5_000)],
    ),
    "unconverted": (lambda: confirmed().paid(amounts(currency="USD"), "pay-2"), [(15, "conversion", "e07", 101_301)]),
    "the seller pays too much": (
        lambda: confirmed().seller_refunds(300_000).decided(),
        [(14, "refund_answer", "purchase", 101_301), (15, "seller_excess", "", 198_800)],
    ),
    "no way to refund": (
        lambda: effective().asks_to_cancel().decided().refund_fails(101_200).decided().refund_fails(101_200, None)
        .decided(),
        [(14, "refund_answer", "purchase", 202_400), (15, "undeliverable", "purchase", 101_200)],
    ),
    "the hold was refused": (
        lambda: claimed().hold_refused().decided(),
        [
            (9, "payment_of_claim", "cb-1", 101_301),
            (13, "chargeback_outcome", "cb-1", 101_301),
            (15, "refused_hold", "cb-1", None),
        ],
    ),
    "an inquiry": (
        lambda: confirmed().charged_back(stage="inquiry"), [(13, "chargeback_outcome", "cb-1", None)],
    ),
    "charged back after an inquiry ended": (
        lambda: confirmed().charged_back(stage="inquiry").chargeback_ends().charged_back(),
        [(13, "chargeback_outcome", "cb-1", 101_301)],
    ),
    "two rounds that ended": (
        lambda: confirmed()
        .charged_back(attributable=True, reason="other", instructed_at=when(0))
        .chargeback_ends()
        .charged_back(attributable=True, stage="arbitration")
        .chargeback_ends(),
        [],
    ),
    "an inquiry that ended": (lambda: confirmed().charged_back(stage="inquiry").chargeback_ends(), []),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_an_order_waits_for_what_its_state_lacks(story: str) -> None:
    build, expected = STORIES[story]
    assert [(one.row, one.what, one.ref, one.amount) for one in awaited(build())] == expected


def test_each_kind_of_wait_is_in_a_story() -> None:
    listed = {what for _, expected in STORIES.values() for _, what, _, _ in expected}
    assert listed == WAIT_KINDS.keys() - {PLACED, UNKNOWN, RECORD}


def test_an_order_not_placed_waits_for_that_and_an_unknown_one_for_nothing() -> None:
    clock = Clock(START, START)
    assert decide("ord-1", Order().accepted().facts, Ledger.EMPTY, TermsBook(), clock).waits == (Wait(PLACED),)
    assert decide("ord-1", [], Ledger.EMPTY, TermsBook(), clock).waits == ()


def test_an_order_that_has_ended_waits_only_for_rows_8_to_15() -> None:
    order = effective().bought().received(objections=1).objects().asks_to_dissolve().seller_dissolves()
    assert {one.row for one in awaited(order)} == {8}


def test_the_days_of_a_demand_run_from_its_publication() -> None:
    order = claimed()
    (version,) = [one.version for one in order.outputs if getattr(one.data, "kind", "") == "payment_demand"]

    def until(published: dict[int, int]) -> int | None:
        return next(one.until for one in awaited(order, Clock(START + 6 * HOUR, START, (), published)) if one.row == 9)

    (stated,) = [demand.due_at for demand in order.ledger.demands.values()]
    assert until({}) == stated
    assert until({version: START + DAY + 6 * HOUR}) == stated + DAY


def test_the_last_instant_of_a_balance_is_the_next_that_has_not_passed() -> None:
    parts = [
        PlanPart(part="deposit", amount=money(30_000)),
        PlanPart(part="balance", amount=money(40_000), due_at=when(3 * DAY)),
        PlanPart(part="balance", amount=money(31_301), due_at=when(5 * DAY)),
    ]
    order = Order().placed(payment_plan=tuple(parts)).accepted().paid(amounts(goods=30_000, shipping=0, fee=0))

    def until(at: int) -> int | None:
        return next(one.until for one in awaited(order.bought(), Clock(START + at, START + at)) if one.row == 2)

    assert [until(DAY), until(3 * DAY), until(3 * DAY + 1), until(6 * DAY)] == [
        START + 3 * DAY, START + 3 * DAY, START + 5 * DAY, None,
    ]  # fmt: skip


def test_a_period_has_its_last_instant() -> None:
    order = Order(terms(acceptance_days=2, period_counting="hours")).placed()
    assert [one.until for one in awaited(order)] == [START + 2 * DAY]


def test_a_record_in_quarantine_waits_for_a_person() -> None:
    record = QuarantinedRecord("purchasing.events.payment.v1", START + HOUR)
    now = START + 9 * HOUR
    found = awaited(effective().bought().received().confirms_receipt(), Clock(now, now, (record,)))
    assert [(one.row, one.what, one.ref) for one in found] == [(15, "record_in_quarantine", record.topic)]


def test_amounts_are_in_the_currency_of_the_order_unless_stated_otherwise() -> None:
    order = effective().bought().received().confirms_receipt().paid(amounts(currency="USD"), "pay-2")
    (one,) = awaited(order)
    assert (one.amount, one.currency) == (101_301, "USD")


def test_nobody_waits_for_a_confirmation_that_was_deemed_given() -> None:
    order = effective().bought().received().delivered().decided(90 * DAY)
    assert order.outcomes("receipt") == ["deemed_confirmed"]
    assert awaited(order, Clock(START + 90 * DAY, START + 90 * DAY)) == ()
