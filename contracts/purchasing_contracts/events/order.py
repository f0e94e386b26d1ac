"""Topic `purchasing.events.order.v1`: what the buyer, the provider's staff and the platform do."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from purchasing_contracts.base import BIGINT_MAX, PRIVATE, EventData, Identifier, Instant, Shape, Text
from purchasing_contracts.items import ItemRefs, require_distinct
from purchasing_contracts.money import OWN_CURRENCY, Breakdown, Currency, Money, Settled
from purchasing_contracts.plan import FirstPlan, NewPlan

Category = Literal[
    "customized",
    "advance_deposit",
    "low_reputation_seller",
    "no_market_price",
    "sensitive_or_restricted",
    "prohibited",
    "infringing",
]
"""Categories of goods to which clauses 14 and 15 attach consequences."""

Ground = Literal["not_as_committed", "defective", "infringing"]
"""Grounds on which a buyer may dissolve the purchase (13)."""

Evidence = Annotated[tuple[Annotated[Text, Field(min_length=1)], ...], PRIVATE]
"""URIs of the buyer's evidence. Only their number leaves the restricted table (23)."""

DAYS_MAX = 36_500
"""A hundred years: a period of days beyond it is a mistake, and its last instant would leave the calendar."""


class Item(Shape):
    """One item to be bought. Clause 1(1), not the schema, judges particulars that are missing."""

    item_id: Identifier | None = Field(
        default=None,
        description="The item's id, used by messages that name items. Absent: its place in the list, from 1, as text.",
    )
    link: Text | None = Field(default=None, description="The link to the seller's offer.")
    seller_name: Text | None = Field(default=None, description="The seller's name in the offer.")
    specification: Text | None = Field(default=None, description="Model, colour, size and the like.")
    quantity: Annotated[int, Field(ge=1, le=BIGINT_MAX)] | None = Field(
        default=None, description="The number of units (1(1)); absent: one, if the request is determinable without it."
    )
    unit_price: Money | None = Field(
        default=None,
        description="The seller's price of one unit; the order amount is divided among the units by it. Without "
        "unit prices of all items every unit weighs the same.",
    )


