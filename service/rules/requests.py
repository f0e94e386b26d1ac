"""Requests to cancel or to dissolve, from the request to the seller's last answer (R8, R9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from purchasing_contracts.basis import Basis
    from purchasing_contracts.items import ItemRef

    from service.rules.assessment import Assessment, Grounds
    from service.rules.facts import Fact
    from service.rules.timeline import Ending, Timeline
    from service.rules.units import Lot


def clauses_of(bases: Iterable[Basis]) -> Grounds:
    """Return grounds without a clause cited twice."""
    found: dict[str, Basis] = {}
    for basis in bases:
        found.setdefault(basis.clause, basis)
    return tuple(found.values())


class Request:
    """A request, and how it stands at a point of the timeline."""

    __slots__ = (
        "answer",
        "at",
        "bar_of",
        "barred",
        "bars",
        "by_row_7",
        "cite",
        "decided",
        "fact",
        "grounds",
        "id",
        "is_final",
        "is_pending",
        "items",
        "kind",
        "left_out",
        "moot_endings",
        "objection",
        "taken_by",
        "took_effect",
        "waited",
        "was_withdrawn",
        "withdrew",
    )

    def __init__(
        self,
        kind: str,
        fact: Fact[Any],
        bar_of: Callable[[Lot], Grounds],
        cite: Callable[[Assessment, Request], Grounds],
    ) -> None:
        """Begin undecided; `kind` is that of its decision."""
        self.kind = kind
        self.fact = fact
        self.id: str = fact.data.request_id
        self.at = fact.at
        self.items: Sequence[ItemRef] | None = fact.data.items
        self.bar_of = bar_of
        """Says of a lot why this request can't reach it (R2); nothing if it can."""
        self.cite = cite
        """Says what its decision cites."""
        self.barred: list[Lot] = []
        """What it concerned when a bar took it out of its reach."""
        self.decided: str | None = None
        """The outcome of the row that decided it at once."""
        self.grounds: Grounds = ()
        """What that outcome cites."""
        self.moot_endings: Sequence[Ending] = ()
        """What had ended all that it asks for before it did."""
        self.is_pending = False
        self.is_final = False
        """Whether no answer can change it any more."""
        self.waited = False
        """Whether a part of it ever waited for the seller."""
        self.left_out: Sequence[Lot] = ()
        """What it asked for and could not reach because of a bar."""
        self.bars: Grounds = ()
        """The bars that kept units from it, as of when they did."""
        self.objection = False
        """Whether it ended because the logistics provider caused the objection (17)."""
        self.was_withdrawn = False
        """Whether the buyer took it back."""
        self.answer: Fact[Any] | None = None
        """The answer of the seller that counts now."""
        self.taken_by: Sequence[Ending] = ()
        """What else had ended all its units when nothing of it was left to wait for."""
        self.took_effect = False
        """Whether an answer of the seller ended units."""
        self.withdrew = False
        """Whether it withdrew the order, or these units, before the agreement was effective."""
        self.by_row_7 = False
        """Whether it asked for a cancellation of an effective order, and nothing stood against it."""

    def decide(self, outcome: str, grounds: Grounds) -> None:
        """Decide it at once, for good."""
        self.decided, self.grounds, self.is_final = outcome, grounds, True

    def finish(self) -> None:
        """Let no answer change it any more."""
        self.is_pending, self.is_final = False, True

    def wait(self) -> None:
        """Let it wait for the seller, or for the order to become clear as of the request (F5)."""
        self.is_pending = self.waited = True


def moot_grounds(case: Assessment, request: Request, nothing_left: Basis) -> Grounds:
    """Return what a request cites of which all had ended before: the clauses of those endings."""
    whole = request.items is None
    cited = [basis for one in request.moot_endings for basis in (one.cite(case, one) if whole else one.grounds)]
    return clauses_of(cited) or (nothing_left,)


def note_endings(timeline: Timeline, request: Request) -> None:
    """Note what had ended all that a request asks for: without `items` what ended the order (R8, row 5)."""
    if request.items is not None:
        ended = [lot.ended_by for lot in named_lots(timeline, request.items)]
        request.moot_endings = [one for one in ended if one is not None]
    elif timeline.ending is not None:
        request.moot_endings = [timeline.ending]


