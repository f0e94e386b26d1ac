"""Clause 13: the buyer asks to dissolve the order. The numbered steps below are tried in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import DissolutionRequested
from purchasing_contracts.events.seller_response import DissolutionAgreed, DissolutionRefused

from service.rules.assessment import Closing, Rank, Request, Settlement
from service.rules.clause_02 import NOT_EFFECTIVE
from service.rules.clause_06 import surplus
from service.rules.clause_07 import with_third_parties
from service.rules.clause_17 import LOGISTICS_AT_FAULT, logistics_at_fault
from service.rules.clause_18 import CONFIRMED, DEEMED, confirmed_at, deemed_at, delivered_at
from service.rules.facts import DAY, Fact
from service.rules.requests import said_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds, Said
    from service.rules.reading import Reading

TITLE = "Order dissolution"
DOES = (
    "Inspected goods with evidence, in time, not disclosed before and not yet confirmed may be dissolved if the "
    "seller agrees; what the seller returns goes to the buyer in full, the service fee does not."
)

TESTS = ("tests/rules/test_clause_13.py", "tests/rules/test_clause_24.py")

_NOT_INSPECTED = Basis(clause="13(1)", because="the goods were not inspected, or no evidence was submitted")
_TOO_LATE = Basis(clause="13(2)", because="the request came after the period allowed for dissolving the order")
_DISCLOSED = Basis(clause="13(3)", because="the buyer knew of this issue before commissioning the purchase")
_SELLER_REFUSED = Basis(clause="13(4)", because="the seller refused to dissolve the purchase")
_SELLER_ASKED = Basis(clause="13(4)", because="the seller was asked to dissolve the purchase and has not answered yet")
_SELLER_AGREED = Basis(clause="13(5)", because="the seller agreed to dissolve the purchase")
_FUNDS_RETURNED = Basis(clause="13(6)", because="the purchase funds that the seller returns are refunded in full")
FAULT_OF_THE_PROVIDER = Basis(
    clause="13(7)", because="the dissolved order was at fault of the provider: it compensates"
)


def requests(reading: Reading, effective_at: int | None) -> Iterator[Request]:
    """Yield every dissolution request, judged on its own facts, the earliest of each id."""
    asked = reading.distinct(DissolutionRequested, "request_id")
    if not asked:
        return
    answers = reading.earliest_of((DissolutionAgreed, DissolutionRefused), "request_id")
    for fact in asked.values():
        refused = _refused(reading, fact, effective_at)
        if refused:
            yield _request(fact, "refused", refused)
        else:
            yield _answered(reading, fact, answers.get(fact.data.request_id))


def _refused(reading: Reading, request: Fact[DissolutionRequested], effective_at: int | None) -> Grounds:
    """Return why the request is refused whatever the seller says (steps 1 to 5); nothing if it isn't."""
    at, data = request.at, request.data
    if effective_at is None or effective_at > at:
        return (NOT_EFFECTIVE,)
    if not data.inspected or not data.evidence:
        return (_NOT_INSPECTED,)
    days, delivered = reading.placed.dissolution_period_days, delivered_at(reading)
    if days is not None and delivered is not None and at > delivered + days * DAY:
        return (_TOO_LATE,)
    if data.ground in reading.placed.disclosed_issues:
        return (_DISCLOSED,)
    confirmed, deemed = confirmed_at(reading), deemed_at(reading)
    if confirmed is not None and confirmed <= at:
        return (CONFIRMED,)
    if deemed is not None and deemed < at:
        return (DEEMED,)
    return ()


def _answered(
    reading: Reading,
    request: Fact[DissolutionRequested],
    answer: Fact[DissolutionAgreed] | Fact[DissolutionRefused] | None,
) -> Request:
    """Return the request with the seller's answer (steps 6 and 7)."""
    if answer is None:
        barred, outcome, grounds, closing = (
            logistics_at_fault(reading, None),
            "pending",
            (_SELLER_ASKED,),
            None,
        )
    elif isinstance(answer.data, DissolutionRefused):
        return _request(request, "refused", (_SELLER_REFUSED,))
    else:
        effect = max(request.at, answer.at)
        barred, outcome, grounds = logistics_at_fault(reading, effect), "agreed", (_SELLER_AGREED,)
        closing = Closing(effect, Rank.DISSOLVED, request.data.request_id, _settle)
    if barred:
        return _request(request, "refused", (LOGISTICS_AT_FAULT,))
    return _request(request, outcome, grounds, closing)


def _request(
    request: Fact[DissolutionRequested], outcome: str, grounds: Grounds, closing: Closing | None = None
) -> Request:
    return Request("dissolution", request.data.request_id, outcome, grounds, closing)


def _settle(reading: Reading) -> Settlement:
    """Return the surplus over the price and all the seller returned; the fee on the price is kept (13(7))."""
    purchase = reading.purchase
    kept = reading.above_quote if purchase is None else surplus(reading, purchase.price)
    grounds = (_SELLER_AGREED, _FUNDS_RETURNED)
    return Settlement(
        due=kept + reading.seller_refunds,
        grounds=grounds,
        line_grounds=with_third_parties(reading, grounds),
    )


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decisions `dissolution`, one a request."""
    return said_of(case, "dissolution")
