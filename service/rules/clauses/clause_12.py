"""Clause 12: the buyer asks to cancel. The numbered steps below are tried in this order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import CancellationRequested
from purchasing_contracts.events.seller_response import CancellationAgreed, CancellationRefused
from purchasing_contracts.events.warehouse_receipt import CustomsCleared

from service.rules.assessment import Closing, Rank, Request, Settlement
from service.rules.clause_02 import WITHDRAWN, settle_withdrawn
from service.rules.clause_07 import with_third_parties
from service.rules.clause_10 import fee
from service.rules.clause_15 import DEPOSIT_KEPT
from service.rules.clause_16 import passed_on
from service.rules.clause_17 import LOGISTICS_AT_FAULT, logistics_at_fault
from service.rules.facts import Fact, micros
from service.rules.requests import said_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds, Said
    from service.rules.reading import Purchase, Reading

TITLE = "Order cancellation"
DOES = (
    "A request on the platform and in time is agreed before the purchase, and after it if the seller agrees; the "
    "fee may be kept, costs, penalty and deposit are the buyer's; after export customs nothing can be cancelled."
)

_BEFORE_PURCHASE = Basis(clause="12(1)A", because="no purchase had been made from the seller")
_SELLER_AGREED = Basis(clause="12(1)B", because="the purchase had been made and the seller agreed to cancel it")
_SELLER_REFUSED = Basis(clause="12(1)B", because="the purchase had been made and the seller did not agree to cancel it")
_SELLER_ASKED = Basis(clause="12(1)B", because="the purchase had been made; the seller has not answered yet")
_OFF_PLATFORM = Basis(clause="12(2)", because="the request was made outside the platform")
_TOO_LATE = Basis(clause="12(2)", because="the request came after the cancellation deadline")
_FEE_KEPT = Basis(clause="12(3)", because="the service fee is not refunded when the buyer cancels")
_COSTS = Basis(clause="12(4)", because="costs incurred for the order are borne by the buyer")
OWED = Basis(clause="12(4)", because="what an order cost beyond the money that was paid is owed by the buyer")
_PENALTY = Basis(clause="12(5)", because="the seller's penalty for the cancellation is borne by the buyer")
_DAMAGED = Basis(clause="12(6)", because="the goods were damaged or lost on their way back to the seller")
_CUSTOMS = Basis(clause="12(7)", because="the goods had cleared customs for export")


def requests(reading: Reading, effective_at: int | None) -> Iterator[Request]:
    """Yield every cancellation request, judged on its own facts, the earliest of each id."""
    asked = reading.distinct(CancellationRequested, "request_id")
    if not asked:
        return
    answers = reading.earliest_of((CancellationAgreed, CancellationRefused), "request_id")
    for fact in asked.values():
        yield _judge(reading, fact, effective_at, answers.get(fact.data.request_id))


def _judge(
    reading: Reading,
    request: Fact[CancellationRequested],
    effective_at: int | None,
    answer: Fact[CancellationAgreed] | Fact[CancellationRefused] | None,
) -> Request:
    """Return the request with its outcome by steps 1 to 6 of the specification."""
    one, at = request.data.request_id, request.at
    deadline = reading.placed.cancellation_deadline
    if request.data.channel != "platform":
        return _request(one, "refused", (_OFF_PLATFORM,))
    if effective_at is None or at < effective_at:
        closing = Closing(at, Rank.WITHDRAWN, one, settle_withdrawn)
        return _request(one, "withdrawn", (WITHDRAWN,), closing)
    if deadline is not None and at > micros(deadline):
        return _request(one, "refused", (_TOO_LATE,))
    adds = passed_on(reading, at)
    purchase = reading.purchase_as_of(at)
    if purchase is None:
        closing = Closing(at, Rank.CANCELLED, one, _settle_before_purchase)
        return _barred(reading, one, at) or _request(one, "agreed", (), closing, adds)
    if answer is None:
        return _barred(reading, one, None) or _request(one, "pending", (_SELLER_ASKED, *adds))
    if isinstance(answer.data, CancellationRefused):
        damaged = (_DAMAGED,) if answer.data.reason == "damaged_in_return" else ()
        return _request(one, "refused", (_SELLER_REFUSED, *damaged, *adds))
    effect = max(at, answer.at)
    penalty = answer.data.penalty.value if answer.data.penalty is not None else 0
    settle = partial(_settle_after_purchase, purchase, penalty)
    closing = Closing(effect, Rank.CANCELLED_AFTER_PURCHASE, one, settle)
    return _barred(reading, one, effect) or _request(one, "agreed", (), closing, adds)


def _request(
    request_id: str, outcome: str, grounds: Grounds, closing: Closing | None = None, adds: Grounds = ()
) -> Request:
    return Request("cancellation", request_id, outcome, grounds, closing, adds)


def _barred(reading: Reading, request_id: str, by: int | None) -> Request | None:
    """Return the refusal after all: goods cleared by then (12(7)), or a package spoiled by logistics (17); else None.

    `by` is when the request took effect; None, at any time, for a pending one.
    """
    cleared = reading.first(CustomsCleared)
    if cleared is not None and (by is None or cleared.at <= by):
        return _request(request_id, "refused", (_CUSTOMS,))
    if logistics_at_fault(reading, by):
        return _request(request_id, "refused", (LOGISTICS_AT_FAULT,))
    return None


def _settle_before_purchase(reading: Reading) -> Settlement:
    """Return what is due where nothing had been purchased at the request: 12(1)A, 12(3), 12(4)."""
    return _settle(reading, (_BEFORE_PURCHASE,), price=reading.quote.goods + reading.quote.shipping)


def _settle_after_purchase(purchase: Purchase, penalty: int, reading: Reading) -> Settlement:
    """Return what is due where the seller agreed to cancel a purchase: 12(1)B, 12(3) to 12(5), 15(2).

    `purchase` as of the request, `penalty` in minor units.
    """
    return _settle(reading, (_SELLER_AGREED,), purchase.price, penalty, purchase.deposit)


def _settle(reading: Reading, grounds: Grounds, price: int, penalty: int = 0, deposit: int = 0) -> Settlement:
    """Return what is left of the money for the buyer.

    What costs and penalty take beyond it, the buyer owes. A deposit only keeps what is there (15(2)): it never adds
    to what is owed.
    """
    kept = 0 if reading.terms.refund_fee_on_cancellation else min(reading.paid.fee, fee(reading, price))
    money = reading.paid.refundable - kept
    costs = reading.costs
    if kept:
        grounds += (_FEE_KEPT,)
    grounds += costs_kept(costs)
    if penalty:
        grounds += (_PENALTY,)
    if deposit:
        grounds += (DEPOSIT_KEPT,)
    return Settlement(
        due=max(0, money - costs - penalty - deposit),
        grounds=grounds,
        line_grounds=with_third_parties(reading, grounds),
        owed=max(0, costs + penalty - money),
        owed_grounds=costs_beyond(penalty),
    )


def costs_kept(costs: int) -> Grounds:
    """Return 12(4) where there were costs, else nothing."""
    return (_COSTS,) if costs else ()


def costs_beyond(penalty: int) -> Grounds:
    """Return the clauses under which the buyer owes what the order cost beyond the money there was."""
    return (OWED, _PENALTY) if penalty else (OWED,)


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decisions `cancellation`, one a request."""
    return said_of(case, "cancellation")
