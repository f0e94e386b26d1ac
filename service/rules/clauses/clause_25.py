"""Clause 25: what the buyer owes beyond its money (R18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import BuyerBreachFound
from purchasing_contracts.events.payment import RefundedElsewhere, RepaymentReceived

from service.rules.assessment import Due, StandingAmount
from service.rules.breach import breach_of, owed_grounds
from service.rules.reconcile import OWED
from service.rules.registry import only_with
from service.rules.settlement import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.chargebacks import Chargeback
    from service.rules.clock import Clock
    from service.rules.ledger import Ledger
    from service.rules.timeline import Timeline

TITLE = "Part of the service agreement"
DOES = (
    "Losses that the platform found to be caused by the buyer's breach are set off against money due to the buyer. "
    "The excess of these losses, costs and penalties over that money is noted as owed. Payments on it beyond what is "
    "owed are refunded."
)

TESTS = ("tests/rules/clauses/test_clause_25.py",)

_BREACH = Basis(clause="25", because="the buyer compensates the loss that its breach caused")
_PENALTIES = Basis(clause="12(5)", because="what the seller charges for the cancellation is the buyer's")
_NOTHING_OWED = Basis(clause="6", because="nothing is owed, so what was paid on it goes back")


@only_with(BuyerBreachFound)
def costs(timeline: Timeline, _: list[Chargeback]) -> Iterator[Cost]:
    """Yield the losses that the platform found and that no other clause names (R18)."""
    for fact in timeline.view.counted(BuyerBreachFound):
        if fact.data.ground == "other" and fact.data.loss.value:
            yield Cost(fact.data.loss.value, (_BREACH,), None)


@only_with(BuyerBreachFound)
def adds(case: Assessment) -> Grounds:
    """Return the clause of the losses that the buyer bears, for the line `purchase` (R6)."""
    return (_BREACH,) if any(cost.grounds == (_BREACH,) for cost in case.settlement.borne) else ()


@only_with(RepaymentReceived, RefundedElsewhere)
def dues(case: Assessment, _: Ledger) -> Iterator[Due]:
    """Yield the line `owed` if something is owed or was paid on it."""
    breach = breach_of(case)
    if breach.owed or breach.repaid:
        grounds = owed_grounds(case, _PENALTIES) if breach.owed else ()
        yield Due(OWED, max(0, breach.repaid - breach.owed), grounds or (_NOTHING_OWED,))


def amounts(case: Assessment, _: Clock) -> tuple[StandingAmount, ...]:
    """Return what the buyer owes."""
    if not case.settlement.owed:
        return ()
    breach = breach_of(case)
    amount = breach.still_owed - breach.set_off
    return (StandingAmount("buyer_owes", case.view.order_id, amount, owed_grounds(case, _PENALTIES), "noted"),)
