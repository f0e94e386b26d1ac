"""Topic `purchasing.events.seller-response.v1`: what the product seller answers."""

from typing import ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import EventData, Identifier, Text
from purchasing_contracts.items import ItemRefs
from purchasing_contracts.money import Money, Settled


class PurchaseConfirmed(EventData):
    """The seller sold the goods, with the amounts that it actually charged (6, 8(1), 10)."""

    TYPE: ClassVar[str] = "purchasing.seller.purchase_confirmed.v1"

    purchase_id: Identifier = Field(
        description="The purchase's id. A later message with the same id corrects an earlier one."
    )
    goods: Money = Field(description="The price of the goods, as charged for this purchase.")
    to_warehouse_shipping: Money = Field(description="Shipping to the warehouse, as charged for this purchase.")
    deposit: Money | None = Field(
        default=None,
        description="The part of the price that the seller keeps as deposit on cancellation (15(2)); contained in it.",
    )
    items: ItemRefs | None = Field(default=None, description="The items bought; absent: everything that is open.")
    settled: Settled = Field(
        default=None,
        description="`goods` and `to_warehouse_shipping` together in the order's currency, as booked, where "
        "they are in another currency.",
    )


class PurchaseUnavailable(EventData):
    """The seller does not sell the goods, or not at that price (9)."""

    TYPE: ClassVar[str] = "purchasing.seller.purchase_unavailable.v1"

    reason: Literal["ceased", "out_of_stock", "price_changed"] = Field(description="The reason (9).")
    items: ItemRefs | None = Field(
        default=None, description="The unavailable items; absent: what is open or, if nothing is open, what was bought."
    )


class CancellationAgreed(EventData):
    """The seller agreed to a cancellation (12(1)B). Of several answers the latest counts, from its time on."""

    TYPE: ClassVar[str] = "purchasing.seller.cancellation_agreed.v1"

    request_id: Identifier = Field(description="The request that this answers.")
    penalty: Money | None = Field(default=None, description="The seller's charge for the cancellation (12(5)).")
    amount: Money | None = Field(
        default=None,
        description="The amount that the seller takes back, before the penalty; absent: the price share of the units.",
    )
    settled: Settled = Field(
        default=None,
        description="`penalty`, or `amount` if there is no penalty, in the order's currency, if it is in another "
        "currency.",
    )


class CancellationRefused(EventData):
    """The seller refused a cancellation (12(1)B). Of several answers the latest counts, from its time on."""

    TYPE: ClassVar[str] = "purchasing.seller.cancellation_refused.v1"

    request_id: Identifier = Field(description="The request that this answers.")
    reason: Literal["declined", "damaged_in_return", "other"] = Field(
        description="The reason; goods damaged in return: 12(6)."
    )


class DissolutionAgreed(EventData):
    """The seller agreed to a dissolution (13(5)). Of several answers the latest counts, from its time on."""

    TYPE: ClassVar[str] = "purchasing.seller.dissolution_agreed.v1"

    request_id: Identifier = Field(description="The request that this answers.")
    disposition: Literal["return", "destroy"] = Field(description="What happens to the goods.")


class DissolutionRefused(EventData):
    """The seller refused a dissolution (13(4)). Of several answers the latest counts, from its time on."""

    TYPE: ClassVar[str] = "purchasing.seller.dissolution_refused.v1"

    request_id: Identifier = Field(description="The request that this answers.")
    reason: Text | None = Field(default=None, description="The seller's reason.")
