"""Topic `purchasing.commands.deduction.v1`: to the service that keeps the deposit and the purchasing funds."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier
from purchasing_contracts.money import Money
from purchasing_contracts.open_enumerations import OpenValue, open_to
from purchasing_contracts.published import CommandData

Source = Literal["deposit", "purchasing_funds"]
"""The known sources of a deduction."""

Purpose = Literal["chargeback_recovery", "brokerage"]
"""The known purposes of a deduction."""


class DeductionExecute(CommandData):
    """Deduct `amount` from the deposit (22) or from the purchasing funds (19)."""

    TYPE: ClassVar[str] = "purchasing.deduction.execute.v1"

    line: DerivedIdentifier = Field(
        description="The line that it is deducted for: `brokerage`, or the chargeback's line."
    )
    deduction_id: DerivedIdentifier = Field(
        description="The deduction: the chargeback's id, `{chargeback_id}:{k}` for its kth demand, or "
        "`{order_id}:brokerage:1`. The answer names it."
    )
    amount: Money = Field(description="The amount to be deducted, in full and once per `command_id`.")
    source: Annotated[OpenValue, open_to(Source)] = Field(description="The source of the deduction.")
    purpose: Annotated[OpenValue, open_to(Purpose)] = Field(description="The purpose: clause 22, or clause 19.")
    ref: DerivedIdentifier = Field(description="The chargeback's id, or `brokerage`.")
    hold_id: DerivedIdentifier | None = Field(
        default=None, description="The hold that secures the money; the deduction may use it (22)."
    )
