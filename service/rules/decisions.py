"""Reconciliation of decisions: every one stands until it is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.decisions import DecisionMade

from service.rules.clause_19 import LINE as BROKERAGE
from service.rules.facts import instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.rules.assessment import Grounds, Said, StandingAmount
    from service.rules.draft import Draft
    from service.rules.ledger import Ledger, Standing

AMOUNTS = {
    "refund_withheld": ("withheld", "released"),
    "repayment_demand": ("demanded", "settled"),
    "buyer_owes": ("noted", "settled"),
    "refund_undeliverable": ("noted", "settled"),
    "payment_demand": ("demanded", "settled"),
    "retained_goods": ("authorised", "released"),
}
"""Standing amounts: the outcome while there is one, and the outcome at nothing."""

_ON_LINES = frozenset({"refund_withheld", "repayment_demand", "refund_undeliverable"})
"""Those whose ref is a line."""

SUPERSEDED = "superseded"


def restate(said: Iterable[Said], amounts: Iterable[StandingAmount], ledger: Ledger, draft: Draft) -> None:
    """Add to the draft what stands now and was not published so: new, changed, superseded, come to nothing."""
    stands = ledger.standing
    keys = set()
    for one in said:
        key = (one.kind, one.ref)
        if key in keys:
            continue  # one message id may come from two sources: the decision on it is one
        keys.add(key)
        standing = stands.get(key)
        if standing is None or standing.outcome != one.outcome:
            _decide(draft, key, one.outcome, one.grounds, standing)
    wanted = {(amount.kind, amount.ref): amount for amount in amounts}
    ended = [key for key in stands if key not in keys and key not in wanted]
    for key in sorted(ended):
        if key[0] not in AMOUNTS and stands[key].outcome != SUPERSEDED:
            _decide(draft, key, SUPERSEDED, stands[key].grounds, stands[key])
    if wanted or ended:
        _restate_amounts(wanted, sorted(ended), ledger, draft)


def _restate_amounts(
    wanted: dict[tuple[str, str], StandingAmount], ended: list[tuple[str, str]], ledger: Ledger, draft: Draft
) -> None:
    for kind, (stands, at_nothing) in AMOUNTS.items():
        for key, amount in wanted.items():
            standing = ledger.standing.get(key)
            if key[0] == kind and (standing is None or standing.amount != amount.amount):
                _decide(draft, key, stands, amount.grounds, standing, amount.amount, amount.due_at)
        for key in ended:
            standing = ledger.standing[key]
            if key[0] == kind and standing.outcome != at_nothing:
                _decide(draft, key, at_nothing, standing.grounds, standing)


def _decide(
    draft: Draft,
    key: tuple[str, str],
    outcome: str,
    grounds: Grounds,
    standing: Standing | None,
    amount: int | None = None,
    due_at: int | None = None,
) -> None:
    kind, ref = key
    # What concerns brokerage is the provider's, and the buyer's account is none of it (19).
    of_brokerage = ref == BROKERAGE and kind in _ON_LINES
    # Which outcome of that key it is: what stood before tells two equal steps apart.
    concerns = (kind, ref, outcome, "" if amount is None else str(amount))
    draft.decision(
        DecisionMade,
        "" if standing is None else standing.id,
        concerns,
        basis=grounds,
        concerns_brokerage=of_brokerage,
        kind=kind,
        ref=ref,
        outcome=outcome,
        audience="provider" if of_brokerage else "buyer",
        amount=None if amount is None else draft.money(amount),
        due_at=None if due_at is None else instant(due_at),
    )
