"""Topic `purchasing.events.chargeback.v1`: chargebacks: the payment institution takes money back, or returns it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from purchasing_contracts.base import PRIVATE, EventData, Identifier, Instant, Text
from purchasing_contracts.money import Money, Settled

Stage = Literal["inquiry", "chargeback", "pre_arbitration", "arbitration"]
"""The stage of a dispute. An inquiry takes no money."""


def _stage(value: Any) -> Any:
    return "chargeback" if value is None else value


class ChargebackOpened(EventData):
    """A payment was charged back (22), or a dispute about it entered another stage."""

    TYPE: ClassVar[str] = "purchasing.chargeback.opened.v1"

    chargeback_id: Identifier = Field(description="The chargeback's id, the same in all stages of a dispute.")
    payment_id: Identifier = Field(description="The payment that is charged back.")
    amount: Money = Field(
        description="The amount taken back; it counts up to the amount that the payment brought in (22)."
    )
    reason: Literal[
        "account_stolen",
        "payment_account_misused",
        "not_received",
        "not_as_described",
        "duplicate",
        "other",
    ] = Field(description="The reason; a stolen account: 22(3), a misused payment account: 22(4).")
    attributable_to_provider: bool = Field(
        description="Whether the provider caused it (22(2)), by present knowledge; `reassessed` corrects it."
    )
    stage: Annotated[Stage, BeforeValidator(_stage, json_schema_input_type=Stage | None)] = Field(
        default="chargeback", description="The stage of the dispute; an inquiry takes no money."
    )
    instructed_at: Instant | None = Field(
        default=None, description="When the buyer instructed the institution (22(1)); absent: when it was opened."
    )
    fee: Money | None = Field(default=None, description="The institution's fee for the dispute.")
    respond_by: Instant | None = Field(
        default=None, description="The institution's deadline for an answer. It is shown and decides nothing."
    )
    settled: Settled = Field(
        default=None, description="`amount` in the order's currency, as booked, if `amount` is in another currency."
    )


class ChargebackReassessed(EventData):
    """The platform found whether the provider caused a chargeback (20, 22(2)). The latest finding counts."""

    TYPE: ClassVar[str] = "purchasing.chargeback.reassessed.v1"

    chargeback_id: Identifier = Field(description="The chargeback.")
    attributable_to_provider: bool = Field(description="Whether the provider caused it (22(2)).")
    reason: Annotated[Text | None, PRIVATE] = Field(default=None, description="The reason, for the staff only (23).")


class ChargebackClosed(EventData):
    """A chargeback, or one round of it, ended (22). All such messages count, in order of time."""

    TYPE: ClassVar[str] = "purchasing.chargeback.closed.v1"

    chargeback_id: Identifier = Field(description="The chargeback.")
    outcome: Literal["restored", "lost"] = Field(description="Whether the money came back.")
    amount_restored: Money | None = Field(
        default=None, description="The amount that came back; absent: all of it (restored), nothing (lost)."
    )
    settled: Settled = Field(
        default=None,
        description="`amount_restored` in the order's currency, as booked, if it is in another currency.",
    )
