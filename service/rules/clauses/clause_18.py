"""Clause 18: the buyer confirms receipt, or it is deemed confirmed after a period without objection (R12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import ReceiptConfirmed
from purchasing_contracts.events.seller_response import PurchaseConfirmed
from purchasing_contracts.events.warehouse_receipt import PackageDelivered

from service.rules.assessment import StandingOutcome
from service.rules.calendar import last_instant
from service.rules.receipts import receive
from service.rules.registry import only_with
from service.rules.requests import settle_pending
from service.rules.timeline import Deadline, Place, Rank, Receipt
from service.rules.units import BOUGHT, OPEN
from service.rules.waits import Wait

if TYPE_CHECKING:
    from service.rules.assessment import Assessment
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.timeline import Timeline

TITLE = "Timely confirmation of receipt"
DOES = (
    "Receipt is deemed confirmed if nothing is objected for `deemed_confirmation_days` (or the dissolution period, if "
    "longer) after the complete delivery. The period doesn't run while an objection or a dissolution request stands. "
    "Afterwards nothing can be cancelled or dissolved."
)

_CONFIRMED = Basis(clause="18", because="the buyer confirmed receipt")
_DEEMED = Basis(clause="18", because="the period passed and nothing was objected")


def _deliver(timeline: Timeline, fact: Fact[Any]) -> None:
    package = timeline.packages.setdefault(fact.data.package_id, Receipt())
    if receive(timeline, package, fact.data, "delivered") and not timeline.final_delivery:
        timeline.final_delivery = True
        timeline.after_instant.append(_run_period)


def _confirm(timeline: Timeline, _: Fact[ReceiptConfirmed]) -> None:
    timeline.confirmed_at = timeline.at
    _bar(timeline)


PLACES = (
    Place(PackageDelivered, Rank.RECEIPT, _deliver, repeats=True),
    Place(ReceiptConfirmed, Rank.RECEIPT, _confirm, repeats=False),
)


def _bar(timeline: Timeline) -> None:
    """Bar the units that are bought now, or all if there is no purchase (R2)."""
    for lot in timeline.units.lots:
        if lot.state is BOUGHT or not timeline.purchases:
            lot.confirmed = True
    settle_pending(timeline)


def _run_period(timeline: Timeline) -> None:
    """Note when the delivery is complete, and run the period while no objection or dissolution request stands."""
    if timeline.delivered_at is None:
        for lot in timeline.units.lots:
            if (lot.state is BOUGHT and not lot.delivered) or (lot.state is OPEN and timeline.purchases):
                return
        timeline.delivered_at = timeline.at
    period = timeline.period
    if _is_contested(timeline):
        period.starts_at = period.last = None
    elif period.starts_at is None:
        period.starts_at = timeline.at
        terms, days = timeline.view.terms, timeline.view.placed.dissolution_period_days
        if days is None or days < terms.deemed_confirmation_days:
            days = terms.deemed_confirmation_days
        period.last = last_instant(terms, timeline.at, days)
        timeline.set_deadline(period.last, _PERIOD_ENDS)


def _is_contested(timeline: Timeline) -> bool:
    """Return whether an objection or a dissolution request stands."""
    for objection in timeline.objections.values():
        if objection.stands:
            return True
    for request in timeline.dissolutions.values():  # noqa: SIM110  # asked after every instant
        if request.is_pending:
            return True
    return False


def _period_runs(timeline: Timeline, last: int) -> bool:
    if timeline.confirmed_at is not None or timeline.deemed_at is not None or timeline.has_ended:
        return False
    return timeline.period.last == last


def _deem_confirmed(timeline: Timeline) -> None:
    if not timeline.unclear.deemed_receipt(timeline):
        timeline.deemed_at = timeline.at
        _bar(timeline)


_PERIOD_ENDS = Deadline(Rank.RECEIPT_IS_DEEMED, "deemed_confirmed", _period_runs, _deem_confirmed)


@only_with(PackageDelivered, ReceiptConfirmed)
def outcomes(case: Assessment) -> tuple[StandingOutcome, ...]:
    """Return the decision `receipt`."""
    timeline = case.timeline
    if timeline.deemed_at is not None and (timeline.confirmed_at is None or timeline.confirmed_at > timeline.deemed_at):
        passed = timeline.deemed_at
        return (StandingOutcome("receipt", case.view.order_id, "deemed_confirmed", (_DEEMED,), passed=passed),)
    if timeline.confirmed_at is not None:
        return (StandingOutcome("receipt", case.view.order_id, "confirmed", (_CONFIRMED,)),)
    return ()


@only_with(PurchaseConfirmed)
def awaits(examination: Examination) -> tuple[Wait, ...]:
    """Return the wait for the delivery, then for the confirmation of receipt (R21, row 5)."""
    timeline = examination.case.timeline
    if timeline.confirmed_at is not None or timeline.deemed_at is not None or not timeline.units.has(BOUGHT):
        return ()
    if timeline.delivered_at is None:
        return (Wait("delivery"),)
    return (Wait("confirmation_of_receipt", until=timeline.period.last),)
