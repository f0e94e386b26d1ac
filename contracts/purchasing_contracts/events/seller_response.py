"""Topic `purchasing.events.seller-response.v1`: what the product seller answers."""

from typing import ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import EventData, Identifier, Text
from purchasing_contracts.money import Money


class PurchaseConfirmed(EventData):
    """The seller sold the goods, at what it actually charged (6, 10)."""

    TYPE: ClassVar[str] = "purchasing.seller.purchase_confirmed.v1"

    purchase_id: Identifier = Field(description="The purchase. A later message corrects an earlier one.")
    goods: Money = Field(description="The price of the goods, as charged.")
    to_warehouse_shipping: Money = Field(description="Shipping to the warehouse, as charged.")
    deposit: Money | None = Field(default=None, description="A deposit the seller keeps on cancellation (15(2)).")


class PurchaseUnavailable(EventData):
    """The seller doesn't sell, or not at that price (9)."""

    TYPE: ClassVar[str] = "purchasing.seller.purchase_unavailable.v1"

    reason: Literal["ceased", "out_of_stock", "price_changed"] = Field(description="Why it can't be bought (9).")


class CancellationAgreed(EventData):
    """The seller agreed to a cancellation (12(1)B)."""

    TYPE: ClassVar[str] = "purchasing.seller.cancellation_agreed.v1"

    request_id: Identifier = Field(description="The request it answers.")
    penalty: Money | None = Field(default=None, description="What the seller asks for it (12(5)).")


class CancellationRefused(EventData):
    """The seller refused a cancellation (12(1)B)."""

    TYPE: ClassVar[str] = "purchasing.seller.cancellation_refused.v1"

    request_id: Identifier = Field(description="The request it answers.")
    reason: Literal["declined", "damaged_in_return", "other"] = Field(
        description="Why; goods damaged in return: 12(6)."
    )


class DissolutionAgreed(EventData):
    """The seller agreed to a dissolution (13(5))."""

    TYPE: ClassVar[str] = "purchasing.seller.dissolution_agreed.v1"

    request_id: Identifier = Field(description="The request it answers.")
    disposition: Literal["return", "destroy"] = Field(description="What is to be done with the goods.")


class DissolutionRefused(EventData):
    """The seller refused a dissolution (13(4))."""

    TYPE: ClassVar[str] = "purchasing.seller.dissolution_refused.v1"

    request_id: Identifier = Field(description="The request it answers.")
    reason: Text | None = Field(default=None, description="In the seller's words.")
