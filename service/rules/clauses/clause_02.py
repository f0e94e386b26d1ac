"""Clause 2: how the agreement becomes effective, and what prevents it (R1, R3, R20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import OrderAccepted, OrderRefused
from purchasing_contracts.events.warehouse_receipt import CostIncurred

from service.rules.assessment import StandingOutcome
from service.rules.calendar import last_instant
from service.rules.chargebacks import taken_from_purchase
from service.rules.registry import only_with
from service.rules.settlement import Cost, money_needed, next_due, provider_costs
from service.rules.timeline import Deadline, Ending, Place, Rank
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.chargebacks import Chargeback
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.timeline import Timeline

TITLE = "Acceptance of the request; effectiveness on payment"
DOES = (
    "The agreement is effective once it is accepted and paid (or its deposit is), or once goods were bought with the "
    "buyer's money. The provider may refuse before a purchase, the buyer may withdraw before it is effective, and a "
    "request that is not accepted in time lapses: everything is refunded."
)

EFFECTIVE = Basis(
    clause="2",
    because="the provider took on the order, and it was paid as agreed or carried out with the buyer's money",
)
_SHORT_PAID = Basis(clause="2", because="the provider accepted, but less was paid than the order needs")
WITHDRAWN = Basis(clause="2", because="the buyer withdrew before the agreement was effective")
_LAPSED = Basis(clause="2", because="the provider did not accept in time")

_GROUNDS = {
    "special_request": Basis(clause="3", because="the provider refused a special request outside the service"),
    "prohibited": Basis(clause="14", because="the provider refused to purchase prohibited or infringing goods"),
    "restricted": Basis(clause="15(5)", because="the provider refused to purchase sensitive or restricted goods"),
    "other": Basis(clause="2", because="the provider did not accept the request"),
}
_CHARGED_BACK = Basis(clause="22", because="the provider need not go on while the payment is taken back")
_LIABLE = Basis(clause="24", because="the provider declined to carry out an effective order, for which it is liable")
_COSTS_ARE_THE_BUYERS = frozenset({"14", "15(5)"})


def _accept(timeline: Timeline, fact: Fact[OrderAccepted]) -> None:
    if timeline.has_ended:
        timeline.ignore(fact, "order_ended", timeline.ending)
    else:
        timeline.accepted = fact


def _refuse(timeline: Timeline, fact: Fact[OrderRefused]) -> None:
    if timeline.has_ended:
        timeline.ignore(fact, "order_ended", timeline.ending)
    elif timeline.purchases:
        timeline.ignore(fact, "purchased")
    else:
        ground = _GROUNDS[fact.data.ground]
        if fact.data.ground == "other" and timeline.is_effective:
            taken = taken_from_purchase(timeline.view, timeline.at, only_foreign_to_provider=True)
            ground = _CHARGED_BACK if taken else _LIABLE
        timeline.obstacle = Ending("refused", (ground,), timeline.at, is_final=True)
        timeline.end_order(timeline.obstacle)


PLACES = (
    Place(OrderRefused, Rank.REFUSED, _refuse, repeats=False),
    Place(OrderAccepted, Rank.PAYMENT, _accept, repeats=False),
)


def test(timeline: Timeline) -> None:
    """Make the agreement effective by conduct or by payment, or end the order if there is an obstacle (R1)."""
    if timeline.purchases and timeline.captured > 0 and _available_money(timeline) > 0:
        timeline.take_effect()
        return
    if timeline.accepted is None or _available_money(timeline) < money_needed(timeline):
        return
    for obstacles in timeline.concerned.obstacle:
        found = obstacles(timeline)
        if found is not None:
            timeline.obstacle = found
            timeline.end_order(found)
            return
    timeline.take_effect()


def _available_money(timeline: Timeline) -> int:
    """Return the captured money less what was charged back or refunded elsewhere, as of now. May be negative."""
    return timeline.captured - timeline.elsewhere - taken_from_purchase(timeline.view, timeline.at)


def begin(timeline: Timeline) -> None:
    """Set the deadline for the provider's acceptance."""
    terms = timeline.view.terms
    if terms.acceptance_days is not None:
        timeline.set_deadline(last_instant(terms, timeline.view.placed_at, terms.acceptance_days), _ACCEPTANCE_ENDS)


def _awaits_acceptance(timeline: Timeline, _: int) -> bool:
    return timeline.accepted is None and not timeline.is_effective and not timeline.purchases and not timeline.has_ended


def _lapse(timeline: Timeline) -> None:
    if not timeline.unclear.lapse(timeline):
        timeline.end_order(Ending("lapsed", (_LAPSED,), timeline.at, by_deadline=True, is_final=True))


_ACCEPTANCE_ENDS = Deadline(Rank.ACCEPTANCE_ENDS, "lapsed", _awaits_acceptance, _lapse)


@only_with(CostIncurred)
def costs(timeline: Timeline, _: list[Chargeback]) -> Iterator[Cost]:
    """Yield the costs of an order refused as prohibited or restricted, which the buyer bears (14, 15(5))."""
    for fact, _requests, ending in provider_costs(timeline):
        if ending is not None and ending.kind == "refused" and ending.grounds[0].clause in _COSTS_ARE_THE_BUYERS:
            yield Cost(fact.data.amount.value, ending.grounds, None)


def outcomes(case: Assessment) -> list[StandingOutcome]:
    """Return the decisions `agreement` and `closing`."""
    timeline = case.timeline
    ref = case.view.order_id
    found: list[StandingOutcome] = []
    if timeline.obstacle is not None:
        found.append(StandingOutcome("agreement", ref, timeline.obstacle.kind, timeline.obstacle.grounds))
    elif timeline.is_effective:
        grounds: Grounds = (EFFECTIVE,)
        for caution in case.view.concerned.caution:
            grounds += caution(case.view)
        found.append(StandingOutcome("agreement", ref, "effective", grounds))
    elif timeline.accepted is not None and not timeline.has_ended and _available_money(timeline) > 0:
        found.append(StandingOutcome("agreement", ref, "short_paid", (_SHORT_PAID,)))
    ending = timeline.ending
    if ending is not None:
        passed = ending.at if ending.by_deadline else None
        found.append(StandingOutcome("closing", ref, ending.kind, ending.cite(case, ending), passed=passed))
    return found


def awaits(examination: Examination) -> tuple[Wait, ...]:
    """Return the wait for the acceptance or for the rest of the order amount (R21, rows 1 and 2)."""
    timeline = examination.case.timeline
    if timeline.has_ended:
        return ()
    if timeline.accepted is None and not timeline.is_effective:
        days = timeline.view.terms.acceptance_days
        until = None if days is None else last_instant(timeline.view.terms, timeline.view.placed_at, days)
        return (Wait("acceptance", until=until),)
    if timeline.is_effective:
        missing, until = examination.case.settlement.outstanding, next_due(timeline, examination.clock)
    else:
        missing, until = money_needed(timeline) - _available_money(timeline), None
    return (Wait("rest_of_order_amount", until=until, amount=missing),) if missing > 0 else ()
