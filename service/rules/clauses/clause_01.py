"""Clause 1: what a purchasing request must contain to be valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.timeline import Ending

if TYPE_CHECKING:
    from purchasing_contracts.events.order import OrderPlaced

    from service.rules.timeline import Timeline

TITLE = "Service agreement: what a request must contain"
DOES = (
    "A request without the mandate is invalid from the beginning. A request without a needed particular that can't be "
    "determined is invalid when payment would make it effective, unless something was bought. Everything is refunded."
)

_PARTICULARS = Basis(clause="1(1)", because="a particular that is needed to purchase the goods was missing")
_MANDATE = Basis(clause="1(2)", because="the buyer had not agreed to the purchasing service mandate")


def begin(timeline: Timeline) -> None:
    """End an order without a mandate (R3, row 1)."""
    placed = timeline.view.placed
    if placed.mandate is None and not placed.determinable:
        timeline.obstacle = Ending("invalid", (_MANDATE,), timeline.at, is_final=True)
        timeline.end_order(timeline.obstacle)


def obstacle(timeline: Timeline) -> Ending | None:
    """Return the missing particulars, unless a purchase shows that they could be determined (R3, row 3)."""
    view = timeline.view
    if view.placed.determinable or timeline.purchases or not view.placing.worked_out(_lacks_particulars):
        return None
    return Ending("invalid", (_PARTICULARS,), timeline.at, is_final=True)


def _lacks_particulars(placed: OrderPlaced) -> bool:
    """Return whether an item, a particular of an item, or the domestic address is missing or blank: 1(1)."""
    if not placed.items or _is_blank(placed.domestic_address):
        return True
    for item in placed.items:
        if item.quantity is None or _is_blank(item.link):
            return True
        if _is_blank(item.seller_name) or _is_blank(item.specification):
            return True
    return False


def _is_blank(text: str | None) -> bool:
    return text is None or not text.strip()
