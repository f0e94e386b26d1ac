"""Topic `purchasing.commands.freeze.v1`: to the service that keeps the buyers' accounts (22)."""

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

    A chargeback (`ref`) has one hold. This hold replaces the former one in one step. If it is refused, the former one
    stays.
    """

    TYPE: ClassVar[str] = "purchasing.freeze.place.v1"

    hold_id: DerivedIdentifier = Field(
        description="The hold's id: the chargeback's id, or `{chargeback_id}:{n}` for its nth hold."
    )
    amount: Money = Field(description="The amount to be held.")
    scope: Annotated[OpenValue, open_to(Scope)] = Field(
        default="withdrawal_and_use",
        description="The scope of the hold: the buyer can neither withdraw the money nor use it.",
    )
    ref: DerivedIdentifier = Field(description="The chargeback's id.")
    replaces: DerivedIdentifier | None = Field(default=None, description="The former hold, which this one replaces.")


class FreezeRelease(CommandData):
    """Release the whole hold `hold_id`: the chargeback (`ref`) has no hold any more (22)."""

    TYPE: ClassVar[str] = "purchasing.freeze.release.v1"

    hold_id: DerivedIdentifier = Field(description="As in the message that placed it.")
    ref: DerivedIdentifier = Field(description="The chargeback's id.")
