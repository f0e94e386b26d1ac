"""Topic `purchasing.commands.deduction.v1`: to whoever holds the deposit and the purchasing funds."""

from typing import ClassVar, Literal

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier
from purchasing_contracts.money import Money
from purchasing_contracts.published import CommandData


class DeductionExecute(CommandData):
    """Take `amount` out of the deposit (22) or of the purchasing funds (19)."""

    TYPE: ClassVar[str] = "purchasing.deduction.execute.v1"

    line: DerivedIdentifier = Field(description="What it is taken for: `brokerage`, or the chargeback's line.")
    deduction_id: DerivedIdentifier = Field(
        description="The deduction: the chargeback's id, or `{order_id}:brokerage:{n}`. The answer names it."
    )
    amount: Money = Field(description="What is to be taken, all of it once for each `command_id`.")
    source: Literal["deposit", "purchasing_funds"] = Field(description="What it is taken from.")
    purpose: Literal["chargeback_recovery", "brokerage"] = Field(description="Why: clause 22, or clause 19.")
    ref: DerivedIdentifier = Field(description="The chargeback's id, or `brokerage`.")
