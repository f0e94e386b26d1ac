"""Topic `purchasing.commands.freeze.v1`: to whoever keeps the buyers' accounts (22)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier
from purchasing_contracts.money import Money
from purchasing_contracts.open_enumerations import OpenValue, open_to
from purchasing_contracts.published import CommandData

Scope = Literal["withdrawal_and_use"]
"""The known scopes of a hold."""


class FreezePlace(CommandData):
    """Hold `amount` on the buyer's account (22).

    A chargeback (`ref`) has one hold: this one takes the place of the one that stands, in one step. If it is refused,
    that one stays.
    """

    TYPE: ClassVar[str] = "purchasing.freeze.place.v1"

    hold_id: DerivedIdentifier = Field(
        description="The hold: the chargeback's id, or `{chargeback_id}:{n}` for its nth hold."
    )
    amount: Money = Field(description="What is held.")
    scope: Annotated[OpenValue, open_to(Scope)] = Field(
        default="withdrawal_and_use",
        description="What the buyer can't do with it: neither withdraw nor use it.",
    )
    ref: DerivedIdentifier = Field(description="The chargeback's id.")
    replaces: DerivedIdentifier | None = Field(default=None, description="The hold that stood, whose place this takes.")


class FreezeRelease(CommandData):
    """End the hold `hold_id`, whole: the chargeback (`ref`) has no hold any more (22)."""

    TYPE: ClassVar[str] = "purchasing.freeze.release.v1"

    hold_id: DerivedIdentifier = Field(description="As in the message that placed it.")
    ref: DerivedIdentifier = Field(description="The chargeback's id.")
