"""Topic `purchasing.events.payment.v1`: what the payment institution, the deposit account and the funds report."""

from typing import Annotated, ClassVar

from pydantic import Field

from purchasing_contracts.base import PRIVATE, DerivedIdentifier, EventData, Identifier, Text
from purchasing_contracts.money import Breakdown, Money, Settled

_SETTLED = "`amount` in the order's currency, as booked, if `amount` is in another currency."
_DEDUCTED = _SETTLED.replace("amount", "deducted")


class PaymentCaptured(EventData):
    """A payment for the order arrived (2, 6)."""

    TYPE: ClassVar[str] = "purchasing.payment.captured.v1"

    payment_id: Identifier = Field(description="The payment's id; refunds and chargebacks name it.")
    capture_id: Identifier | None = Field(
        default=None,
        description="Distinguishes captures of one payment; of several messages with one id the earliest counts.",
    )
    breakdown: Breakdown = Field(description="The purposes for which it was paid.")
    settled: Settled = Field(
        default=None,
        description="The total of the breakdown in the order's currency, as booked, if it is in another currency.",
    )


class TipPaid(EventData):
    """The buyer paid a tip (21)."""

    TYPE: ClassVar[str] = "purchasing.payment.tip_paid.v1"

    tip_id: Identifier = Field(description="The tip's id; a request to refund it names it (21).")
    payment_id: Identifier = Field(
        description="The payment that contains it; one payment may contain several tips and the order amount."
    )
    amount: Money = Field(description="The whole tip; the part above the limit is refunded at once (21).")
    settled: Settled = Field(default=None, description=_SETTLED)


class SellerRefundReceived(EventData):
    """The seller refunded money to the provider (8(4), 13(6))."""

    TYPE: ClassVar[str] = "purchasing.payment.seller_refund_received.v1"

    receipt_id: Identifier = Field(description="The id of this refund's receipt.")
    amount: Money = Field(description="The amount that the seller refunded.")
    request_id: Identifier | None = Field(
        default=None,
        description="The cancellation or dissolution it belongs to. With any other id it belongs to no cancellation.",
    )
    settled: Settled = Field(default=None, description=_SETTLED)


class OutstandingPaid(EventData):
    """The buyer paid an amount that was outstanding after a chargeback (22)."""

    TYPE: ClassVar[str] = "purchasing.payment.outstanding_paid.v1"

    chargeback_id: Identifier = Field(description="The chargeback for which it was paid.")
    payment_id: Identifier = Field(description="The payment's id.")
    receipt_id: Identifier | None = Field(
        default=None,
        description="Distinguishes payments by one `payment_id`; of several messages with one id the earliest counts.",
    )
    amount: Money = Field(description="The amount paid.")
    settled: Settled = Field(default=None, description=_SETTLED)


class RepaymentReceived(EventData):
    """The buyer repaid an amount that had been refunded in excess or was owed (12(4), 12(5))."""

    TYPE: ClassVar[str] = "purchasing.payment.repayment_received.v1"

    repayment_id: Identifier = Field(description="The repayment.")
    line: DerivedIdentifier = Field(description="As in our `repayment_demand`, or `owed` for `buyer_owes`.")
    amount: Money = Field(description="The amount repaid.")
    settled: Settled = Field(default=None, description=_SETTLED)


class RefundFailed(EventData):
    """A refund that the service commanded (6, 12, 13, 21, 22, 24) failed, in whole or in part."""

    TYPE: ClassVar[str] = "purchasing.payment.refund_failed.v1"

    command_id: Identifier = Field(description="The command that failed.")
    line: DerivedIdentifier = Field(description="The line of that command.")
    payment_id: Identifier | None = Field(default=None, description="The payment of that command, if it had one.")
    amount: Money = Field(description="The amount that did not arrive.")


class RefundSucceeded(EventData):
    """A refund that the service commanded was executed, so it is not awaited any more (6, 12, 13, 21, 22, 24)."""

    TYPE: ClassVar[str] = "purchasing.payment.refund_succeeded.v1"

    command_id: Identifier = Field(description="The command that was executed.")


class RefundedElsewhere(EventData):
    """Staff or the institution refunded or voided without a command of the service (6).

    Don't send it for a refund that the service commanded.
    """

    TYPE: ClassVar[str] = "purchasing.payment.refunded_elsewhere.v1"

    refund_id: Identifier = Field(description="The refund's id; of several messages with one id the earliest counts.")
    line: DerivedIdentifier = Field(description="The line that it belongs to, as in our `refund.issue`.")
    payment_id: Identifier | None = Field(
        default=None, description="The payment that was refunded; absent: the money went to the buyer's account."
    )
    amount: Money = Field(description="The amount refunded.")
    settled: Settled = Field(default=None, description=_SETTLED)


class DepositDeducted(EventData):
    """The deposit account carried out a deduction (22). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.deposit_deducted.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    amount: Money = Field(description="The amount deducted.")
    settled: Settled = Field(default=None, description=_SETTLED)


class DepositInsufficient(EventData):
    """The deposit didn't hold enough for a deduction (22). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.deposit_insufficient.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    deducted: Money = Field(
        description="The amount that was deducted nevertheless, finally; zero if there was nothing."
    )
    settled: Settled = Field(default=None, description=_DEDUCTED)


class FundsDeducted(EventData):
    """The purchasing funds carried out a deduction (19). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.funds_deducted.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    amount: Money = Field(description="The amount deducted.")
    settled: Settled = Field(default=None, description=_SETTLED)


class FundsInsufficient(EventData):
    """The purchasing funds didn't hold enough for a deduction (19). The latest answer to a `deduction_id` counts."""

    TYPE: ClassVar[str] = "purchasing.payment.funds_insufficient.v1"

    deduction_id: DerivedIdentifier = Field(description="As in the command.")
    deducted: Money = Field(
        description="The amount that was deducted nevertheless, finally; zero if there was nothing."
    )
    settled: Settled = Field(default=None, description=_DEDUCTED)


class TransferFailed(EventData):
    """A transfer to a promoter (19) did not arrive, in whole or in part."""

    TYPE: ClassVar[str] = "purchasing.payment.transfer_failed.v1"

    command_id: Identifier = Field(description="Our `brokerage.transfer`.")
    amount: Money = Field(description="The amount that did not arrive.")


class FreezeRefused(EventData):
    """A hold that the service commanded was not placed (22). The hold that it was to replace still stands."""

    TYPE: ClassVar[str] = "purchasing.payment.freeze_refused.v1"

    hold_id: DerivedIdentifier = Field(description="As in our `freeze.place`.")
    reason: Annotated[Text | None, PRIVATE] = Field(default=None, description="The reason, for the staff only (23).")
