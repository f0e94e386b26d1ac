"""Topic `purchasing.events.warehouse-receipt.v1`: what the storage and logistics providers report."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import PRIVATE, EventData, Identifier, Text
from purchasing_contracts.money import Money


class GoodsReceived(EventData):
    """Goods arrived at the warehouse (16)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.goods_received.v1"

    receipt_id: Identifier = Field(description="The receipt.")
    objections: Annotated[tuple[Text, ...], PRIVATE] = Field(
        default=(), description="What was wrong with them; empty: received normally."
    )
    final: bool = Field(default=True, description="Whether nothing more is to come; false for a part.")


class ObjectionVerified(EventData):
    """The platform verified an objection (17, 18)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.objection_verified.v1"

    objection_id: Identifier = Field(description="As in `purchasing.order.objection_raised.v1`.")
    attributable_to: Literal["logistics", "seller", "none"] = Field(description="Whose doing it was.")


class CostIncurred(EventData):
    """Something cost money on the way (12(4))."""

    TYPE: ClassVar[str] = "purchasing.warehouse.cost_incurred.v1"

    cost_id: Identifier = Field(description="The cost.")
    kind: Literal["custody", "transport", "transaction", "packaging", "other"] = Field(description="What for.")
    amount: Money = Field(description="What it cost. The buyer bears it on cancellation if the provider paid (12(4)).")
    borne_by: Literal["provider", "third_party"] = Field(default="provider", description="Who paid it.")


class CustomsCleared(EventData):
    """Export customs was cleared: cancellation ends (12(7)). No members."""

    TYPE: ClassVar[str] = "purchasing.warehouse.customs_cleared.v1"


class PackageDelivered(EventData):
    """A package reached the buyer (18)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.package_delivered.v1"

    package_id: Identifier = Field(description="The package.")
    final: bool = Field(default=True, description="Whether nothing more is to come; false for a part.")


class GoodsDisposed(EventData):
    """Goods were returned, destroyed or sold (13(5), 22)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.goods_disposed.v1"

    disposal_id: Identifier = Field(description="The disposal.")
    disposition: Literal["returned", "destroyed", "sold"] = Field(description="What became of them.")
    chargeback_id: Identifier | None = Field(
        default=None, description="The chargeback for which they had been retained, if any (22)."
    )
    proceeds: Money | None = Field(
        default=None, description="What the sale brought; set off against what the chargeback left (22)."
    )
