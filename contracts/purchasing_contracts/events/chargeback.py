"""Topic `purchasing.events.chargeback.v1`: the payment institution takes back, or gives back."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from purchasing_contracts.base import PRIVATE, EventData, Identifier, Instant, Text
from purchasing_contracts.money import Money, Settled

Stage = Literal["inquiry", "chargeback", "pre_arbitration", "arbitration"]
"""How far a dispute has gone. An inquiry takes no money."""


def _stage(value: Any) -> Any:
    return "chargeback" if value is None else value


class ChargebackOpened(EventData):
    """A payment was charged back (22), or a dispute about it entered another stage."""

    TYPE: ClassVar[str] = "purchasing.chargeback.opened.v1"

    chargeback_id: Identifier = Field(description="The chargeback: one id through all stages of a dispute.")
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
    attributable_to_provider: bool = Field(
        description="Whether the provider caused it (22(2)), as known now; `reassessed` corrects it."
    )
    stage: Annotated[Stage, BeforeValidator(_stage, json_schema_input_type=Stage | None)] = Field(
        default="chargeback", description="How far the dispute has gone; an inquiry takes no money."
    )
    instructed_at: Instant | None = Field(
        default=None, description="When the buyer instructed the institution (22(1)); absent: when it was opened."
    )
    fee: Money | None = Field(default=None, description="What the institution charges for the dispute.")
    respond_by: Instant | None = Field(
        default=None, description="Until when the institution wants an answer. Shown, not decided on."
    )
    settled: Settled = Field(
        default=None, description="What `amount` is in the order's currency, as booked, where it is in another one."
    )


class ChargebackReassessed(EventData):
    """The platform found who caused a chargeback (20, 22(2)); the latest finding counts."""

    TYPE: ClassVar[str] = "purchasing.chargeback.reassessed.v1"

    chargeback_id: Identifier = Field(description="The chargeback.")
    attributable_to_provider: bool = Field(description="Whether the provider caused it (22(2)).")
    reason: Annotated[Text | None, PRIVATE] = Field(default=None, description="Why, for the staff alone (23).")


class ChargebackClosed(EventData):
    """A chargeback, or one round of it, ended (22); all of them count, in order of time."""

    TYPE: ClassVar[str] = "purchasing.chargeback.closed.v1"

    chargeback_id: Identifier = Field(description="The chargeback.")
    outcome: Literal["restored", "lost"] = Field(description="Whether the money came back.")
    amount_restored: Money | None = Field(
        default=None, description="How much came back; absent: everything (restored), nothing (lost)."
    )
    settled: Settled = Field(
        default=None,
        description="What `amount_restored` is in the order's currency, as booked, where it is in another one.",
    )
