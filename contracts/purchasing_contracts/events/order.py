"""Topic `purchasing.events.order.v1`: what the buyer and the provider's staff do on the platform."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import BIGINT_MAX, PRIVATE, EventData, Identifier, Instant, Shape, Text
from purchasing_contracts.money import Breakdown, Currency, Money

Category = Literal[
    "customized",
    "advance_deposit",
    "low_reputation_seller",
    "no_market_price",
    "sensitive_or_restricted",
    "prohibited",
    "infringing",
]
"""What the goods are, where clauses 14 and 15 attach something to it."""

Ground = Literal["not_as_committed", "defective", "infringing"]
"""On what a buyer may dissolve the purchase (13)."""

Evidence = Annotated[tuple[Annotated[Text, Field(min_length=1)], ...], PRIVATE]
"""URIs of what the buyer shows. Only how many there are ever leaves the restricted store (23)."""

DAYS_MAX = 36_500
"""A hundred years: a period of days beyond it is a mistake, and its last instant would leave the calendar."""


class Item(Shape):
    """One thing to be bought. What is missing here is judged by clause 1(1), not by the schema."""

    link: Text | None = Field(default=None, description="Where the seller offers it.")
    seller_name: Text | None = Field(default=None, description="What the seller is called there.")
    specification: Text | None = Field(default=None, description="Model, colour, size and the like.")
    quantity: Annotated[int, Field(ge=1, le=BIGINT_MAX)] | None = Field(
        default=None, description="How many pieces (1(1))."
    )
    unit_price: Money | None = Field(default=None, description="The price of one piece. Informs; no rule reads it.")


class Mandate(Shape):
    """The buyer's mandate to purchase (1(2))."""

    agreed_at: Instant = Field(description="When the buyer agreed. Picks the terms that bind the order.")


class Promotion(Shape):
    """Who brought the buyer here, and what brokerage that earns (19)."""

    promoter_id: Identifier = Field(description="The promoter; never shown to the buyer (19).")
    basis: Literal["goods", "order_amount"] = Field(
        description="What the rate applies to: the goods, or goods and to-warehouse shipping."
    )
    rate_bps: int = Field(ge=0, le=BIGINT_MAX, description="The rate in basis points: 100 is one percent.")
    fixed: Money | None = Field(default=None, description="A fixed sum on top of the rate.")


class Contact(Shape):
    """How to reach the buyer."""

    email: Annotated[Text | None, PRIVATE] = Field(default=None, description="E-mail address.")
    phone: Annotated[Text | None, PRIVATE] = Field(default=None, description="Telephone number.")


class OrderPlaced(EventData):
    """A buyer asked the provider to purchase something (1)."""

    TYPE: ClassVar[str] = "purchasing.order.placed.v1"

    account_id: Identifier = Field(description="The buyer's account.")
    provider_id: Identifier = Field(description="The purchasing provider.")
    seller_id: Identifier = Field(description="The product seller.")
    currency: Currency = Field(description="The order's currency (ISO 4217): that of all its money.")
    items: tuple[Item, ...] = Field(description="What is to be bought.")
    domestic_address: Annotated[Text | None, PRIVATE] = Field(
        default=None, description="Where in the seller's country the goods are to be sent (1(1))."
    )
    logistics_provider_id: Identifier | None = Field(
        default=None, description="Who stores and ships the goods (5); a blank one names none."
    )
    mandate: Mandate | None = Field(default=None, description="The mandate, where one was given (1(2)).")
    quote: Breakdown = Field(description="What the buyer is to pay (2, 6).")
    determinable: bool = Field(
        default=False,
        description="Whether the request can be determined although a particular is missing (1).",
    )
    categories: tuple[Category, ...] = Field(default=(), description="What the goods are (14, 15).")
    disclosed_issues: tuple[Ground, ...] = Field(
        default=(), description="Faults the buyer was told of beforehand: no ground for dissolution (13(3))."
    )
    promotion: Promotion | None = Field(default=None, description="Brokerage that the order may earn (19).")
    cancellation_deadline: Instant | None = Field(
        default=None,
        description="Until when, that instant included, a cancellation may be asked for (12(2)).",
    )
    dissolution_period_days: Annotated[int, Field(ge=0, le=DAYS_MAX)] | None = Field(
        default=None,
        description="Days of 24 hours from delivery in which dissolution may be asked for (13(2)).",
    )
    contact: Annotated[Contact | None, PRIVATE] = Field(default=None, description="How to reach the buyer.")


class OrderAccepted(EventData):
    """The provider accepted the order (2)."""

    TYPE: ClassVar[str] = "purchasing.order.accepted.v1"

    logistics_provider_id: Identifier | None = Field(
        default=None, description="Who stores and ships the goods, if named only now (5)."
    )


class OrderRefused(EventData):
    """The provider refused the order (2, 3, 14, 15(5))."""

    TYPE: ClassVar[str] = "purchasing.order.refused.v1"

    ground: Literal["special_request", "prohibited", "restricted", "other"] = Field(
        description="Why: a special request (3), prohibited goods (14), restricted goods (15(5)), other (2)."
    )
    detail: Annotated[Text | None, PRIVATE] = Field(
        default=None, description="In the staff's words, for the staff alone (23)."
    )


class CancellationRequested(EventData):
    """The buyer asked to cancel (12)."""

    TYPE: ClassVar[str] = "purchasing.order.cancellation_requested.v1"

    request_id: Identifier = Field(description="The request; the seller's answer names it.")
    channel: Literal["platform", "other"] = Field(description="Only requests on the platform count (12(2)).")


class DissolutionRequested(EventData):
    """The buyer asked to dissolve the purchase (13)."""

    TYPE: ClassVar[str] = "purchasing.order.dissolution_requested.v1"

    request_id: Identifier = Field(description="The request; the seller's answer names it.")
    ground: Ground = Field(description="On what ground (13); one that was disclosed beforehand is none (13(3)).")
    inspected: bool = Field(description="Whether the buyer inspected the goods (13(1)).")
    evidence: Evidence = Field(description="URIs of the evidence; may be empty, which 13(1) judges.")


class ObjectionRaised(EventData):
    """The buyer objected to the package (17) or to the quality of the goods (18)."""

    TYPE: ClassVar[str] = "purchasing.order.objection_raised.v1"

    objection_id: Identifier = Field(description="The objection; its verification names it.")
    scope: Literal["package", "quality"] = Field(description="The package's state (17) or the goods' quality (18).")
    evidence: Evidence = Field(description="URIs of the evidence; may be empty.")


class ReceiptConfirmed(EventData):
    """The buyer confirmed receipt (18). No members."""

    TYPE: ClassVar[str] = "purchasing.order.receipt_confirmed.v1"


class TipRefundRequested(EventData):
    """The buyer asked for a tip back (21)."""

    TYPE: ClassVar[str] = "purchasing.order.tip_refund_requested.v1"

    tip_id: Identifier = Field(description="The tip, as in `purchasing.payment.tip_paid.v1`.")


class ProviderFaultFound(EventData):
    """The platform found the provider at fault (24)."""

    TYPE: ClassVar[str] = "purchasing.order.provider_fault_found.v1"

    finding_id: Identifier = Field(description="The finding.")
    direct_loss: Money = Field(description="The buyer's direct loss; compensated up to the quote's total (20, 24).")
    consequential_loss: Money | None = Field(default=None, description="Further loss; never compensated (20, 24).")
