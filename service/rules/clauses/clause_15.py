"""Clause 15: goods to be cautious about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

if TYPE_CHECKING:
    from service.rules.assessment import Grounds
    from service.rules.reading import Reading

TITLE = "Caution on specific goods"
DOES = (
    "Customized goods, low-reputation sellers and goods without a market price are named on the effective "
    "agreement; an advance deposit is lost on cancellation; a refusal of restricted goods keeps the costs "
    "(`clause_02.py`)."
)

DEPOSIT_KEPT = Basis(clause="15(2)", because="the deposit paid in advance to the seller is not refunded")
_CAUTIONS = {
    "customized": Basis(
        clause="15(1)", because="the goods are customized: the buyer bears the losses arising from that"
    ),
    "low_reputation_seller": Basis(
        clause="15(3)", because="the seller's reputation is low: the buyer bears the possible consequences"
    ),
    "no_market_price": Basis(
        clause="15(4)", because="the goods have no reasonable market price: the buyer bears the risks"
    ),
}


def cautions(reading: Reading) -> Grounds:
    """Return what the effective agreement's decision names, because it disclaims the provider's liability."""
    categories = reading.placed.categories
    if not categories:
        return ()
    return tuple([basis for category, basis in _CAUTIONS.items() if category in categories])
