"""Topic `purchasing.decisions.v1`: what was decided, and stands until replaced (rules.md, "Decisions")."""

from typing import ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier, Instant
from purchasing_contracts.money import Money
from purchasing_contracts.published import PublishedData

Kind = Literal[
    "agreement",
    "cancellation",
    "dissolution",
    "obligation",
    "objection",
    "receipt",
    "chargeback",
    "tip_refund",
    "foreign_currency",
    "payment_demand",
    "retained_goods",
    "refund_withheld",
    "repayment_demand",
    "buyer_owes",
    "refund_undeliverable",
]
"""What a decision is about. Kind and ref together are its key: the latest of a key stands."""

Outcome = Literal[
    "effective",
    "short_paid",
    "invalid",
    "refused",
    "agreed",
    "pending",
    "withdrawn",
    "moot",
    "terminated",
    "verification_requested",
    "redirected_to_logistics",
    "verified",
    "confirmed",
    "deemed_confirmed",
    "unjust",
    "accepted",
    "restored",
    "ignored",
    "demanded",
    "settled",
    "authorised",
    "released",
    "withheld",
    "noted",
    "superseded",
]
"""How it came out; `superseded`: nothing can be said of the key any more."""

Audience = Literal["buyer", "provider"]
"""Whom a decision concerns; what is about brokerage is the provider's (19)."""


class DecisionMade(PublishedData):
    """A decision: stands until another of the same order, kind and ref replaces it (1 to 27)."""

    TYPE: ClassVar[str] = "purchasing.decision.made.v1"

    kind: Kind = Field(description="What it is about.")
    ref: DerivedIdentifier = Field(
        description="What of that kind: the order, a request, a chargeback, a line and so on."
    )
    outcome: Outcome = Field(description="How it came out.")
    audience: Audience = Field(description="Whom it concerns.")
    amount: Money | None = Field(default=None, description="The amount that stands, for kinds that have one.")
    due_at: Instant | None = Field(default=None, description="The last instant in which a demand can be met (22, 27).")
