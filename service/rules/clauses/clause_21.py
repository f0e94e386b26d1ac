"""Clause 21: tips are optional, limited, and can be asked back for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import TipRefundRequested
from purchasing_contracts.events.payment import TipPaid

from service.rules.assessment import Due, Route, Said
from service.rules.facts import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.facts import Fact
    from service.rules.reading import Reading

TITLE = "Optional tips"
DOES = (
    "What is above `tip_limit` goes back at once; all of a tip goes back if asked for within `tip_refund_days`; a "
    "chargeback of a tip's payment takes the tip back and nothing else."
)

_ABOVE_LIMIT = Basis(clause="21", because="what is above the tipping limit is given back")
_IN_TIME = Basis(clause="21", because="the refund of the tip was asked for in time")
_TOO_LATE = Basis(clause="21", because="the refund of the tip was asked for after the period allowed for it")
CHARGED_BACK = Basis(clause="21", because="tips are voluntary: the chargeback takes the tip back and nothing else")


def dues(case: Assessment) -> Iterator[Due]:
    """Yield a line a tip, `tip:{tip_id}`; its refunds go to the tip's payment."""
    reading = case.reading
    for one, tip in reading.distinct(TipPaid, "tip_id").items():
        amount = tip.data.amount.value
        due, grounds = max(0, amount - reading.terms.tip_limit), (_ABOVE_LIMIT,)
        if _asked_in_time(reading, one, tip):
            due, grounds = amount, (_IN_TIME,)
        yield Due(f"tip:{one}", due, grounds, (Route("original_payment", tip.data.payment_id, amount),))


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decision `tip_refund` on each tip that was asked back."""
    reading = case.reading
    for one, tip in reading.distinct(TipPaid, "tip_id").items():
        in_time = _asked_in_time(reading, one, tip)
        if in_time is not None:
            grounds: Grounds = (_IN_TIME,) if in_time else (_TOO_LATE,)
            yield Said("tip_refund", one, "agreed" if in_time else "refused", grounds)


def _asked_in_time(reading: Reading, tip_id: str, tip: Fact[TipPaid]) -> bool | None:
    """Say whether the refund was asked for by the last instant of the period; None if it wasn't asked for."""
    asked = reading.distinct(TipRefundRequested, "tip_id").get(tip_id)
    if asked is None:
        return None
    return asked.at <= tip.at + reading.terms.tip_refund_days * DAY
