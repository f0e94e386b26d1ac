"""Clause 9: non-liability for goods that can't be had (R7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.seller_response import PurchaseUnavailable

from service.rules.assessment import StandingOutcome
from service.rules.registry import only_with
from service.rules.requests import named_lots
from service.rules.timeline import Ending, Place, Rank
from service.rules.units import BOUGHT, OPEN, RESCINDED, UNAVAILABLE, highest_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.facts import Fact
    from service.rules.timeline import Timeline
    from service.rules.units import Lot

TITLE = "Non-liability: goods that can't be had"
DOES = (
    "Goods that can't be bought end without a service fee, and their money is refunded. If the seller withdraws from "
    "a sale, its money is passed on as it returns it, with the fee on it. Goods that were received stay bought."
)

_UNAVAILABLE = (
    Basis(clause="9", because="the seller cannot deliver these goods, and the provider does not answer for that"),
    Basis(clause="10", because="no fee is charged on goods not sold"),
)
_WORDS = {
    "ended": _UNAVAILABLE,
    "rescinded": (
        Basis(clause="9", because="the seller withdrew from the sale; its money is passed on as it returns it"),
        Basis(clause="10", because="with the seller's money goes the fee on it"),
    ),
}


def _end(timeline: Timeline, fact: Fact[PurchaseUnavailable]) -> None:
    if timeline.has_ended:
        timeline.ignore(fact, "order_ended", timeline.ending)
        return
    still_open, bought = _chosen(timeline, fact.data)
    if still_open:
        timeline.end_lots(still_open, UNAVAILABLE, Ending("unavailable", _UNAVAILABLE, timeline.at))
    if bought:
        timeline.end_lots(bought, RESCINDED, Ending("unavailable", _WORDS["rescinded"], timeline.at))
    if bought or still_open:
        timeline.unavailability.append((fact.id, "rescinded" if bought else "ended"))
    elif any(_is_kept(lot) for lot in named_lots(timeline, fact.data.items)):
        timeline.ignore(fact, "received")
    else:
        timeline.ignore(fact, "no_units")


PLACES = (Place(PurchaseUnavailable, Rank.UNAVAILABLE, _end, repeats=True),)


def _chosen(timeline: Timeline, data: PurchaseUnavailable) -> tuple[list[Lot], list[Lot]]:
    """Return the units that a message concerns: the open ones, and the bought ones (F2)."""
    units = timeline.units
    if data.items is not None:
        chosen = units.choose(data.items, _can_end, _open_first)
    else:
        chosen = units.in_state(OPEN)
        if not chosen and not units.in_state(UNAVAILABLE):
            chosen = [lot for lot in units.lots if _can_end(lot)]
    return [lot for lot in chosen if lot.state is OPEN], [lot for lot in chosen if lot.state is BOUGHT]


def _can_end(lot: Lot) -> bool:
    return lot.is_live and not _is_kept(lot)


def _is_kept(lot: Lot) -> bool:
    """Return whether a unit was bought, and since then received or exported, so that it stays bought."""
    return lot.state is BOUGHT and (lot.received or lot.cleared)


def _open_first(lot: Lot) -> tuple[int, ...]:
    return (lot.state is BOUGHT, *highest_first(lot))


@only_with(PurchaseUnavailable)
def outcomes(case: Assessment) -> Iterator[StandingOutcome]:
    """Yield the decision `unavailability` on each message that ended units."""
    for ref, outcome in case.timeline.unavailability:
        yield StandingOutcome("unavailability", ref, outcome, _WORDS[outcome])
