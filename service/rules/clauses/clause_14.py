"""Clause 14: prohibited and infringing goods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import BuyerBreachFound

from service.rules.registry import only_with
from service.rules.settlement import Cost
from service.rules.timeline import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.chargebacks import Chargeback
    from service.rules.timeline import Timeline

TITLE = "Prohibited services"
DOES = (
    "A request for prohibited or infringing goods is refused if the terms say so (`refuse_prohibited`): payments are "
    "refunded less the costs incurred. The buyer bears the losses that it caused."
)

_PROHIBITED = Basis(clause="14", because="the provider does not purchase prohibited or infringing goods")
_LOSS = Basis(clause="14", because="the buyer compensates the loss that prohibited or infringing goods caused")
_CATEGORIES = frozenset({"prohibited", "infringing"})


def begin(timeline: Timeline) -> None:
    """End an order of prohibited goods, as of its placing (R3, row 2)."""
    view = timeline.view
    if not view.placed.categories or not view.terms.refuse_prohibited or timeline.end is not None:
        return
    if not _CATEGORIES.isdisjoint(view.placed.categories):
        timeline.obstacle = Ending("refused", (_PROHIBITED,), timeline.at, is_final=True)
        timeline.end_order(timeline.obstacle)


@only_with(BuyerBreachFound)
def costs(timeline: Timeline, _: list[Chargeback]) -> Iterator[Cost]:
    """Yield the losses that the platform found to be caused by prohibited goods (R18)."""
    for fact in timeline.view.counted(BuyerBreachFound):
        if fact.data.ground == "prohibited" and fact.data.loss.value:
            yield Cost(fact.data.loss.value, (_LOSS,), None)


@only_with(BuyerBreachFound)
def adds(case: Assessment) -> Grounds:
    """Return the clause of the losses that the buyer bears, for the line `purchase` (R6)."""
    return (_LOSS,) if any(cost.grounds == (_LOSS,) for cost in case.settlement.borne) else ()
