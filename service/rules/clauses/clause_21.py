"""Clause 21: tips are optional and limited, and can be refunded for a while (R19)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import TipRefundRequested
from purchasing_contracts.events.payment import TipPaid

from service.rules.assessment import Due, Route, StandingOutcome
from service.rules.calendar import last_instant
from service.rules.registry import only_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.facts import Fact
    from service.rules.ledger import Ledger

TITLE = "Optional tips"
DOES = (
    "The part of a tip above `tip_limit` is refunded at once. The whole tip is refunded if the buyer asks within "
    "`tip_refund_days`. A chargeback of a tip's payment takes the tip back and nothing else."
)

_ABOVE_LIMIT = Basis(clause="21", because="what is above the tipping limit is given back")
_IN_TIME = Basis(clause="21", because="the refund of the tip was asked for in time")
_TOO_LATE = Basis(clause="21", because="the refund of the tip was asked for too late")
_TIP = Basis(clause="21", because="a tip is given back only if it is above the limit or asked for in time")


@only_with(TipPaid)
def dues(case: Assessment, _: Ledger) -> Iterator[Due]:
    """Yield a line per tip, `tip:{tip_id}`; its refunds go to the tip's payment."""
    limit = case.view.terms.tip_limit_in(case.view.currency)
    for tip in case.view.counted(TipPaid):
        amount = tip.data.amount.value
        due = 0 if limit is None else max(0, amount - limit)
        grounds: Grounds = (_ABOVE_LIMIT,) if due else (_TIP,)
        if _requested_in_time(case, tip):
            due, grounds = amount, (_IN_TIME,)
        yield Due(f"tip:{tip.data.tip_id}", due, grounds, (Route("original_payment", tip.data.payment_id, amount),))


@only_with(TipRefundRequested)
def outcomes(case: Assessment) -> Iterator[StandingOutcome]:
    """Yield the decision `tip_refund` on each tip whose refund was requested."""
    for tip in case.view.counted(TipPaid):
        in_time = _requested_in_time(case, tip)
        if in_time is not None:
            grounds: Grounds = (_IN_TIME,) if in_time else (_TOO_LATE,)
            yield StandingOutcome("tip_refund", tip.data.tip_id, "agreed" if in_time else "refused", grounds)


def _requested_in_time(case: Assessment, tip: Fact[TipPaid]) -> bool | None:
    """Return whether the refund was requested by the last instant of the period; None if it was not requested."""
    requests = case.view.messages(TipRefundRequested)
    if not requests:
        return None
    of_tip = [fact for fact in requests if fact.data.tip_id == tip.data.tip_id]
    if not of_tip:
        return None
    terms = case.view.terms
    return of_tip[0].at <= last_instant(terms, tip.at, terms.tip_refund_days)
