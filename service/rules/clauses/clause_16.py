"""Clause 16: the obligation to procure ends when the goods are received without objections (R11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.seller_response import PurchaseConfirmed
from purchasing_contracts.events.warehouse_receipt import GoodsReceived

from service.rules.assessment import StandingOutcome
from service.rules.receipts import receive
from service.rules.registry import only_with
from service.rules.timeline import Place, Rank, Receipt
from service.rules.units import BOUGHT, OPEN, weights
from service.rules.waits import Wait

if TYPE_CHECKING:
    from service.rules.assessment import Assessment
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.timeline import Timeline

TITLE = "Termination of obligations"
DOES = (
    "Once each bought unit is received, with a final receipt and without a standing objection of the warehouse, the "
    "obligation to procure ends. From then on the provider only passes requests on, and brokerage is earned (19)."
)

_ENDED = Basis(clause="16", because="the goods reached the warehouse and no objection stands")
_CLEARED = frozenset({"none", "logistics"})


def _receive(timeline: Timeline, fact: Fact[Any]) -> None:
    data = fact.data
    receipt = timeline.receipts.setdefault(data.receipt_id, Receipt())
    receipt.has_objections = bool(data.objections)
    if receive(timeline, receipt, data, "received") and not timeline.final_receipt:
        timeline.final_receipt = True
        timeline.after_instant.append(_end_obligation)


PLACES = (Place(GoodsReceived, Rank.RECEIPT, _receive, repeats=True),)


def _end_obligation(timeline: Timeline) -> None:
    """Note the first instant at which the obligation has ended. Later facts do not undo it."""
    lots = timeline.units.lots
    for lot in lots:
        if (lot.state is BOUGHT and not lot.received) or (lot.state is OPEN and timeline.purchases):
            return
    for receipt_id, receipt in timeline.receipts.items():
        if receipt.has_objections and timeline.verdicts.get(receipt_id) not in _CLEARED:
            return
    timeline.obligation_ended_at = timeline.at
    timeline.after_instant.remove(_end_obligation)
    if timeline.view.placed.promotion is None:
        return
    bought = [lot for lot in lots if lot.state is BOUGHT]
    timeline.bought_when_obligation_ended = {None: weights(bought)}
    for purchase in timeline.purchases:
        own = [lot for lot in bought if lot.purchase is purchase]
        timeline.bought_when_obligation_ended[purchase.id] = weights(own)


@only_with(GoodsReceived)
def outcomes(case: Assessment) -> tuple[StandingOutcome, ...]:
    """Return the decision `obligation: terminated`."""
    if case.timeline.obligation_ended_at is None:
        return ()
    return (StandingOutcome("obligation", case.view.order_id, "terminated", (_ENDED,)),)


@only_with(PurchaseConfirmed, GoodsReceived)
def awaits(examination: Examination) -> list[Wait]:
    """Return waits for the receipt by the warehouse and for the verification of its objections (R21, rows 4 and 7)."""
    timeline = examination.case.timeline
    found: list[Wait] = []
    if timeline.obligation_ended_at is None and timeline.units.has(BOUGHT):
        found.append(Wait("receipt_by_warehouse"))
    for receipt_id, receipt in timeline.receipts.items():
        if receipt.has_objections and timeline.verdicts.get(receipt_id) not in _CLEARED:
            found.append(Wait("verification", receipt_id))
    return found
