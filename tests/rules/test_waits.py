"""What an order waits for (R21): the row, what it is, whose it is to do, and until when."""

from collections.abc import Callable

import pytest

from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import examine
from service.rules.waits import Wait, waits_of
from tests.rules.happenings import START
from tests.rules.orders import DAY, HOUR, Order, amounts, terms


def awaited(order: Order, clock: Clock | None = None) -> tuple[Wait, ...]:
    now = max(fact.at for fact in order.facts)
    facts = sorted(order.facts, key=lambda fact: fact.key)
    found = examine(order.order_id, facts, order.ledger, order.book, clock or Clock(now, now))
    assert found is not None
    return waits_of(found)


def effective() -> Order:
    return Order().placed().accepted().paid()


STORIES: dict[str, tuple[Callable[[], Order], list[tuple[int, str, str]]]] = {
    "placed": (lambda: Order().placed(), [(1, "acceptance", "")]),
    "accepted": (lambda: Order().placed().accepted(), [(2, "rest_of_order_amount", "")]),
    "paid": (effective, [(3, "purchase", "")]),
    "bought": (lambda: effective().bought(), [(4, "receipt_by_warehouse", ""), (5, "delivery", "")]),
    "received": (lambda: effective().bought().received(), [(5, "delivery", "")]),
    "delivered": (lambda: effective().bought().received().delivered(), [(5, "confirmation_of_receipt", "")]),
    "confirmed": (lambda: effective().bought().received().delivered().confirms_receipt(), []),
    "asked to cancel": (
        lambda: effective().bought().received().delivered().asks_to_cancel(),
        [(5, "confirmation_of_receipt", ""), (6, "sellers_answer", "can-1")],
    ),
    "objected": (
        lambda: effective().bought().received().delivered().objects(),
        [(5, "confirmation_of_receipt", ""), (7, "verification", "obj-1")],
    ),
    "dissolved": (
        lambda: effective().bought().received().asks_to_dissolve().seller_dissolves(),
        [(8, "sellers_money", "dis-1")],
    ),
    "cancelled": (lambda: effective().asks_to_cancel().decided(), [(14, "refund_answer", "purchase")]),
    "claimed": (
        lambda: effective().bought().received().confirms_receipt().charged_back().decided(),
        [(9, "payment_of_claim", "cb-1"), (13, "chargeback_outcome", "cb-1")],
    ),
    "owed": (
        lambda: effective().bought().asks_to_cancel().seller_cancels(penalty=131_200).decided(),
        [(12, "buyer_owes", "")],
    ),
    "unconverted": (
        lambda: effective().bought().received().confirms_receipt().tipped(5).paid(amounts(currency="USD"), "pay-2"),
        [(15, "conversion", "e08")],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_an_order_waits_for_what_its_state_lacks(story: str) -> None:
    tell, expected = STORIES[story]
    assert [(one.row, one.what, one.ref) for one in awaited(tell())] == expected


def test_a_period_says_until_when_it_waits() -> None:
    order = Order(terms(acceptance_days=2, period_counting="hours")).placed()
    assert [one.until for one in awaited(order)] == [START + 2 * DAY]


def test_a_record_in_quarantine_waits_for_a_person() -> None:
    record = QuarantinedRecord("purchasing.events.payment.v1", START + HOUR)
    now = START + 9 * HOUR
    found = awaited(effective().bought().received().confirms_receipt(), Clock(now, now, (record,)))
    assert [(one.row, one.what, one.ref) for one in found] == [(15, "record_in_quarantine", record.topic)]


def test_amounts_are_those_of_the_order_unless_they_say_otherwise() -> None:
    order = effective().bought().received().confirms_receipt().paid(amounts(currency="USD"), "pay-2")
    (one,) = awaited(order)
    assert (one.amount, one.currency) == (101_301, "USD")
