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
    """Return grounds that cite each clause once, with its first words."""
    found: dict[str, Basis] = {}
    for basis in bases:
        found.setdefault(basis.clause, basis)
    return tuple(found.values())


class Request:
    """A request and its state at a point of the timeline."""

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
        """Begin undecided; `kind` is the kind of its decision."""
        self.kind = kind
        self.fact = fact
        self.id: str = fact.data.request_id
        self.at = fact.at
        self.items: Sequence[ItemRef] | None = fact.data.items
        self.bar_of = bar_of
        """Returns why this request can't reach a lot (R2); empty if it can."""
        self.cite = cite
        """Returns what its decision cites."""
        self.barred: list[Lot] = []
        """Lots that it concerned before a bar."""
        self.decided: str | None = None
        """The outcome if it was decided at once."""
        self.grounds: Grounds = ()
        """The grounds of that outcome."""
        self.moot_endings: Sequence[Ending] = ()
        """The endings that had ended everything it asks for before it was made."""
        self.is_pending = False
        self.is_final = False
        """Whether no answer can change it any more."""
        self.waited = False
        """Whether a part of it ever waited for the seller."""
        self.left_out = False
        """Whether a bar kept it from units that it asked for (`Lot.missed_by`)."""
        self.bars: Grounds = ()
        """The bars that kept units from it, as of when they did."""
        self.objection = False
        """Whether it ended because the logistics provider caused the objection (17)."""
        self.was_withdrawn = False
        """Whether the buyer withdrew it."""
        self.answer: Fact[Any] | None = None
        """The seller's answer that counts now."""
        self.taken_by: Sequence[Ending] = ()
        """The other endings that ended its last units while it was pending."""
        self.took_effect = False
        """Whether an answer of the seller ended units."""
        self.withdrew = False
        """Whether it withdrew the order, or these units, before the agreement was effective."""
        self.by_row_7 = False
        """Whether it asked for the cancellation of an effective order, and nothing barred it."""

    def decide(self, outcome: str, grounds: Grounds) -> None:
        """Decide it at once and for good."""
        self.decided, self.grounds, self.is_final = outcome, grounds, True

    def finish(self) -> None:
        """Make it final, so that no answer changes it any more."""
        self.is_pending, self.is_final = False, True

    def wait(self) -> None:
        """Make it wait for the seller, or until the order is clear as of the request (F5)."""
        self.is_pending = self.waited = True


def moot_grounds(case: Assessment, request: Request, nothing_left: Basis) -> Grounds:
    """Return what a request cites if everything had ended before it: the clauses of those endings."""
    whole = request.items is None
    cited = [basis for one in request.moot_endings for basis in (one.cite(case, one) if whole else one.grounds)]
    return clauses_of(cited) or (nothing_left,)


def note_endings(timeline: Timeline, request: Request) -> None:
    """Note the endings of everything that a request asks for; without `items`, the order's ending (R8, row 5)."""
    if request.items is not None:
        ended = [lot.ended_by for lot in named_lots(timeline, request.items)]
        request.moot_endings = [one for one in ended if one is not None]
    elif timeline.ending is not None:
        request.moot_endings = [timeline.ending]


def named_lots(timeline: Timeline, items: Sequence[ItemRef] | None) -> list[Lot]:
    """Return the lots of the named items, whatever the quantity; all lots without a list."""
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
    """Return the units that a request concerns, and mark them.

    Units that no other pending request of its kind concerns come first.
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
    """Return the units that a request can still reach."""
    return [lot for lot in timeline.units.lots if lot.is_live and request in lot.requests and not request.bar_of(lot)]


def settle_pending(timeline: Timeline) -> None:
    """End each pending request that can't reach any unit any more (R8, R9)."""
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
    """Withdraw a pending request for the buyer; add it to the list if it was pending."""
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
    """Apply a seller's answer; `end` ends the units of a request that it agrees to.

    A later answer replaces an earlier one from its own time on. An answer that can't change anything is ignored.
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
        if not lots or (timeline.is_effective and timeline.logistics_at_fault):
            timeline.ignore(answer, "request_ended", request)
            return
        for lot in timeline.units.lots:
            if lot.is_live and request in lot.requests:
                request.bars = clauses_of((*request.bars, *request.bar_of(lot)))
        request.answer = answer
        end(timeline, request, lots)


def _ended_by_answer(lot: Lot, request: Request) -> bool:
    ending = lot.ended_by
    return not lot.is_live and ending is not None and ending.request is request and ending.by_answer


class Parts:
    """The units that a request asks for, by what became of them."""

    __slots__ = ("done", "undone")

    def __init__(self, timeline: Timeline, request: Request) -> None:
        """Sort the units: ended by the request, or not ended. Units that ended otherwise are left out."""
        self.done: list[Lot] = []
        self.undone: list[Lot] = []
        for lot in timeline.units.lots:
            if request in lot.requests or request in lot.missed_by:
                if lot.is_live:
                    self.undone.append(lot)
                elif lot.ended_by is not None and lot.ended_by.request is request:
                    self.done.append(lot)
