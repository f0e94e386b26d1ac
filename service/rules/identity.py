"""The identity of facts: which messages are the same fact, and which of several counts (docs/rules.md, Appendix B)."""

from __future__ import annotations

from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.events import chargeback, order, payment, seller_response, warehouse_receipt

if TYPE_CHECKING:
    from collections.abc import Callable


class Counts(Enum):
    """The choice of the message that counts among those of one identity."""

    EARLIEST = "earliest"
    LATEST = "latest"
    EACH = "each"
    """Each message counts from its own time on."""


class Identity(NamedTuple):
    """The rule by which a type's identity is computed, and the message of one identity that counts."""

    of: Callable[[Any], Any]
    counts: Counts


def _one_per_order(_: Any) -> None:
    return None


def _by(*members: str, counts: Counts = Counts.EARLIEST) -> Identity:
    return Identity(attrgetter(*members), counts)


_ONCE = Identity(_one_per_order, Counts.EARLIEST)
_EACH_MESSAGE = Identity(id, Counts.EACH)

IDENTITIES: dict[type[Any], Identity] = {
    order.OrderPlaced: _ONCE,
    order.OrderAccepted: _ONCE,
    order.OrderRefused: _ONCE,
    order.ReceiptConfirmed: _ONCE,
    warehouse_receipt.CustomsCleared: _EACH_MESSAGE,
    order.QuoteRevised: _by("revision_id"),
    order.IssueDisclosed: _EACH_MESSAGE,
    order.CancellationRequested: _by("request_id", "channel"),
    order.DissolutionRequested: _by("request_id"),
    order.RequestWithdrawn: _by("request_id"),
    seller_response.CancellationAgreed: _by("request_id", counts=Counts.EACH),
    seller_response.CancellationRefused: _by("request_id", counts=Counts.EACH),
    seller_response.DissolutionAgreed: _by("request_id", counts=Counts.EACH),
    seller_response.DissolutionRefused: _by("request_id", counts=Counts.EACH),
    order.ObjectionRaised: _by("objection_id"),
    order.ObjectionWithdrawn: _by("objection_id"),
    warehouse_receipt.ObjectionVerified: _by("objection_id", counts=Counts.EACH),
    payment.TipPaid: _by("tip_id"),
    order.TipRefundRequested: _EACH_MESSAGE,
    order.ProviderFaultFound: _by("finding_id", counts=Counts.LATEST),
    order.BuyerBreachFound: _by("finding_id", counts=Counts.LATEST),
    order.ExcessApproved: Identity(_one_per_order, Counts.LATEST),
    payment.PaymentCaptured: _by("payment_id", "capture_id"),
    payment.SellerRefundReceived: _by("receipt_id"),
    payment.OutstandingPaid: _by("chargeback_id", "payment_id", "receipt_id"),
    payment.RepaymentReceived: _by("repayment_id"),
    payment.RefundFailed: _by("command_id"),
    payment.RefundSucceeded: _by("command_id"),
    payment.TransferFailed: _by("command_id"),
    payment.RefundedElsewhere: _by("refund_id"),
    payment.DepositDeducted: _by("deduction_id", counts=Counts.LATEST),
    payment.DepositInsufficient: _by("deduction_id", counts=Counts.LATEST),
    payment.FundsDeducted: _by("deduction_id", counts=Counts.LATEST),
    payment.FundsInsufficient: _by("deduction_id", counts=Counts.LATEST),
    payment.FreezeRefused: _by("hold_id"),
    warehouse_receipt.GoodsReceived: _by("receipt_id", counts=Counts.EACH),
    warehouse_receipt.PackageDelivered: _by("package_id", counts=Counts.EACH),
    warehouse_receipt.CostIncurred: _by("cost_id"),
    warehouse_receipt.GoodsDisposed: _by("disposal_id"),
    seller_response.PurchaseConfirmed: _by("purchase_id", counts=Counts.LATEST),
    seller_response.PurchaseUnavailable: _EACH_MESSAGE,
    chargeback.ChargebackOpened: _by("chargeback_id", "stage"),
    chargeback.ChargebackClosed: _by("chargeback_id", "outcome"),
    chargeback.ChargebackReassessed: _by("chargeback_id", counts=Counts.LATEST),
}
"""The identity per type of message. For a closed chargeback, the time is part of the identity too (`order_view.py`)."""

TOGETHER: tuple[tuple[type[Any], ...], ...] = (
    (seller_response.CancellationAgreed, seller_response.CancellationRefused),
    (seller_response.DissolutionAgreed, seller_response.DissolutionRefused),
    (payment.DepositDeducted, payment.DepositInsufficient),
    (payment.FundsDeducted, payment.FundsInsufficient),
)
"""Types whose messages share an identity."""
