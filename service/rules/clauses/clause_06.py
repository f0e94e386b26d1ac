"""Clause 6: what the buyer pays for, and so what of it goes back while nothing closes the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.basis import Basis

from service.rules.assessment import Due, Route, Said, Settlement
from service.rules.clause_10 import FEE_ON_ACTUAL_PRICE, fee
from service.rules.reading import sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment
    from service.rules.reading import Reading

TITLE = "Payment obligations: goods, service fee, other agreed fees"
DOES = (
    "What was collected above the seller's price and the fee on it goes back to the buyer; money in a foreign "
    "currency counts for nothing; what no clause knows as due is settled under this one."
)

ABOVE_QUOTE = Basis(clause="6", because="more was collected than the order amount that was agreed")
_ABOVE_PRICE = Basis(
    clause="6(1)", because="what was collected beyond the seller's actual price and the fee on it goes back, no more"
)
_FOREIGN = Basis(clause="6", because="the order amount is owed in the order's currency; this money is in another one")
NOTHING_DUE = Basis(clause="6", because="nothing is due on this line")


def surplus(reading: Reading, price: int) -> int:
    """Return what was collected above a seller's price and the fee on it, and fees never agreed (6(1), 10).

    `price` in minor units; never less than what was collected above the quote.
    """
    paid = reading.paid
    for_goods = paid.goods + paid.shipping + paid.fee - price - fee(reading, price)
    never_agreed = paid.own - reading.quote.own
    return max(max(0, for_goods) + max(0, never_agreed), reading.above_quote)


def settle_open_order(reading: Reading) -> Settlement:
    """Return what is due while nothing has closed the order."""
    purchase = reading.purchase
    if purchase is None:
        return Settlement(reading.above_quote, (ABOVE_QUOTE,), (ABOVE_QUOTE,))
    grounds = (_ABOVE_PRICE, FEE_ON_ACTUAL_PRICE)
    price = max(0, purchase.price - reading.seller_refunds)
    return Settlement(surplus(reading, price), grounds, grounds)


def dues(case: Assessment) -> Iterator[Due]:
    """Yield the line `purchase`; its refunds go to the captured payments, oldest first."""
    routes = tuple(
        [
            Route("original_payment", payment_id, sums(fact.data.breakdown).total)
            for payment_id, fact in case.reading.captures.items()
        ]
    )
    yield Due("purchase", case.settlement.due, case.settlement.line_grounds, routes)


def says(case: Assessment) -> Iterator[Said]:
    """Yield `foreign_currency: ignored` for each message whose money is in another currency than the order's."""
    for fact in case.reading.foreign:
        yield Said("foreign_currency", fact.id, "ignored", (_FOREIGN,))
