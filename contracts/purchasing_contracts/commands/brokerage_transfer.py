"""Topic `purchasing.commands.brokerage-transfer.v1`: to whoever pays promoters (19)."""

from typing import ClassVar

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier, Identifier
from purchasing_contracts.money import Money
from purchasing_contracts.published import CommandData


class BrokerageTransfer(CommandData):
    """Pay the promoter what the deduction took (19). Never carries the buyer's account."""

    TYPE: ClassVar[str] = "purchasing.brokerage.transfer.v1"

    account_id: None = Field(default=None, description="Never there: promoter and buyer don't see each other (19).")
    promoter_id: Identifier = Field(description="Who is paid.")
    amount: Money = Field(description="How much: what the funds' answer says was deducted.")
    deduction_id: DerivedIdentifier = Field(description="The deduction it is paid from.")
