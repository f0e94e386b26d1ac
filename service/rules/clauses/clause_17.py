"""Clause 17: objections to the package, and what follows where the logistics provider is at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import ObjectionRaised
from purchasing_contracts.events.warehouse_receipt import ObjectionVerified

from service.rules.objections import said_of_objections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Said
    from service.rules.reading import Reading

TITLE = "Immediate inspection of the package"
DOES = (
    "An objection to the package is verified; where the logistics provider is at fault the buyer claims against "
    "it, and no cancellation or dissolution is served any more."
)

LOGISTICS_AT_FAULT = Basis(clause="17", because="the package was spoiled by the logistics provider: claim against it")


def logistics_at_fault(reading: Reading, by: int | None) -> bool:
    """Say whether by an instant (None: at any time) a package objection was raised and verified as logistics' doing."""
    raised = reading.all(ObjectionRaised)
    if not raised:
        return False
    verified = reading.distinct(ObjectionVerified, "objection_id")
    for one, objection in reading.distinct(ObjectionRaised, "objection_id").items():
        verdict = verified.get(one)
        if objection.data.scope != "package" or verdict is None or verdict.data.attributable_to != "logistics":
            continue
        if by is None or (objection.at <= by and verdict.at <= by):
            return True
    return False


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decisions on objections to the package."""
    return said_of_objections(case.reading, "package", "17")
