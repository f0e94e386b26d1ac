"""Reconciliation of decisions: each one stands until it is replaced (R22, R23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.ledger import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.rules.assessment import Grounds, StandingAmount, StandingOutcome
    from service.rules.ledger import Ledger, StandingDecision
    from service.rules.outputs import Outputs

SECOND_OUTCOMES = {
    "order_amount": ("settled", "nothing of it is missing any more"),
    "refund_withheld": ("released", "nothing is kept back any more"),
    "repayment_demand": ("settled", "nothing is to be repaid any more"),
    "buyer_owes": ("settled", "nothing of it is owed any more"),
    "seller_excess": ("settled", "nothing waits for confirmation any more"),
    "third_party_fees": ("settled", "no such fees are concerned any more"),
    "refund_undeliverable": ("settled", "nothing is undeliverable any more"),
    "foreign_currency": ("converted", "it has been converted"),
    "payment_demand": ("settled", "nothing is owed on this chargeback any more"),
    "retained_goods": ("released", "the goods may no longer be retained or disposed of"),
    "brokerage_withheld": ("released", "nothing is kept back any more"),
}
"""Kinds of standing amounts in the order of their publication: the outcome at 0 and its words."""

SUPERSEDED = "superseded"
_SUPERSEDED = "this no longer applies, because of what has become known since"


def restate(
    outcomes: Iterable[StandingOutcome], amounts: Iterable[StandingAmount], ledger: Ledger, outputs: Outputs
) -> None:
    """Add decisions that differ from the published ones: new, changed, superseded, or now 0."""
    stands = ledger.standing
    keys = set()
    for one in outcomes:
        key = (one.kind, one.ref)
        if key in keys:
            continue  # one message id may come from two sources; there is one decision for it
        keys.add(key)
        before = stands.get(key)
        if (
            before is None
            or before.outcome != one.outcome
            or before.ground != one.ground
            or (one.kind == "cancellation" and _ended_a_part(before, one))
        ):
            outputs.outcome(one, "" if before is None else before.id)
    wanted = {(amount.kind, amount.ref): amount for amount in amounts if amount.amount > 0}
    # Usually each key that stands is in the outcomes again, so nothing has ended.
    ended = sorted(stands.keys() - keys - wanted.keys()) if not stands.keys() <= keys else []
    for key in ended:
        before = stands[key]
        if key[0] not in SECOND_OUTCOMES and before.outcome != SUPERSEDED:
            outputs.ended(key, SUPERSEDED, _worded(before.grounds, _SUPERSEDED), before.id)
    if wanted or ended:
        _restate_amounts(wanted, ended, ledger, outputs)


def _ended_a_part(before: StandingDecision, one: StandingOutcome) -> bool:
    """Return whether another part of a cancellation has ended, which must be published too (R22)."""
    return parts_of(before.outcome, before.grounds) != parts_of(one.outcome, one.grounds)


def _restate_amounts(
    wanted: dict[tuple[str, str], StandingAmount],
    ended: Sequence[tuple[str, str]],
    ledger: Ledger,
    outputs: Outputs,
) -> None:
    for kind, (second, words) in SECOND_OUTCOMES.items():
        for key, amount in wanted.items():
            before = ledger.standing.get(key)
            if key[0] == kind and (
                before is None
                or before.amount != amount.amount
                or amount.is_new
                or (kind == "order_amount" and _has_another_date(before, amount))
            ):
                outputs.amount(amount, "" if before is None else before.id)
        for key in ended:
            before = ledger.standing[key]
            if key[0] == kind and before.outcome != second:
                outputs.ended(key, second, _worded(before.grounds, words), before.id)


def _has_another_date(before: StandingDecision, amount: StandingAmount) -> bool:
    """Return whether a new plan replaced the date that was published. A date that passed is not published (R22)."""
    if amount.due_at == before.due_at:
        return False
    if before.due_at is None or before.due_at not in amount.plan_dates:
        return True
    return amount.due_at is not None and amount.due_at < before.due_at


def _worded(grounds: Grounds, words: str) -> Grounds:
    """Return the same clauses with the words of another outcome."""
    return tuple([Basis(clause=basis.clause, because=words) for basis in grounds])
