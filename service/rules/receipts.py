"""Arrivals at the warehouse or at the buyer, and the units that arrived (F2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.rules.units import BOUGHT, OPEN, RESCINDED, lowest_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.rules.timeline import Receipt, Timeline
    from service.rules.units import Lot


def receive(timeline: Timeline, receipt: Receipt, data: Any, mark: str) -> bool:
    """Mark the units that arrived by a message (`received` or `delivered`); return whether it is the last part.

    If a unit arrives although the seller had withdrawn from its sale, it is bought again.
    """
    if data.items is not None:
        for ref in data.items:
            _mark(timeline, _chosen(timeline, receipt, ref.item_id, ref.quantity, mark), mark)
    is_final: bool | None = data.final
    if is_final is None:  # never of a message without items
        is_final = all(getattr(lot, mark) for lot in timeline.units.lots if lot.state is BOUGHT)
    if is_final:
        bought = timeline.units.in_state(BOUGHT)
        if data.items is None and not bought:
            _mark(timeline, timeline.units.in_state(RESCINDED) or timeline.units.in_state(OPEN), mark)
        else:
            _mark(timeline, bought, mark)
    return is_final


def _chosen(timeline: Timeline, receipt: Receipt, item_id: str, quantity: int | None, mark: str) -> list[Lot]:
    """Return the units of an item that a message names in addition to earlier messages of its receipt."""
    lots = [lot for lot in timeline.units.lots if lot.item.id == item_id and not getattr(lot, mark)]
    in_order = [lot for state in (BOUGHT, RESCINDED, OPEN) for lot in lots if lot.state is state]
    named = receipt.named.get(item_id)
    if quantity is None:
        chosen: list[Lot] = []
        if named is None or any(lot.state is BOUGHT for lot in in_order):
            first = in_order[0].state if in_order else None
            chosen = [lot for lot in in_order if lot.state is first]
        receipt.named[item_id] = (named or 0) + sum([lot.count for lot in chosen])
        return chosen
    receipt.named[item_id] = max(quantity, named or 0)
    return timeline.units.take(in_order, quantity - (named or 0), lowest_first)


def _mark(timeline: Timeline, lots: Sequence[Lot], mark: str) -> None:
    for lot in lots:
        if lot.state is RESCINDED:
            timeline.restore((lot,))
        setattr(lot, mark, True)
