"""Topic `purchasing.decisions.v1`: decisions, each in force until another replaces it (R22 and R23 of the rules)."""

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
"""The known kinds of decisions. Kind and ref are a decision's key; the latest decision of a key is in force."""

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
"""The known outcomes; `superseded`: later facts mean that the decision no longer applies."""

FactGround = Literal["order_ended", "purchased", "received", "no_units", "request_ended", "repeated", "unused"]
"""The known grounds on which a fact changes nothing (`fact`, `ignored`)."""

Audience = Literal["buyer", "provider"]
"""The party that a decision concerns; a decision about brokerage concerns the provider (19)."""


class DecisionMade(PublishedData):
    """A decision. It is in force until another of the same order, kind and ref replaces it (1 to 27)."""

    TYPE: ClassVar[str] = "purchasing.decision.made.v1"

    kind: Annotated[OpenValue, open_to(Kind)] = Field(
        description="The kind of decision. Ignore a decision of a kind that you don't know."
    )
    ref: DerivedIdentifier = Field(
        description="The id of its subject: the order, a request, a chargeback, a line, a message and so on."
    )
    outcome: Annotated[OpenValue, open_to(Outcome)] = Field(description="The outcome.")
    audience: Audience = Field(description="The party that it concerns.")
    amount: Money | None = Field(default=None, description="The amount, for kinds that have one.")
    due_at: Instant | None = Field(
        default=None, description="The last instant at which a demand (22, 27) or a balance (15(2)) is paid in time."
    )
    ground: Annotated[OpenValue | None, open_to(FactGround)] = Field(
        default=None, description="The ground on which a fact changes nothing (8(3)), for kind `fact`."
    )
