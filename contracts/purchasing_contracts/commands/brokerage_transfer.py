"""Topic `purchasing.commands.brokerage-transfer.v1`: to the service that pays promoters (19)."""

from typing import ClassVar

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier, Identifier
from purchasing_contracts.money import Money
from purchasing_contracts.published import CommandData


class BrokerageTransfer(CommandData):
    """Pay the promoter the amount that was deducted (19). It never contains the buyer's account."""

    TYPE: ClassVar[str] = "purchasing.brokerage.transfer.v1"

    account_id: None = Field(
        default=None, description="Always absent: promoter and buyer don't see each other's data (19)."
    )
    promoter_id: Identifier = Field(description="The promoter who is paid.")
    amount: Money = Field(description="The amount that was deducted, by the funds' answer.")
    deduction_id: DerivedIdentifier = Field(description="The deduction that it is paid from.")
