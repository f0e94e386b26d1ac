"""Topic `purchasing.events.chargeback.v1`: the payment institution refuses to transfer, or gives back."""

from typing import ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import EventData, Identifier
from purchasing_contracts.money import Money


class ChargebackOpened(EventData):
    """A payment was charged back (22)."""

    TYPE: ClassVar[str] = "purchasing.chargeback.opened.v1"

    chargeback_id: Identifier = Field(description="The chargeback.")
    payment_id: Identifier = Field(description="The payment it takes back.")
    amount: Money = Field(description="What it takes back; counts up to what the payment brought in (22).")
    reason: Literal[
        "account_stolen",
        "payment_account_misused",
        "not_received",
        "not_as_described",
        "duplicate",
        "other",
    ] = Field(description="Why; a stolen account: 22(3), a misused payment account: 22(4).")
    attributable_to_provider: bool = Field(description="Whether the provider caused it (22(2)).")


class ChargebackClosed(EventData):
    """A chargeback ended (22); the latest word counts."""

    TYPE: ClassVar[str] = "purchasing.chargeback.closed.v1"

    chargeback_id: Identifier = Field(description="The chargeback.")
    outcome: Literal["restored", "lost"] = Field(description="Whether the money came back.")
