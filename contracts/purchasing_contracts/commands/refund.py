"""Topic `purchasing.commands.refund.v1`: to the payment institution."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier, Identifier
from purchasing_contracts.money import Money
from purchasing_contracts.open_enumerations import OpenValue, open_to
from purchasing_contracts.published import CommandData

Destination = Literal["original_payment", "deposit", "buyer_account"]
"""The known destinations of a refund."""


class RefundIssue(CommandData):
    """Pay `amount` to the buyer; `basis` has the clauses (6, 12, 13, 21, 22, 24 and others)."""

    TYPE: ClassVar[str] = "purchasing.refund.issue.v1"

    line: DerivedIdentifier = Field(
        description="The line that is refunded: `purchase`, `compensation`, `owed`, `tip:{id}` or `chargeback:{id}`."
    )
    amount: Money = Field(description="The amount to be paid, in full and once per `command_id`.")
    destination: Annotated[OpenValue, open_to(Destination)] = Field(
        description="The destination: the payment `payment_id`, the deposit account, or the buyer's account."
    )
    payment_id: Identifier | None = Field(
        default=None, description="The payment to refund, if the destination is `original_payment`."
    )
