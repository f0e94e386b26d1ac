"""Topic `purchasing.decisions.v1`: what was decided, and stands until replaced (R22 and R23 of the rules)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier, Instant
from purchasing_contracts.money import Money
from purchasing_contracts.open_enumerations import OpenValue, open_to
from purchasing_contracts.published import PublishedData

Kind = Literal[
    "agreement",
    "closing",
    "unavailability",
    "cancellation",
    "dissolution",
    "obligation",
    "objection",
    "receipt",
    "chargeback",
    "tip_refund",
    "hold",
    "fact",
    "order_amount",
    "payment_demand",
    "retained_goods",
    "refund_withheld",
    "repayment_demand",
    "buyer_owes",
    "seller_excess",
    "third_party_fees",
    "refund_undeliverable",
    "brokerage_withheld",
    "foreign_currency",
]
"""The known kinds: what a decision is about. Kind and ref together are its key: the latest of a key stands."""

Outcome = Literal[
    "effective",
    "short_paid",
    "invalid",
    "refused",
    "unavailable",
    "withdrawn",
    "lapsed",
    "cancelled",
    "dissolved",
    "balance_unpaid",
    "ended",
    "rescinded",
    "agreed",
    "partly_agreed",
    "pending",
    "withdrawn_by_buyer",
    "moot",
    "terminated",
    "verification_requested",
    "redirected_to_logistics",
    "verified",
    "confirmed",
    "deemed_confirmed",
    "inquiry",
    "unjust",
    "accepted",
    "restored",
    "ignored",
    "outstanding",
    "demanded",
    "overdue",
    "settled",
    "authorised",
    "released",
    "withheld",
    "noted",
    "unconverted",
    "converted",
    "superseded",
]
"""The known outcomes; `superseded`: this no longer applies, because of what has become known since."""

FactGround = Literal["order_ended", "purchased", "received", "no_units", "request_ended", "repeated", "unused"]
"""The known grounds: why a fact changes nothing (`fact`, `ignored`)."""

Audience = Literal["buyer", "provider"]
"""Whom a decision concerns; what is about brokerage is the provider's (19)."""


class DecisionMade(PublishedData):
    """A decision: stands until another of the same order, kind and ref replaces it (1 to 27)."""

    TYPE: ClassVar[str] = "purchasing.decision.made.v1"

    kind: Annotated[OpenValue, open_to(Kind)] = Field(
        description="What it is about. Ignore a decision of a kind that you don't know."
    )
    ref: DerivedIdentifier = Field(
        description="What of that kind: the order, a request, a chargeback, a line, a message and so on."
    )
    outcome: Annotated[OpenValue, open_to(Outcome)] = Field(description="How it came out.")
    audience: Audience = Field(description="Whom it concerns.")
    amount: Money | None = Field(default=None, description="The amount that stands, for kinds that have one.")
    due_at: Instant | None = Field(
        default=None, description="The last instant in which a demand (22, 27) or a balance (15(2)) can be met."
    )
    ground: Annotated[OpenValue | None, open_to(FactGround)] = Field(
        default=None, description="Why a fact changes nothing (8(3)), for kind `fact`."
    )
