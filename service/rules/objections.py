"""How an objection stands: asked to be verified, verified, or sent on to the logistics provider (17, 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import ObjectionRaised
from purchasing_contracts.events.warehouse_receipt import ObjectionVerified

from service.rules.assessment import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.reading import Reading

_WORDS = {
    "verification_requested": "the platform was asked to verify the objection with the logistics provider",
    "redirected_to_logistics": "the cause is the logistics provider's: the buyer claims against it",
    "verified": "the objection was verified, and the cause is not the logistics provider's",
}


def said_of_objections(reading: Reading, scope: str, clause: str) -> Iterator[Said]:
    """Yield the decision on every objection of a scope, citing its clause (17 `package`, 18 `quality`)."""
    if not reading.all(ObjectionRaised):
        return
    verified = reading.distinct(ObjectionVerified, "objection_id")
    for one, objection in reading.distinct(ObjectionRaised, "objection_id").items():
        if objection.data.scope != scope:
            continue
        verdict = verified.get(one)
        if verdict is None:
            outcome = "verification_requested"
        elif verdict.data.attributable_to == "logistics":
            outcome = "redirected_to_logistics"
        else:
            outcome = "verified"
        yield Said("objection", one, outcome, (Basis(clause=clause, because=_WORDS[outcome]),))
