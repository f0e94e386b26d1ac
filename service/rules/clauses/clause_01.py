"""Clause 1: what a purchasing request must contain to be valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from purchasing_contracts.events.order import OrderPlaced

    from service.rules.reading import Reading

TITLE = "Service agreement: what a request must contain"
DOES = "A request without the needed particulars or the mandate is invalid unless it is determinable: all is refunded."

_PARTICULARS = Basis(clause="1(1)", because="the request lacked particulars that are needed to purchase the goods")
_MANDATE = Basis(clause="1(2)", because="the buyer had not agreed to the purchasing service mandate")


def obstacles(reading: Reading) -> Iterator[Obstacle]:
    """Yield why the request was not valid as of placing; a purchase shows that it could be determined after all."""
    placed = reading.placed
    if placed.determinable or reading.purchases:
        return
    if _lacks_particulars(placed):
        yield Obstacle(reading.placed_at, 0, "invalid", (_PARTICULARS,))
    elif placed.mandate is None:
        yield Obstacle(reading.placed_at, 1, "invalid", (_MANDATE,))


def _lacks_particulars(placed: OrderPlaced) -> bool:
    """Say whether an item, one of an item's particulars, or the domestic address is missing or blank: 1(1)."""
    if not placed.items or _blank(placed.domestic_address):
        return True
    return any(
        item.quantity is None or _blank(item.link) or _blank(item.seller_name) or _blank(item.specification)
        for item in placed.items
    )


def _blank(text: str | None) -> bool:
    return text is None or not text.strip()
