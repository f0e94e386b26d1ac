"""Topic `purchasing.events.payment.v1`: what the payment institution and the deposit account report."""

from typing import ClassVar

from pydantic import Field

from purchasing_contracts.base import DerivedIdentifier, EventData, Identifier
from purchasing_contracts.money import Breakdown, Money


class PaymentCaptured(EventData):
    """A payment for the order arrived (2, 6)."""

    TYPE: ClassVar[str] = "purchasing.payment.captured.v1"

    payment_id: Identifier = Field(description="The payment; refunds and chargebacks name it.")
    breakdown: Breakdown = Field(description="What it paid for.")


class TipPaid(EventData):
    """The buyer paid a tip (21)."""

    TYPE: ClassVar[str] = "purchasing.payment.tip_paid.v1"

    tip_id: Identifier = Field(description="The tip; a request to have it back names it (21).")
    payment_id: Identifier = Field(description="The payment that brought it.")
    amount: Money = Field(description="The whole tip; what is above the limit goes back at once (21).")


class SellerRefundReceived(EventData):
    """The seller paid something back to the provider (13(6))."""

    TYPE: ClassVar[str] = "purchasing.payment.seller_refund_received.v1"

    receipt_id: Identifier = Field(description="The receipt of this refund.")
    amount: Money = Field(description="What the seller paid back.")


class OutstandingPaid(EventData):
    """The buyer paid what a chargeback had left outstanding (22)."""

    TYPE: ClassVar[str] = "purchasing.payment.outstanding_paid.v1"

    chargeback_id: Identifier = Field(description="The chargeback it pays for.")
    payment_id: Identifier = Field(description="The payment that brought it.")
    amount: Money = Field(description="What was paid of the outstanding sum.")


class RepaymentReceived(EventData):
    """What was refunded too much, or was owed (12(4), 12(5)), came back."""

    TYPE: ClassVar[str] = "purchasing.payment.repayment_received.v1"

    repayment_id: Identifier = Field(description="The repayment.")
    line: DerivedIdentifier = Field(description="As in our `repayment_demand`, or `owed` for `buyer_owes`.")
    amount: Money = Field(description="What came back.")


class RefundFailed(EventData):
    """A refund that we commanded (6, 12, 13, 21, 22, 24) could not be made, in whole or in part."""

    TYPE: ClassVar[str] = "purchasing.payment.refund_failed.v1"

    command_id: Identifier = Field(description="The command that failed.")
    line: DerivedIdentifier = Field(description="The line of that command.")
    payment_id: Identifier | None = Field(default=None, description="The payment of that command, if it had one.")
    amount: Money = Field(description="How much of it failed.")


class DepositDeducted(EventData):
    """The deposit account carried out a deduction (22)."""

    TYPE: ClassVar[str] = "purchasing.payment.deposit_deducted.v1"

    deduction_id: Identifier = Field(description="As in the command.")
    amount: Money = Field(description="How much was taken.")


class DepositInsufficient(EventData):
    """The deposit didn't hold enough for a deduction (22)."""

    TYPE: ClassVar[str] = "purchasing.payment.deposit_insufficient.v1"

    deduction_id: Identifier = Field(description="As in the command.")
    deducted: Money = Field(description="What was taken all the same, for good; zero where there was nothing.")
