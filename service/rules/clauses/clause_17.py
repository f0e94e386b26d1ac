"""Clause 17: objections, and the effects if the logistics provider caused one (R12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.order import ObjectionRaised, ObjectionWithdrawn
from purchasing_contracts.events.warehouse_receipt import GoodsReceived, ObjectionVerified

from service.rules.assessment import StandingOutcome
from service.rules.registry import only_with
from service.rules.timeline import Objection, Rank
from service.rules.waits import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.timeline import Step, Timeline

TITLE = "Immediate inspection of the package"
DOES = (
    "An objection is verified, and the buyer may withdraw it. If the logistics provider caused an objection to the "
    "package, the buyer claims against it, and cancellation or dissolution is no longer possible."
)

CLAUSES = {"package": "17", "quality": "18"}
"""The clause for an objection, by its scope."""

_WORDS = {
    "verification_requested": "the platform has been asked to verify",
    "redirected_to_logistics": "the logistics provider caused it; claims go there",
    "verified": "verified, not caused by the logistics provider",
    "withdrawn_by_buyer": "the buyer took the objection back",
}
_GROUNDS = {
    (scope, outcome): (Basis(clause=clause, because=words),)
    for scope, clause in CLAUSES.items()
    for outcome, words in _WORDS.items()
}


@only_with(ObjectionRaised, ObjectionVerified)
def steps(timeline: Timeline) -> Iterator[Step]:
    """Yield objections raised, verified and withdrawn, and verifications of the warehouse's objections."""
    view = timeline.view
    raised_at: dict[str, int] = {}
    for raised in view.counted(ObjectionRaised):
        raised_at[raised.data.objection_id] = raised.at
        yield raised.at, Rank.RECEIPT, (0, "", raised), _raise, raised
    for withdrawn in view.counted(ObjectionWithdrawn):
        at = raised_at.get(withdrawn.data.objection_id)
        if at is not None:
            # Like a verification, a withdrawal comes after the objection, even at the same instant.
            yield max(at, withdrawn.at), Rank.RECEIPT, (1, "", withdrawn), _withdraw, withdrawn
    if not view.messages(ObjectionVerified):
        return
    received_at: dict[str, int] = {}
    for receipt in view.messages(GoodsReceived):
        received_at.setdefault(receipt.data.receipt_id, receipt.at)
    for verified in view.messages(ObjectionVerified):
        for at, apply in (
            (raised_at.get(verified.data.objection_id), _verify),
            (received_at.get(verified.data.objection_id), _verify_receipt),
        ):
            if at is not None:
                yield max(at, verified.at), Rank.RECEIPT, (1, "", verified), apply, verified


def _raise(timeline: Timeline, fact: Fact[ObjectionRaised]) -> None:
    timeline.objections[fact.data.objection_id] = Objection(fact.data.scope)


def _withdraw(timeline: Timeline, fact: Fact[ObjectionWithdrawn]) -> None:
    objection = timeline.objections.get(fact.data.objection_id)
    if objection is not None:
        objection.is_withdrawn = True


def _verify(timeline: Timeline, fact: Fact[ObjectionVerified]) -> None:
    objection = timeline.objections[fact.data.objection_id]
    objection.verdict = fact.data.attributable_to
    if objection.verdict == "logistics" and objection.scope == "package" and not objection.is_withdrawn:
        for request in timeline.requests:
            if request.is_pending:
                request.finish()
                request.objection = True


def _verify_receipt(timeline: Timeline, fact: Fact[ObjectionVerified]) -> None:
    timeline.verdicts[fact.data.objection_id] = fact.data.attributable_to


def _outcome(objection: Objection) -> str:
    if objection.is_withdrawn:
        return "withdrawn_by_buyer"
    if objection.verdict is None:
        return "verification_requested"
    return "redirected_to_logistics" if objection.verdict == "logistics" else "verified"


@only_with(ObjectionRaised)
def outcomes(case: Assessment) -> Iterator[StandingOutcome]:
    """Yield the decision `objection` on each objection."""
    for ref, objection in case.timeline.objections.items():
        outcome = _outcome(objection)
        yield StandingOutcome("objection", ref, outcome, _GROUNDS[objection.scope, outcome])


@only_with(ObjectionRaised)
def awaits(examination: Examination) -> Iterator[Wait]:
    """Yield waits for the verification of objections (R21, row 7)."""
    for ref, objection in examination.case.timeline.objections.items():
        if _outcome(objection) == "verification_requested":
            yield Wait("verification", ref)
