"""Clause 10: the service fee is a rate of what the seller actually charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

if TYPE_CHECKING:
    from service.rules.reading import Reading

TITLE = "Service fee: 0.1 % of the seller's actual price"
DOES = (
    "The fee is `service_fee_rate` of goods and to-warehouse shipping as charged, rounded half up; the rest goes back."
)

FEE_ON_ACTUAL_PRICE = Basis(clause="10", because="the service fee is a share of what the seller actually charged")
NO_FEE_WITHOUT_A_PRICE = Basis(clause="10", because="nothing was sold, so there is no price to take a service fee of")


def fee(reading: Reading, price: int) -> int:
    """Return the service fee on a price in minor units, rounded half up to the minor unit."""
    rate = reading.terms.service_fee_rate
    return (2 * rate.numerator * price + rate.denominator) // (2 * rate.denominator)
