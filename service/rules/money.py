"""Sums of minor units, and rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from purchasing_contracts.money import Breakdown


def round_half_up(numerator: int, denominator: int) -> int:
    """Return a non-negative quotient rounded to a whole number; a half is rounded up (F1)."""
    return (2 * numerator + denominator) // (2 * denominator)


def fee_on(rate: Fraction, amount: int) -> int:
    """Return the service fee on an amount, `fee(x)` of R6. Minor units."""
    return round_half_up(rate.numerator * amount, rate.denominator)


@dataclass(slots=True)
class Sums:
    """Money by purpose, in minor units: `P` and `Q` of the rules."""

    goods: int
    shipping: int
    fee: int
    own: int
    """Other fees that the provider collects."""
    third: int
    """Fees that third parties collect; the provider never refunds them (7)."""
    total: int
    """All of it, third parties' fees included."""


def sums_of(breakdown: Breakdown) -> Sums:
    """Return a breakdown's money by purpose."""
    own = third = 0
    for fee in breakdown.other_fees:
        if fee.collected_by == "provider":
            own += fee.amount.value
        else:
            third += fee.amount.value
    goods, shipping, charged = (
        breakdown.goods.value,
        breakdown.to_warehouse_shipping.value,
        breakdown.service_fee.value,
    )
    return Sums(goods, shipping, charged, own, third, goods + shipping + charged + own + third)
