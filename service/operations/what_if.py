"""Compare what the rules compute from recorded facts: under two books of terms, or against the journal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from heapq import nlargest
from typing import TYPE_CHECKING

from service.orders.state import read_back
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import decide, examine
from service.rules.facts import micros
from service.rules.terms import TermsBook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.orders.state import OrderState
    from service.rules.decide import Examination
    from service.rules.ledger import Output
    from service.rules.terms import TermsSet
    from service.store.order_history import OrderHistory
    from service.store.rows import Quarantined, StoreTime

OWES = "buyer owes"

Money = dict[str, int]
"""The amounts due per line, in minor units. All tips are one line, and so are all chargebacks."""


@dataclass(frozen=True, slots=True)
class OrderDifference:
    """One order that ends with different money: line to (before, after), in minor units."""

    order_id: str
    provider_id: str
    currency: str
    lines: dict[str, tuple[int, int]]

    @property
    def size(self) -> int:
        """The difference, summed over all lines."""
        return sum(abs(after - before) for before, after in self.lines.values())


@dataclass(slots=True)
class Difference:
    """The result so far. Grows with providers and lines, not with orders."""

    orders: int = 0
    facts: int = 0
    unreadable: int = 0
    """Orders whose journals this version can't read."""
    differing: int = 0
    totals: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    """Provider, currency and line to (due before, due after), in minor units."""
    most: list[OrderDifference] = field(default_factory=list)
    """The orders that differ most, largest difference first."""


def other_book(installed: TermsBook, declared: Iterable[TermsSet]) -> TermsBook:
    """Return the installed terms with the sets of a file.

    For each provider in the file, installed sets before the file's first set stay; later ones are replaced.
    """
    sets = list(declared)
    first: dict[str, int] = {}
    for one in sets:
        first[one.provider_id] = min(one.effective_from, first.get(one.provider_id, one.effective_from))
    kept = [one for one in installed.sets if one.effective_from < first.get(one.provider_id, one.effective_from + 1)]
    return TermsBook.of(*kept, *sets)


class TermsComparison:
    """Sum up, order by order, what other terms would change."""

    def __init__(
        self, before: TermsBook, after: TermsBook, clock: StoreTime, *, top: int, provider: str | None
    ) -> None:
        """Compare two books. Keep the `top` orders that differ most; only those of `provider` (None: all)."""
        self.found = Difference()
        self._books = (before, after)
        self._clock = clock_of(clock)
        self._top = top
        self._provider = provider

    def add(self, histories: Iterable[OrderHistory]) -> None:
        """Add these orders."""
        differing = []
        for history in histories:
            state = state_of(history)
            monies = None if state.problem else self._monies(history.order_id, state)
            if state.problem:
                self.found.unreadable += 1
            if monies is None:
                continue
            self.found.orders += 1
            self.found.facts += len(state.facts)
            one = self._take(history.order_id, *monies)
            if one.lines:
                self.found.differing += 1
                differing.append(one)
        self.found.most = nlargest(self._top, [*self.found.most, *differing], key=lambda one: one.size)

    def _monies(self, order_id: str, state: OrderState) -> tuple[str, str, Money, Money] | None:
        """Return provider, currency and what is due under each book; None for an order of another provider."""
        found = [examine(order_id, state.facts, state.ledger, book, self._clock) for book in self._books]
        before, after = found
        if before is None or after is None:
            return None
        reading = before.case.view
        if self._provider is not None and reading.placed.provider_id != self._provider:
            return None
        return reading.placed.provider_id, reading.currency or "", _money(before), _money(after)

    def _take(self, order_id: str, provider: str, currency: str, before: Money, after: Money) -> OrderDifference:
        lines = {}
        for line in before.keys() | after.keys():
            one, other = before.get(line, 0), after.get(line, 0)
            known = self.found.totals.get((provider, currency, line), (0, 0))
            self.found.totals[provider, currency, line] = (known[0] + one, known[1] + other)
            if one != other:
                lines[line] = (one, other)
        return OrderDifference(order_id, provider, currency, dict(sorted(lines.items())))


def unpublished(history: OrderHistory, terms: TermsBook, clock: StoreTime) -> tuple[Output, ...] | None:
    """Return what the installed rules would publish beyond the journal; None if they can't read the journals."""
    state = state_of(history)
    if state.problem:
        return None
    published = {one.order_version: micros(one.published_at) for one in history.publications}
    now = clock_of(clock, published, history.quarantined)
    return decide(history.order_id, state.facts, state.ledger, terms, now).outputs


def state_of(history: OrderHistory) -> OrderState:
    """Fold an order's journals."""
    return read_back(
        history.version, [received.row for received in history.facts], [output.row for output in history.outputs]
    )


def clock_of(
    clock: StoreTime, published: dict[int, int] | None = None, quarantined: Iterable[Quarantined] = ()
) -> Clock:
    """Return the clock with which the running service would decide."""
    now = micros(clock.now)
    watermark = 0 if clock.watermark is None else min(now, micros(clock.watermark))
    records = tuple([QuarantinedRecord(topic, micros(since)) for topic, since in quarantined])
    return Clock(now, watermark, records, {} if published is None else published)


def _money(found: Examination) -> Money:
    money: Money = defaultdict(int)
    for balance in found.reconciled.balances:
        money[balance.due.line.partition(":")[0]] += balance.gross
    for amount in found.reconciled.amounts:
        if amount.kind == "buyer_owes":
            money[OWES] += amount.amount
    return {line: amount for line, amount in money.items() if amount}
