"""Clause 22, second half: an unjust chargeback's claim is held, demanded, taken from the deposit, then from the goods.

Only this half depends on our clock: the days of a demand run from its publication (27).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.basis import Basis

from service.rules.assessment import StandingAmount
from service.rules.clause_22 import recovered

if TYPE_CHECKING:
    from service.rules.assessment import Assessment, Charge, Grounds
    from service.rules.ledger import Ledger, Standing
    from service.rules.moment import Moment

_DEMANDED = Basis(clause="22", because="the money that the chargeback took is to be paid within the days of the demand")
_NOTICE = Basis(clause="27", because="the notice counts as delivered when it is published")
_FROM_DEPOSIT = Basis(clause="22", because="the demand was not met in time, so the claim is taken from the deposit")
_RETAINED = Basis(
    clause="22", because="the deposit did not cover the claim, so the goods may be retained and disposed of"
)
_RELEASED = Basis(clause="22", because="the claim this hold was placed for is settled or has changed")


class Recovery(NamedTuple):
    """What follows from one chargeback's claim now. Minor units; instants in microseconds."""

    chargeback_id: str
    claim: int
    hold: int | None
    """Place a hold for so much; None: leave holds as they are, unless `release`."""
    release: bool
    """Release the hold that stood before."""
    deduct: bool
    """Take the claim from the deposit."""
    hold_grounds: Grounds
    release_grounds: Grounds
    deduct_grounds: Grounds
    amounts: tuple[StandingAmount, ...]
    wake_at: int | None
    """When to look again, unless something happens before."""


def recoveries(case: Assessment, withheld: dict[str, int], ledger: Ledger, moment: Moment) -> list[Recovery]:
    """Return what follows from each unjust chargeback; `withheld` is what each line keeps back, in minor units.

    What a line withholds covers the remaining of its chargebacks, oldest first: no one is chased for what he is owed.
    """
    if not case.charges and not ledger.holds:
        return []
    left = dict(withheld)
    came_in = recovered(case.reading)
    found = []
    for charge in case.charges:
        covered = min(left.get(charge.line, 0), charge.owed_still)
        if covered:
            left[charge.line] -= covered
        answered = charge.id in came_in and came_in[charge.id].answered
        found.append(_recovery(case, charge, charge.owed_still - covered, answered, ledger, moment))
    known = {charge.id for charge in case.charges}
    # A chargeback that counts for nothing any more (its money turned out to be in another currency) claims nothing.
    gone = [one for one, hold in ledger.holds.items() if hold.hold_id is not None and one not in known]
    return [*found, *[Recovery(one, 0, None, True, False, (), (_RELEASED,), (), (), None) for one in gone]]


def _recovery(case: Assessment, charge: Charge, claim: int, answered: bool, ledger: Ledger, moment: Moment) -> Recovery:
    span = case.reading.terms.demand_span
    standing = ledger.standing.get(("payment_demand", charge.id))
    demand = standing if standing is not None and standing.outcome == "demanded" else None
    hold = ledger.holds.get(charge.id)
    held = hold.amount if hold is not None and hold.hold_id is not None else 0
    amounts = []
    deduct, wake_at = False, None
    if claim:
        raised = demand is None or (demand.amount or 0) < claim
        due_at = moment.now + span if raised or demand is None else demand.due_at
        amounts.append(StandingAmount("payment_demand", charge.id, claim, (_DEMANDED, _NOTICE), due_at))
        if answered:
            amounts.append(StandingAmount("retained_goods", charge.id, claim, (_RETAINED,)))
        if charge.id not in ledger.deducted and not answered:
            last = moment.now + span if raised or demand is None else _last_instant(demand, span, moment)
            deduct = last < moment.horizon and not moment.deposit_barred
            # Past and still not deducted: a record in quarantine bars it, and whoever resolves that looks again.
            wake_at = None if last < moment.horizon else last
    return Recovery(
        chargeback_id=charge.id,
        claim=claim,
        hold=claim if claim and claim != held else None,
        release=bool(held) and claim != held,
        deduct=deduct,
        hold_grounds=charge.grounds,
        release_grounds=(_RELEASED,),
        deduct_grounds=(_FROM_DEPOSIT,),
        amounts=tuple(amounts),
        wake_at=wake_at,
    )


def _last_instant(demand: Standing, span: int, moment: Moment) -> int:
    """Return the last instant in which a demand can be met: its days run from its publication (27)."""
    published = moment.published_at(demand.since_version, demand.since_at)
    return (moment.now if published is None else published) + span
