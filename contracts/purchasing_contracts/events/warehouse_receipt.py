"""Topic `purchasing.events.warehouse-receipt.v1`: what the storage and logistics providers report."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from purchasing_contracts.base import PRIVATE, EventData, Identifier, Text
from purchasing_contracts.items import ItemRefs
from purchasing_contracts.money import Money, Settled

_FINAL = (
    "Whether it is the last one. Absent: true without `items`; with `items`, whether every bought unit has then "
    "{arrived}."
)
_PART = "The items of this part; absent: everything that was bought or, if `final` is false, no particular unit."


class _Shipment(EventData):
    """Goods that arrive, at once or in parts."""

    @model_validator(mode="after")
    def _final_without_items(self) -> Self:
        # Set here, so that absent, null and true are one message, as they were when there were no items yet. The
        # model is frozen: its dictionary is the way in while it is being made.
        if self.__dict__["final"] is None and self.__dict__["items"] is None:
            self.__dict__["final"] = True
        return self


class GoodsReceived(_Shipment):
    """Goods arrived at the warehouse (16)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.goods_received.v1"

    receipt_id: Identifier = Field(description="The receipt.")
    objections: Annotated[tuple[Text, ...], PRIVATE] = Field(
        default=(), description="Objections to the goods; empty: received normally."
    )
    final: bool | None = Field(default=None, description=_FINAL.format(arrived="been received"))
    items: ItemRefs | None = Field(default=None, description=_PART)


class ObjectionVerified(EventData):
    """The platform verified an objection (17, 18)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.objection_verified.v1"

    objection_id: Identifier = Field(
        description="As in `purchasing.order.objection_raised.v1`, or the `receipt_id` of a receipt with objections."
    )
    attributable_to: Literal["logistics", "seller", "none"] = Field(description="Who caused it.")


class CostIncurred(EventData):
    """A cost was incurred for the order (12(4), 13(5), 14, 15(5))."""

    TYPE: ClassVar[str] = "purchasing.warehouse.cost_incurred.v1"

    cost_id: Identifier = Field(description="The cost.")
    kind: Literal["custody", "transport", "transaction", "packaging", "other"] = Field(
        description="The purpose of the cost."
    )
    amount: Money = Field(description="The cost.")
    borne_by: Literal["provider", "third_party", "seller"] = Field(
        default="provider", description="Who advanced it; only a cost of the provider can be passed on to the buyer."
    )
    request_id: Identifier | None = Field(
        default=None,
        description="The cancellation or dissolution that caused it; absent: it belongs to the ending of the order.",
    )
    settled: Settled = Field(
        default=None, description="`amount` in the order's currency, as booked, if `amount` is in another currency."
    )


class CustomsCleared(EventData):
    """Export customs cleared what had been bought by then; it can't be cancelled any more (12(7)). No members."""

    TYPE: ClassVar[str] = "purchasing.warehouse.customs_cleared.v1"


class PackageDelivered(_Shipment):
    """A package reached the buyer (18)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.package_delivered.v1"

    package_id: Identifier = Field(description="The package.")
    final: bool | None = Field(default=None, description=_FINAL.format(arrived="been delivered"))
    items: ItemRefs | None = Field(default=None, description=_PART)


class GoodsDisposed(EventData):
    """Goods were returned, destroyed or sold (13(5), 22)."""

    TYPE: ClassVar[str] = "purchasing.warehouse.goods_disposed.v1"

    disposal_id: Identifier = Field(description="The disposal.")
    disposition: Literal["returned", "destroyed", "sold"] = Field(description="What happened to the goods.")
    chargeback_id: Identifier | None = Field(
        default=None, description="The chargeback for which the goods had been retained, if any (22)."
    )
    proceeds: Money | None = Field(
        default=None,
        description="The proceeds of the sale; set off against what is outstanding on the chargeback (22).",
    )
    settled: Settled = Field(
        default=None, description="`proceeds` in the order's currency, as booked, if they are in another currency."
    )
