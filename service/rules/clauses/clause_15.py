"""Clause 15: goods to be cautious about; deposit and balance (R5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.seller_response import PurchaseConfirmed
from purchasing_contracts.events.warehouse_receipt import GoodsReceived

from service.rules.registry import only_with
from service.rules.settlement import outstanding_at
from service.rules.timeline import Deadline, Ending, Rank
from service.rules.units import BOUGHT, CANCELLED_AFTER, CANCELLED_BEFORE, OPEN

if TYPE_CHECKING:
    from service.rules.assessment import Assessment, Grounds
    from service.rules.order_view import OrderView
    from service.rules.quotes import Plan
    from service.rules.timeline import Timeline

TITLE = "Caution on specific goods"
DOES = (
    "The effective agreement names customized goods, low-reputation sellers and goods without a market price. An "
    "advance deposit that the seller keeps is lost on cancellation, and if the balance isn't paid in time. A refusal "
    "of restricted goods keeps the costs (`clause_02.py`)."
)

_DEPOSIT_KEPT = Basis(clause="15(2)", because="the deposit paid in advance to the seller is not refunded")
_BALANCE_UNPAID = Basis(
    clause="15(2)", because="the balance was not paid in time; the seller's deposit is not returned"
)
_CAUTIONS = {
    "customized": Basis(
        clause="15(1)", because="the goods are customized: the buyer bears the losses arising from that"
    ),
    "low_reputation_seller": Basis(
        clause="15(3)", because="the seller's reputation is low: the buyer bears the possible consequences"
    ),
    "no_market_price": Basis(
        clause="15(4)", because="the goods have no reasonable market price: the buyer bears the risks"
    ),
}


def caution(view: OrderView) -> Grounds:
    """Return the cautions that the effective agreement names, because they disclaim the provider's liability."""
    categories = view.placed.categories
    if not categories:
        return ()
    return tuple([basis for category, basis in _CAUTIONS.items() if category in categories])


def plan(timeline: Timeline, in_force: Plan) -> None:
    """Set deadlines for the plan's balances."""
    for last in in_force.due_from(timeline.at):
        timeline.set_deadline(last, _BALANCE_IS_DUE)


def _balance_stands(timeline: Timeline, last: int) -> bool:
    in_force = timeline.plan
    if in_force is None or not timeline.is_effective or timeline.has_ended:
        return False
    return any(last == due_at for due_at, _ in in_force.balances)


def _end_unpaid(timeline: Timeline) -> None:
    """End the order if too little was paid by the last instant of a balance and the seller holds a deposit (R5)."""
    in_force, view, at = timeline.plan, timeline.view, timeline.at
    assert in_force is not None
    if any(fact.at <= at for fact in view.messages(GoodsReceived)) or timeline.customs_cleared:
        return
    if not all(purchase.deposit > 0 for purchase in timeline.purchases):
        return
    if timeline.captured >= in_force.due_by(at) or not outstanding_at(timeline) or timeline.unclear.balance(timeline):
        return
    ending = Ending("balance_unpaid", (_BALANCE_UNPAID,), at, by_deadline=True, cite=_cite)
    still_open, bought = timeline.units.in_state(OPEN), timeline.units.in_state(BOUGHT)
    timeline.end_lots(still_open, CANCELLED_BEFORE, ending)
    timeline.end_lots(bought, CANCELLED_AFTER, ending)


_BALANCE_IS_DUE = Deadline(Rank.BALANCE_IS_DUE, "balance_unpaid", _balance_stands, _end_unpaid)


def _cite(case: Assessment, ending: Ending) -> Grounds:
    """Return the grounds of `closing: balance_unpaid`: 15(2), and 12(3) and 12(4) if the line has them (R20)."""
    added = [basis for basis in case.line_adds if basis.clause in ("12(3)", "12(4)")]
    return (*ending.grounds, *added)


@only_with(PurchaseConfirmed)
def adds(case: Assessment) -> Grounds:
    """Return the ground for the deposit that the seller keeps."""
    return (_DEPOSIT_KEPT,) if case.settlement.deposit > 0 else ()