def named_lots(timeline: Timeline, items: Sequence[ItemRef] | None) -> list[Lot]:
    """Return the lots of the items that a list names, whatever the quantity; all without a list."""
    if items is None:
        return timeline.units.lots
    names = {ref.item_id for ref in items}
    return [lot for lot in timeline.units.lots if lot.item.id in names]


def choose_lots(
    timeline: Timeline,
    request: Request,
    candidates: Callable[[Lot], bool],
    order: Callable[[Lot], tuple[int, ...]],
) -> list[Lot]:
    """Return the units that a request concerns, and note on them that it does.

    It takes first what no other pending request of its kind concerns.
    """

    if request.items is None:
        lots = [lot for lot in timeline.units.lots if candidates(lot)]
    else:

        def free_first(lot: Lot) -> tuple[int, ...]:
            taken = any(one.is_pending and one.kind == request.kind for one in lot.requests)
            return (taken, *order(lot))

        lots = timeline.units.choose(request.items, candidates, free_first)
    for lot in lots:
        lot.requests += (request,)
    return lots


def pending_lots(timeline: Timeline, request: Request) -> list[Lot]:
    """Return the units of a request that it could still reach."""
    return [lot for lot in timeline.units.lots if lot.is_live and request in lot.requests and not request.bar_of(lot)]


def settle_pending(timeline: Timeline) -> None:
    """End every pending request of which no unit is left that it could reach (R8, R9)."""
    for request in timeline.requests:
        if not request.is_pending:
            continue
        reach = False
        for lot in timeline.units.lots:
            if not lot.is_live or request not in lot.requests:
                continue
            bars = request.bar_of(lot)
            if not bars:
                reach = True
            elif lot not in request.barred:
                request.barred.append(lot)
                request.bars = clauses_of((*request.bars, *bars))
        if not reach:
            request.finish()
            request.taken_by = [
                lot.ended_by
                for lot in timeline.units.lots
                if request in lot.requests and lot.ended_by is not None and lot.ended_by.request is not request
            ]


def withdraw_request(_: Timeline, found: tuple[Request, list[Request]]) -> None:
    """Let the buyer take a pending request back; note it in the list if it was pending."""
    request, changed = found
    if request.is_pending:
        request.finish()
        request.was_withdrawn = True
        changed.append(request)


def take_answer(
    timeline: Timeline,
    request: Request,
    answer: Fact[Any],
    *,
    agreed: bool,
    end: Callable[[Timeline, Request, list[Lot]], None],
) -> None:
    """Take an answer of the seller; `end` ends the units of a request that it agreed to.

    A later answer replaces an earlier one from its own time on; one that can change nothing is ignored.
    """
    if request.is_final or not request.waited:
        timeline.ignore(answer, "request_ended", request)
    elif request.is_pending:
        request.is_pending = False
        request.answer = answer
        if agreed:
            end(timeline, request, pending_lots(timeline, request))
    elif not agreed:
        if request.took_effect:
            timeline.restore([lot for lot in timeline.units.lots if _ended_by_answer(lot, request)])
            request.took_effect = False
        request.answer = answer
    elif request.took_effect:
        request.answer = answer
    else:
        lots = pending_lots(timeline, request)
        if not lots or timeline.logistics_at_fault:
            timeline.ignore(answer, "request_ended", request)
            return
        request.answer = answer
        end(timeline, request, lots)


def _ended_by_answer(lot: Lot, request: Request) -> bool:
    ending = lot.ended_by
    return not lot.is_live and ending is not None and ending.request is request and ending.by_answer


class Parts:
    """What became of the units that a request concerns."""

    __slots__ = ("done", "undone")

    def __init__(self, timeline: Timeline, request: Request) -> None:
        """Sort the units: ended by the request, or not ended at all. Others ended otherwise meanwhile."""
        self.done: list[Lot] = []
        self.undone: list[Lot] = []
        for lot in timeline.units.lots:
            if request not in lot.requests:
                continue
            if lot.is_live:
                self.undone.append(lot)
            elif lot.ended_by is not None and lot.ended_by.request is request:
                self.done.append(lot)
