"""Clause 14: prohibited and infringing goods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.reading import Reading

TITLE = "Prohibited services"
DOES = (
    "A request for prohibited or infringing goods can't be reached where the terms refuse those "
    "(`refuse_prohibited`): what was paid is refunded less the costs incurred."
)

_PROHIBITED = Basis(clause="14", because="the provider does not purchase prohibited or infringing goods")
_CATEGORIES = frozenset({"prohibited", "infringing"})


def obstacles(reading: Reading) -> Iterator[Obstacle]:
    """Yield the refusal as of placing; a purchase shows that the right to refuse was not used."""
    if not reading.placed.categories or reading.purchases or not reading.terms.refuse_prohibited:
        return
    if not _CATEGORIES.isdisjoint(reading.placed.categories):
        yield Obstacle(reading.placed_at, 2, "refused", (_PROHIBITED,), keeps_costs=True)
