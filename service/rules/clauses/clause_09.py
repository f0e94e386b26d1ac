"""Clause 9: the seller can't sell; nobody is at fault and nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import Closing, Rank, Settlement
from service.rules.clause_07 import with_third_parties
from service.rules.clause_10 import NO_FEE_WITHOUT_A_PRICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.reading import Reading

TITLE = "Non-liability: the seller ceased, has no stock or changed the price"
DOES = "Unavailable goods close the order; everything collected is refunded, the fee too, without liability."

_UNAVAILABLE = Basis(clause="9", because="the seller could not sell the goods as ordered")


def closings(reading: Reading) -> Iterator[Closing]:
    """Yield that the goods were unavailable, as of the first word of it before the obligation ended (16)."""
    if reading.unavailable is not None:
        yield Closing(reading.unavailable.at, Rank.UNAVAILABLE, "", _settle)


def _settle(reading: Reading) -> Settlement:
    """Return everything: nothing was sold, so the basis of the fee is zero (10)."""
    grounds = (_UNAVAILABLE, NO_FEE_WITHOUT_A_PRICE)
    return Settlement(reading.paid.refundable, grounds, with_third_parties(reading, grounds))
