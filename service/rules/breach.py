"""The compensations of provider and buyer for breaches, set off against each other (R18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.events.order import ProviderFaultFound
from purchasing_contracts.events.payment import RepaymentReceived

from service.rules.reconcile import OWED
from service.rules.requests import clauses_of
from service.rules.settlement import quote_totals

if TYPE_CHECKING:
    from purchasing_contracts.basis import Basis

    from service.rules.assessment import Assessment, Grounds


class Breach(NamedTuple):
    """The terms of R18, in minor units."""

    losses: int
    """The direct losses that were found."""
    within_order: int
    """These, at most the greatest order amount that was ever in force."""
    compensation: int
    """`X`: what the provider owes for its fault."""
    owed: int
    """`Y`: the excess of costs and penalties over the buyer's money."""
    repaid: int
    """Repayments on the line `owed`."""
    still_owed: int
    """The part of `Y` that was not repaid."""
    set_off: int


def breach_of(case: Assessment) -> Breach:
    """Return what each side owes the other."""
    view, settlement = case.view, case.settlement
    losses = within_order = loss = 0
    findings = view.counted(ProviderFaultFound)
    if findings:
        highest = max([quote_totals(case.timeline, quote).total for quote in case.timeline.quotes])
        losses = sum([fact.data.direct_loss.value for fact in findings])
        within_order = min(losses, highest)
        loss = max(0, within_order - settlement.beyond)
    repaid = 0
    if view.messages(RepaymentReceived):
        repaid = sum([fact.data.amount.value for fact in view.counted(RepaymentReceived) if fact.data.line == OWED])
    still_open = max(0, settlement.owed - repaid)
    return Breach(losses, within_order, loss, settlement.owed, repaid, still_open, min(loss, still_open))


def owed_grounds(case: Assessment, penalties: Basis) -> Grounds:
    """Return the clauses of the costs and penalties; cite `penalties` if there are penalties."""
    settlement = case.settlement
    cited = [basis for cost in settlement.borne for basis in cost.grounds]
    if settlement.penalties > 0:
        cited.append(penalties)
    return clauses_of(cited)
