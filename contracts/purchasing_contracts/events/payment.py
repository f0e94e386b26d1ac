"""Topic `purchasing.events.payment.v1`: what the payment institution, the deposit account and the funds report."""

from typing import Annotated, ClassVar

from pydantic import Field

from purchasing_contracts.base import PRIVATE, DerivedIdentifier, EventData, Identifier, Text
from purchasing_contracts.money import Breakdown, Money, Settled

_SETTLED = "What `amount` is in the order's currency, as booked, where it is in another one."
_DEDUCTED = _SETTLED.replace("amount", "deducted")


class PaymentCaptured(EventData):
    """A payment for the order arrived (2, 6)."""

    TYPE: ClassVar[str] = "purchasing.payment.captured.v1"

    payment_id: Identifier = Field(description="The payment; refunds and chargebacks name it.")
    capture_id: Identifier | None = Field(
        default=None, description="Tells several captures of one payment apart; of one id the earliest counts."
    )
    breakdown: Breakdown = Field(description="What it paid for.")
    settled: Settled = Field(
        default=None,
        description="What the whole breakdown is in the order's currency, as booked, where it is in another one.",
    )


class TipPaid(EventData):
    """The buyer paid a tip (21)."""

    TYPE: ClassVar[str] = "purchasing.payment.tip_paid.v1"

    tip_id: Identifier = Field(description="The tip; a request to have it back names it (21).")
    payment_id: Identifier = Field(
        description="The payment that brought it; one payment may carry several tips, and the order."
    )
    amount: Money = Field(description="The whole tip; what is above the limit goes back at once (21).")
    settled: Settled = Field(default=None, description=_SETTLED)


class SellerRefundReceived(EventData):
    """The seller paid something back to the provider (8(4), 13(6))."""

    TYPE: ClassVar[str] = "purchasing.payment.seller_refund_received.v1"

    receipt_id: Identifier = Field(description="The receipt of this refund.")
    amount: Money = Field(description="What the seller paid back.")
    request_id: Identifier | None = Field(
        default=None,
        description="The cancellation or dissolution that it answers; any other id: it is for no cancellation.",
    )
    settled: Settled = Field(default=None, description=_SETTLED)


class OutstandingPaid(EventData):
    """The buyer paid what a chargeback had left outstanding (22)."""

    TYPE: ClassVar[str] = "purchasing.payment.outstanding_paid.v1"

    chargeback_id: Identifier = Field(description="The chargeback it pays for.")
    payment_id: Identifier = Field(description="The payment that brought it.")
    receipt_id: Identifier | None = Field(
        default=None, description="Tells several payments by one `payment_id` apart; of one id the earliest counts."
    )
    amount: Money = Field(description="What was paid of the outstanding sum.")
    settled: Settled = Field(default=None, description=_SETTLED)


class RepaymentReceived(EventData):
    """What was refunded too much, or was owed (12(4), 12(5)), came back."""

    TYPE: ClassVar[str] = "purchasing.payment.repayment_received.v1"

    repayment_id: Identifier = Field(description="The repayment.")
    line: DerivedIdentifier = Field(description="As in our `repayment_demand`, or `owed` for `buyer_owes`.")
    amount: Money = Field(description="What came back.")
    settled: Settled = Field(default=None, description=_SETTLED)


class RefundFailed(EventData):
    """A refund that we commanded (6, 12, 13, 21, 22, 24) could not be made, in whole or in part."""

    TYPE: ClassVar[str] = "purchasing.payment.refund_failed.v1"

    command_id: Identifier = Field(description="The command that failed.")
    line: DerivedIdentifier = Field(description="The line of that command.")
    payment_id: Identifier | None = Field(default=None, description="The payment of that command, if it had one.")
    amount: Money = Field(description="How much of it did not arrive.")


class RefundSucceeded(EventData):
    """A refund that we commanded was executed: nobody waits for it any longer (6, 12, 13, 21, 22, 24)."""

    TYPE: ClassVar[str] = "purchasing.payment.refund_succeeded.v1"

    command_id: Identifier = Field(description="The command that was executed.")


class RefundedElsewhere(EventData):
    """Staff or the institution refunded or voided without our command (6). Never for a refund of our `command_id`."""

    TYPE: ClassVar[str] = "purchasing.payment.refunded_elsewhere.v1"

    refund_id: Identifier = Field(description="The refund; of one id the earliest counts.")
    line: DerivedIdentifier = Field(description="The line that it belongs to, as in our `refund.issue`.")
    payment_id: Identifier | None = Field(
        default=None, description="The payment that was refunded; absent: it went to the buyer's account."
    )
    amount: Money = Field(description="How much was refunded.")
    settled: Settled = Field(default=None, description=_SETTLED)


class DepositDeducted(EventData):
    """The deposit account carried out a deduction (22). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.deposit_deducted.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    amount: Money = Field(description="How much was taken.")
    settled: Settled = Field(default=None, description=_SETTLED)


class DepositInsufficient(EventData):
    """The deposit didn't hold enough for a deduction (22). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.deposit_insufficient.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    deducted: Money = Field(description="What was taken all the same, for good; zero where there was nothing.")
    settled: Settled = Field(default=None, description=_DEDUCTED)


class FundsDeducted(EventData):
    """The purchasing funds carried out a deduction (19). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.funds_deducted.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    amount: Money = Field(description="How much was taken.")
    settled: Settled = Field(default=None, description=_SETTLED)


class FundsInsufficient(EventData):
    """The purchasing funds didn't hold enough for a deduction (19). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.funds_insufficient.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    deducted: Money = Field(description="What was taken all the same, for good; zero where there was nothing.")
    settled: Settled = Field(default=None, description=_DEDUCTED)


class TransferFailed(EventData):
    """A transfer to a promoter (19) did not arrive, in whole or in part."""

    TYPE: ClassVar[str] = "purchasing.payment.transfer_failed.v1"

    command_id: Identifier = Field(description="Our `brokerage.transfer`.")
    amount: Money = Field(description="How much of it did not arrive.")


class FreezeRefused(EventData):
    """A hold that we commanded was not placed (22); what it was to replace still stands."""

    TYPE: ClassVar[str] = "purchasing.payment.freeze_refused.v1"

    hold_id: DerivedIdentifier = Field(description="As in our `freeze.place`.")
    reason: Annotated[Text | None, PRIVATE] = Field(default=None, description="Why, for the staff alone (23).")
