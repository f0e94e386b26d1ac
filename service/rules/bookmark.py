"""The bookmark: where an order's timeline stood after the last assessment, so that the next applies only what is new.

It is a cache of one process, never truth. The invariant: a timeline that goes on equals one that applies all facts from
the beginning. `Bookmark.go_on` has the condition for it; wherever it does not hold, the order is read anew.
"""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.rules.clock import Clock
    from service.rules.facts import Fact
    from service.rules.terms import TermsBook
    from service.rules.timeline import Timeline


class Bookmark:
    """The timeline of an order's last assessment, and the facts that it has. Mutable; for one order.

    It needs no care when a batch is rolled back: it then has facts that the order does not have, so it is not used.
    """

    __slots__ = ("_facts", "_terms", "_timeline")

    def __init__(self) -> None:
        """Begin without a timeline."""
        self._facts: Sequence[Fact[Any]] = ()
        self._terms: TermsBook | None = None
        self._timeline: Timeline | None = None

    def keep(self, timeline: Timeline, facts: Sequence[Fact[Any]], terms: TermsBook) -> None:
        """Keep a timeline with all its facts. From now on, only `go_on` may change it."""
        if timeline.can_go_on:
            self._timeline, self._facts, self._terms = timeline, facts, terms

    def go_on(self, facts: Sequence[Fact[Any]], terms: TermsBook, clock: Clock) -> Timeline | None:
        """Return the timeline with these facts, sorted by key; None if the order has to be read anew.

        It goes on if the facts that it has are the order's first ones, each new one happened after everything that it
        has applied, no terms were imported, no deadline that has passed comes back, and nothing is unclear.
        """
        # Taken out first: if a clause raises, no timeline that is half applied stays behind.
        timeline, self._timeline = self._timeline, None
        if timeline is None or terms is not self._terms or clock.watermark < timeline.watermark or clock.quarantined:
            return None
        known = len(self._facts)
        if len(facts) < known or not all(map(is_, self._facts, facts)):
            return None
        new = facts[known:]
        if new:
            if new[0].at <= timeline.reached:
                return None
            timeline.view.add(new)
            if timeline.view.has_unread:
                return None
        return timeline.go_on(clock.watermark, has_new_facts=bool(new))
