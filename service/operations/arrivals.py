"""Play an order's facts in other orders of arrival: the same money must come of each ("Same set, same result").

Facts arrive one by one. Before each, the deadlines before the latest instant that a fact has named so far pass, each
decided at its own instant; after the last, those up to the watermark. Nothing is stored.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from service.operations.what_if import clock_of, state_of
from service.rules.bookmark import Bookmark
from service.rules.clock import Clock
from service.rules.decide import decide, examine
from service.rules.ledger import Ledger
from service.rules.reconcile import BROKERAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.rules.decide import Examination
    from service.rules.facts import Fact
    from service.rules.terms import TermsBook
    from service.store.order_history import OrderHistory
    from service.store.rows import StoreTime

FACTS_MAX = 200
"""Facts of an order that is played. Each fact of each order of arrival costs the rules a look at the order."""
RUNS_MAX = 50

AS_RECEIVED, BY_TIME, BACKWARDS, SHUFFLED = "as_received", "by_time", "backwards", "shuffled"


class Permutation(NamedTuple):
    """One order of arrival and the money that came of it."""

    kind: str
    """The sorting of the facts: `as_received`, `by_time`, `backwards`, `shuffled`."""
    numbers: tuple[int, ...]
    """The facts by their numbers as received, in the order in which they arrived here."""
    money: dict[str, int]
    """Per line, in minor units: commanded and refunded elsewhere, less failed and demanded back, and withheld."""
    commands: int
    decisions: int


class Proof(NamedTuple):
    """The results of all orders of arrival."""

    currency: str
    facts: int
    permutations: tuple[Permutation, ...]
    journal: dict[str, int]
    """The same money by the order's journal as it is."""
    asked: int
    """Orders of arrival that were asked for; fewer are played when the time is over."""

    @property
    def lines(self) -> list[str]:
        """All lines that have money in one of them."""
        return sorted({line for money in (self.journal, *(one.money for one in self.permutations)) for line in money})

    @property
    def is_same(self) -> bool:
        """Whether every order of arrival came to the same money."""
        return all(one.money == self.permutations[0].money for one in self.permutations)

    @property
    def is_as_recorded(self) -> bool:
        """Whether the journal has the same money too. Not while an order is halted or stuck."""
        return all(one.money == self.journal for one in self.permutations)


def proof_of(
    history: OrderHistory, terms: TermsBook, clock: StoreTime, runs: int, seed: int, seconds: float
) -> Proof | None:
    """Play up to `runs` orders of arrival within so many seconds; None if the order can't be read, or is not placed."""
    state = state_of(history)
    now = clock_of(clock)
    if state.problem:
        return None
    found = examine(history.order_id, state.facts, state.ledger, terms, now)
    if found is None:
        return None
    number = {(one.row.source, one.row.id): one.row.nth for one in history.facts}
    facts = sorted(state.facts, key=lambda one: number[one.source, one.id])
    until, began = max(now.watermark, 0), time.monotonic()
    permutations = []
    for kind, arriving in _orders(facts, runs, seed):
        permutations.append(_play(history.order_id, kind, arriving, terms, until, number))
        if time.monotonic() - began > seconds:
            break
    return Proof(found.case.view.currency or "", len(facts), tuple(permutations), money_of(found), runs)


def _orders(facts: Sequence[Fact[Any]], runs: int, seed: int) -> Iterator[tuple[str, Sequence[Fact[Any]]]]:
    by_time = sorted(facts, key=lambda one: one.key)
    rng = random.Random(seed)  # noqa: S311 - a sample that can be repeated, no secret
    first = ((AS_RECEIVED, facts), (BY_TIME, by_time), (BACKWARDS, by_time[::-1]))
    yield from first[:runs]
    for _ in range(runs - len(first)):
        yield SHUFFLED, rng.sample(facts, len(facts))


def _play(
    order_id: str,
    kind: str,
    arriving: Sequence[Fact[Any]],
    terms: TermsBook,
    until: int,
    number: dict[tuple[str, str], int],
) -> Permutation:
    played = _Played(order_id, terms)
    for fact in arriving:
        played.receive(fact)
    played.until(max(until, played.clock))
    found = played.examined()
    commands = sum(hasattr(one.data, "command_id") for one in played.outputs)
    return Permutation(
        kind,
        tuple(number[one.source, one.id] for one in arriving),
        {} if found is None else money_of(found),
        commands,
        len(played.outputs) - commands,
    )


class _Played:
    """One order whose facts arrive one by one."""

    def __init__(self, order_id: str, terms: TermsBook) -> None:
        self._order_id, self._terms = order_id, terms
        self._facts: list[Fact[Any]] = []
        self._ledger = Ledger.EMPTY
        self._bookmark = Bookmark()
        self._due_at: int | None = None
        self.clock = 0
        self.outputs: list[Any] = []

    def receive(self, fact: Fact[Any]) -> None:
        """Let deadlines before the latest instant pass, and then the fact arrive."""
        self.until(max(self.clock, fact.at))
        self._facts = sorted([*self._facts, fact], key=lambda one: one.key)
        self._look(self.clock, self.clock)

    def until(self, instant: int) -> None:
        """Let deadlines strictly before an instant pass."""
        while self._due_at is not None and self._due_at < instant:
            self._look(self._due_at, self._due_at + 1)
        self.clock = max(self.clock, instant)

    def examined(self) -> Examination | None:
        """Return what the rules make of it now."""
        return examine(self._order_id, self._facts, self._ledger, self._terms, Clock(self.clock, self.clock))

    def _look(self, now: int, watermark: int) -> None:
        ruling = decide(self._order_id, self._facts, self._ledger, self._terms, Clock(now, watermark), self._bookmark)
        self._ledger = ruling.ledger
        self.outputs += ruling.outputs
        # What has passed already is no reason to look again.
        passed = ruling.due_at is None or ruling.due_at < watermark
        self._due_at = None if passed else ruling.due_at


def money_of(found: Examination) -> dict[str, int]:
    """Return per line what must be the same for every order of arrival (docs/rules.md, "Same set, same result").

    What was set off, and a renewed claim on a chargeback's line, count as demanded back.
    """
    lines = {}
    for one in found.reconciled.balances:
        back = max(0, one.out - one.gross)
        lines[one.due.line] = one.commanded + one.elsewhere - one.failed - back + one.withheld
    return {line: amount for line, amount in lines.items() if amount and line != BROKERAGE}
