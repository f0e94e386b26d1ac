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
        description="What is refunded: `purchase`, `compensation`, `owed`, `tip:{id}` or `chargeback:{id}`."
    )
    amount: Money = Field(description="What is to be paid, all of it once for each `command_id`.")
    destination: Annotated[OpenValue, open_to(Destination)] = Field(
        description="Where to: back on `payment_id`, to the deposit account, or to the buyer's account."
    )
    payment_id: Identifier | None = Field(
        default=None, description="The payment to refund, where the destination is `original_payment`."
    )
