"""Topic `purchasing.commands.freeze.v1`: to whoever keeps the buyers' accounts (22)."""

from typing import ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier
from purchasing_contracts.money import Money
from purchasing_contracts.published import CommandData


class FreezePlace(CommandData):
    """Hold `amount` on the buyer's account until a release names the same `hold_id` (22)."""

    TYPE: ClassVar[str] = "purchasing.freeze.place.v1"

    hold_id: DerivedIdentifier = Field(
        description="The hold: the chargeback's id, or `{chargeback_id}:{n}` for its nth hold."
    )
    amount: Money = Field(description="What is held.")
    scope: Literal["withdrawal_and_use"] = Field(
        default="withdrawal_and_use",
        description="What the buyer can't do with it: neither withdraw nor use it.",
    )
    ref: DerivedIdentifier = Field(description="The chargeback's id.")


class FreezeRelease(CommandData):
    """End the hold `hold_id`, whole (22)."""

    TYPE: ClassVar[str] = "purchasing.freeze.release.v1"

    hold_id: DerivedIdentifier = Field(description="As in the message that placed it.")
    ref: DerivedIdentifier = Field(description="The chargeback's id.")