def _with_item_ids(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items, each with its `item_id`, also where the message leaves it out."""
    named = tuple(
        item if item.item_id is not None else item.model_copy(update={"item_id": str(place)})
        for place, item in enumerate(items, 1)
    )
    require_distinct(tuple(str(item.item_id) for item in named))
    return named


class Mandate(Shape):
    """The buyer's mandate to purchase (1(2))."""

    agreed_at: Instant = Field(description="When the buyer agreed. It selects the terms that bind the order.")


class Promotion(Shape):
    """The promoter who brought the buyer, and the brokerage for it (19)."""

    promoter_id: Identifier = Field(description="The promoter's id; never shown to the buyer (19).")
    basis: Literal["goods", "order_amount"] = Field(
        description="The base of the rate: the goods, or goods and to-warehouse shipping."
    )
    rate_bps: int = Field(ge=0, le=BIGINT_MAX, description="The rate in basis points: 100 is one percent.")
    fixed: Annotated[Money | None, OWN_CURRENCY] = Field(
        default=None, description="A fixed sum in addition to the rate, in any currency."
    )
    settled: Settled = Field(default=None, description="`fixed` in the order's currency, if it is in another currency.")


class Contact(Shape):
    """Ways to reach the buyer."""

    email: Annotated[Text | None, PRIVATE] = Field(default=None, description="E-mail address.")
    phone: Annotated[Text | None, PRIVATE] = Field(default=None, description="Telephone number.")


class OrderPlaced(EventData):
    """A buyer asked the provider to purchase something (1)."""

    TYPE: ClassVar[str] = "purchasing.order.placed.v1"

    account_id: Identifier = Field(description="The buyer's account.")
    provider_id: Identifier = Field(description="The purchasing provider.")
    seller_id: Identifier = Field(description="The product seller.")
    currency: Currency = Field(
        description="The order's currency (ISO 4217): that of all money here but `promotion.fixed`."
    )
    items: Annotated[tuple[Item, ...], AfterValidator(_with_item_ids)] = Field(
        description="The items to be bought, each `item_id` once. An empty list is one item of one unit."
    )
    domestic_address: Annotated[Text | None, PRIVATE] = Field(
        default=None, description="The address in the seller's country to which the goods are to be sent (1(1))."
    )
    logistics_provider_id: Text | None = Field(
        default=None, description="The provider that stores and ships the goods (5); a blank one names none."
    )
    mandate: Mandate | None = Field(default=None, description="The mandate, if one was given (1(2)).")
    quote: Breakdown = Field(description="The order amount as shown to the buyer (2, 6).")
    payment_plan: FirstPlan | None = Field(
        default=None,
        description="Deposit and balance, at least one deposit (15(2)); absent: the whole amount is due at once.",
    )
    determinable: bool = Field(
        default=False,
        description="Whether the request is determinable although a particular is missing (1).",
    )
    categories: tuple[Category, ...] = Field(default=(), description="The categories of the goods (14, 15).")
    disclosed_issues: tuple[Ground, ...] = Field(
        default=(), description="Faults that were disclosed to the buyer beforehand: no ground for dissolution (13(3))."
    )
    promotion: Promotion | None = Field(default=None, description="Brokerage that the order may earn (19).")
    cancellation_deadline: Instant | None = Field(
        default=None,
        description="The last instant at which a cancellation may be requested (12(2)).",
    )
    dissolution_period_days: Annotated[int, Field(ge=0, le=DAYS_MAX)] | None = Field(
        default=None,
        description="Days from delivery in which a dissolution may be requested (13(2)), counted by the terms.",
    )
    contact: Annotated[Contact | None, PRIVATE] = Field(default=None, description="How to reach the buyer.")


class QuoteRevised(EventData):
    """The buyer agreed to another order amount (2, 6). Of one `revision_id` the earliest counts."""

    TYPE: ClassVar[str] = "purchasing.order.quote_revised.v1"

    revision_id: Identifier = Field(description="The revision.")
    quote: Breakdown = Field(description="The new order amount of the items that the revision covers.")
    agreed_at: Instant = Field(
        description="When the buyer agreed to it. It is in force from then, but not before `time`."
    )
    items: ItemRefs | None = Field(
        default=None,
        description="The items it covers; absent: all that has not ended. Name the items when a part of the order "
        "ends at about the same time.",
    )
    payment_plan: NewPlan | None = Field(
        default=None, description="A new plan (15(2)) that replaces the former plan; absent: the former plan stays."
    )
    reason: Annotated[Text | None, PRIVATE] = Field(default=None, description="The reason, for the staff only (23).")


class OrderAccepted(EventData):
    """The provider accepted the order (2)."""

    TYPE: ClassVar[str] = "purchasing.order.accepted.v1"

    logistics_provider_id: Text | None = Field(
        default=None,
        description="The provider that stores and ships the goods, if named only now (5); a blank one names none.",
    )


class OrderRefused(EventData):
    """The provider refused the order (2, 3, 14, 15(5))."""

    TYPE: ClassVar[str] = "purchasing.order.refused.v1"

    ground: Literal["special_request", "prohibited", "restricted", "other"] = Field(
        description="The ground: a special request (3), prohibited goods (14), restricted goods (15(5)), other (2)."
    )
    detail: Annotated[Text | None, PRIVATE] = Field(
        default=None, description="The staff's note, for the staff only (23)."
    )


class CancellationRequested(EventData):
    """The buyer requested a cancellation (12)."""

    TYPE: ClassVar[str] = "purchasing.order.cancellation_requested.v1"

    request_id: Identifier = Field(description="The request's id; the seller's answer names it.")
    channel: Literal["platform", "other"] = Field(description="Only requests on the platform count (12(2)).")
    items: ItemRefs | None = Field(default=None, description="The items to be cancelled; absent: the whole order.")


class DissolutionRequested(EventData):
    """The buyer requested that the purchase be dissolved (13)."""

    TYPE: ClassVar[str] = "purchasing.order.dissolution_requested.v1"

    request_id: Identifier = Field(description="The request's id; the seller's answer names it.")
    ground: Ground = Field(description="The ground (13); one that was disclosed beforehand does not count (13(3)).")
    inspected: bool = Field(description="Whether the buyer inspected the goods (13(1)).")
    evidence: Evidence = Field(description="URIs of the evidence. It may be empty; 13(1) judges that.")
    items: ItemRefs | None = Field(
        default=None, description="The items to be dissolved; absent: everything that was bought."
    )


class RequestWithdrawn(EventData):
    """The buyer withdrew every pending request with that id (12, 13)."""

    TYPE: ClassVar[str] = "purchasing.order.request_withdrawn.v1"

    request_id: Identifier = Field(description="The cancellation or dissolution.")


class ObjectionRaised(EventData):
    """The buyer objected to the package (17) or to the quality of the goods (18)."""

    TYPE: ClassVar[str] = "purchasing.order.objection_raised.v1"

    objection_id: Identifier = Field(description="The objection's id; its verification names it.")
    scope: Literal["package", "quality"] = Field(
        description="The subject of the objection: the package's state (17) or the goods' quality (18)."
    )
    evidence: Evidence = Field(description="URIs of the evidence; may be empty.")


class ObjectionWithdrawn(EventData):
    """The buyer withdrew an objection (17, 18)."""

    TYPE: ClassVar[str] = "purchasing.order.objection_withdrawn.v1"

    objection_id: Identifier = Field(description="As in `purchasing.order.objection_raised.v1`.")


class ReceiptConfirmed(EventData):
    """The buyer confirmed receipt (18). No members."""

    TYPE: ClassVar[str] = "purchasing.order.receipt_confirmed.v1"


class TipRefundRequested(EventData):
    """The buyer requested the refund of a tip (21)."""

    TYPE: ClassVar[str] = "purchasing.order.tip_refund_requested.v1"

    tip_id: Identifier = Field(description="The tip, as in `purchasing.payment.tip_paid.v1`.")


class IssueDisclosed(EventData):
    """During procurement the provider disclosed a fault of the goods to the buyer, who continued (13(3))."""

    TYPE: ClassVar[str] = "purchasing.order.issue_disclosed.v1"

    grounds: Annotated[tuple[Ground, ...], Field(min_length=1)] = Field(
        description="The disclosed faults, at least one: no ground for a later dissolution."
    )


class ProviderFaultFound(EventData):
    """The platform found the provider at fault (20, 24). A later message with the same `finding_id` corrects it."""

    TYPE: ClassVar[str] = "purchasing.order.provider_fault_found.v1"

    finding_id: Identifier = Field(description="The finding.")
    direct_loss: Money = Field(
        description="The buyer's direct loss, net of what was or will be refunded; compensated up to the order amount "
        "(20, 24)."
    )
    consequential_loss: Money | None = Field(default=None, description="Further loss; never compensated (20, 24).")
    settled: Settled = Field(
        default=None, description="`direct_loss` in the order's currency, if it is in another currency."
    )


class BuyerBreachFound(EventData):
    """The platform found a breach by the buyer (20). A later message with the same `finding_id` corrects it."""

    TYPE: ClassVar[str] = "purchasing.order.buyer_breach_found.v1"

    finding_id: Identifier = Field(description="The finding.")
    ground: Literal["prohibited", "unjust_chargeback", "other"] = Field(
        description="The breach: prohibited goods (14), an unjust chargeback (22), other (25)."
    )
    loss: Money = Field(description="The loss, net of claims, costs and fees that are claimed in another way.")
    settled: Settled = Field(default=None, description="`loss` in the order's currency, if it is in another currency.")


class ExcessApproved(EventData):
    """Staff confirmed that the seller was right to return more than the buyer had paid (8(4)). The latest counts."""

    TYPE: ClassVar[str] = "purchasing.order.excess_approved.v1"

    amount: Money = Field(description="The total of the excess that may be paid out to the buyer.")
