"""Clause 16: the obligation to procure ends when the goods are received without objections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.reading import Reading

TITLE = "Termination of obligations"
DOES = (
    "The first final receipt without objections ends the obligation to procure; from then on the provider only "
    "passes requests on to the seller, and brokerage is earned (19)."
)

_ENDED = Basis(clause="16", because="the goods were received by the logistics provider without objections")
_PASSED_ON = Basis(clause="16", because="the obligation to procure had ended: the provider only passes the request on")


def passed_on(reading: Reading, at: int) -> Grounds:
    """Return this clause for what is asked from the moment on at which the obligation ended, else nothing."""
    ended = reading.obligation_ended
    return (_PASSED_ON,) if ended is not None and at >= ended else ()


def says(case: Assessment) -> Iterator[Said]:
    """Yield the decision `obligation: terminated`."""
    if case.reading.obligation_ended is not None:
        yield Said("obligation", case.reading.order_id, "terminated", (_ENDED,))
