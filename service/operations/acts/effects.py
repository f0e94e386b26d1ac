"""The outputs that the rules would publish for an order if an act were done now. Nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.operations.acts.money import Move, moves_of
from service.operations.what_if import unpublished
from service.runtime.errors import catch_unexpected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.rules.ledger import Output
    from service.rules.terms import TermsBook
    from service.store.order_history import OrderHistory
    from service.store.rows import StoreTime

RULES_FAIL = "rules_fail"
UNREADABLE = "unreadable"
HALTED = "halted"


class Effect(NamedTuple):
    """The effects on one order."""

    order_id: str
    moves: Sequence[Move] = ()
    decisions: int = 0
    """Decisions that would be published beside the commands."""
    problem: str | None = None
    """The reason why nothing would follow: `rules_fail`, `unreadable`, `halted` (the order stays so)."""


def effect_on(history: OrderHistory, book: TermsBook, clock: StoreTime) -> Effect:
    """Return what would be published for an order that decides again now, held or not."""
    found: list[Effect] = []
    failed: list[Exception] = []
    with catch_unexpected(failed.append):
        found.append(_effect(history.order_id, unpublished(history, book, clock)))
    return found[0] if found else Effect(history.order_id, problem=RULES_FAIL)


def effect_if_deciding(history: OrderHistory, book: TermsBook, clock: StoreTime) -> Effect:
    """Return what would be published for an order; nothing while it is held or stuck."""
    if history.held or history.stuck is not None:
        return Effect(history.order_id, problem=HALTED)
    return effect_on(history, book, clock)


def effects_on(histories: Sequence[OrderHistory], book: TermsBook, clock: StoreTime) -> list[Effect]:
    """Return `effect_on` of each order."""
    return [effect_on(one, book, clock) for one in histories]


def _effect(order_id: str, outputs: Sequence[Output] | None) -> Effect:
    if outputs is None:
        return Effect(order_id, problem=UNREADABLE)
    moves = moves_of(outputs)
    return Effect(order_id, moves, len(outputs) - sum(one.commands for one in moves))
