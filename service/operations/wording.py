"""Facts, decisions and commands in words that a support agent can read aloud. Money in whole units, not in fen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events import chargeback, order, payment, seller_response, warehouse_receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from purchasing_contracts.basis import Basis
    from purchasing_contracts.money import Breakdown, Money

_SIGNS = {"CNY": "¥", "EUR": "€", "GBP": "£", "USD": "$"}
_MINOR_DIGITS = dict.fromkeys(
    ("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
"""Currencies whose minor unit is not the hundredth part (ISO 4217), as far as they are in use for goods."""


def amount_in_words(value: int, currency: str | None) -> str:
    """Return minor units as a person writes them.

    >>> amount_in_words(9620000, "CNY")
    '¥96,200.00'
    >>> amount_in_words(500, "JPY")
    '500 JPY'
    """
    digits = _MINOR_DIGITS.get(currency or "", 2)
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**digits)
    number = f"{whole:,}" + (f".{rest:0{digits}}" if digits else "")
    if currency in _SIGNS:
        return f"{sign}{_SIGNS[currency]}{number}"
    return f"{sign}{number} {currency}" if currency else f"{sign}{number}"


def _sum(money: Money | None) -> str:
    return "nothing" if money is None else amount_in_words(money.value, money.currency)


def _total(breakdown: Breakdown) -> str:
    parts = (breakdown.goods, breakdown.to_warehouse_shipping, breakdown.service_fee)
    total = sum(part.value for part in parts) + sum(fee.amount.value for fee in breakdown.other_fees)
    return amount_in_words(total, breakdown.goods.currency)


def _several(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


_FACTS: dict[type[Any], Callable[[Any], str]] = {
    order.OrderPlaced: lambda d: (
        f"The buyer placed the order: {_several(len(d.items), 'item')}, quoted {_total(d.quote)}."
    ),
    order.OrderAccepted: lambda _: "The provider accepted the order.",
    order.OrderRefused: lambda d: f"The provider refused the order ({d.ground.replace('_', ' ')}).",
    order.CancellationRequested: lambda d: (
        f"The buyer asked to cancel ({d.request_id}" + (")." if d.channel == "platform" else "), outside the platform.")
    ),
    order.DissolutionRequested: lambda d: (
        f"The buyer asked to dissolve the order ({d.request_id}): {d.ground.replace('_', ' ')}, "
        f"{'inspected' if d.inspected else 'not inspected'}, {_several(len(d.evidence), 'piece')} of evidence."
    ),
    order.ObjectionRaised: lambda d: f"The buyer objected to the {d.scope} ({d.objection_id}).",
    order.ReceiptConfirmed: lambda _: "The buyer confirmed receipt.",
    order.TipRefundRequested: lambda d: f"The buyer asked for tip {d.tip_id} back.",
    order.ProviderFaultFound: lambda d: (
        f"A fault of the provider was found ({d.finding_id}): direct loss {_sum(d.direct_loss)}."
    ),
    payment.PaymentCaptured: lambda d: f"The buyer paid {_total(d.breakdown)} ({d.payment_id}).",
    payment.TipPaid: lambda d: f"The buyer tipped {_sum(d.amount)} ({d.tip_id}).",
    payment.SellerRefundReceived: lambda d: f"The seller gave {_sum(d.amount)} back ({d.receipt_id}).",
    payment.OutstandingPaid: lambda d: (
        f"{_sum(d.amount)} of what chargeback {d.chargeback_id} took was paid ({d.payment_id})."
    ),
    payment.RepaymentReceived: lambda d: f"{_sum(d.amount)} was paid back on line {d.line} ({d.repayment_id}).",
    payment.RefundFailed: lambda d: (
        f"A refund of {_sum(d.amount)} on line {d.line} failed"
        + (f" (payment {d.payment_id})." if d.payment_id else ".")
    ),
    payment.DepositDeducted: lambda d: f"The deposit gave {_sum(d.amount)} ({d.deduction_id}).",
    payment.DepositInsufficient: lambda d: (
        f"The deposit was not enough: it gave {_sum(d.deducted)} ({d.deduction_id})."
    ),
    warehouse_receipt.GoodsReceived: lambda d: (
        f"The warehouse received {'the goods' if d.final else 'part of the goods'} ({d.receipt_id}), "
        + (f"with {_several(len(d.objections), 'objection')}." if d.objections else "without objections.")
    ),
    warehouse_receipt.ObjectionVerified: lambda d: (
        f"Objection {d.objection_id} was verified: attributable to {d.attributable_to}."
    ),
    warehouse_receipt.CostIncurred: lambda d: (
        f"A cost of {_sum(d.amount)} was incurred ({d.kind}, borne by the {d.borne_by.replace('_', ' ')}, {d.cost_id})."
    ),
    warehouse_receipt.CustomsCleared: lambda _: "The goods cleared customs for export.",
    warehouse_receipt.PackageDelivered: lambda d: (
        f"{'The order' if d.final else 'Part of the order'} was delivered to the buyer ({d.package_id})."
    ),
    warehouse_receipt.GoodsDisposed: lambda d: (
        f"The goods were {d.disposition}" + (f" for {_sum(d.proceeds)}" if d.proceeds else "") + f" ({d.disposal_id})."
    ),
    seller_response.PurchaseConfirmed: lambda d: (
        f"The seller confirmed the purchase at {_sum(d.goods)} plus {_sum(d.to_warehouse_shipping)} shipping"
        + (f", {_sum(d.deposit)} of it a deposit." if d.deposit else ".")
    ),
    seller_response.PurchaseUnavailable: lambda d: f"The seller can't sell ({d.reason.replace('_', ' ')}).",
    seller_response.CancellationAgreed: lambda d: (
        f"The seller agreed to cancel ({d.request_id})" + (f", penalty {_sum(d.penalty)}." if d.penalty else ".")
    ),
    seller_response.CancellationRefused: lambda d: (
        f"The seller refused to cancel ({d.request_id}: {d.reason.replace('_', ' ')})."
    ),
    seller_response.DissolutionAgreed: lambda d: (
        f"The seller agreed to dissolve the purchase ({d.request_id}): {d.disposition} the goods."
    ),
    seller_response.DissolutionRefused: lambda d: f"The seller refused to dissolve the purchase ({d.request_id}).",
    chargeback.ChargebackOpened: lambda d: (
        f"Payment {d.payment_id} was charged back: {_sum(d.amount)}, {d.reason.replace('_', ' ')} ({d.chargeback_id})."
    ),
    chargeback.ChargebackClosed: lambda d: f"Chargeback {d.chargeback_id} ended: {d.outcome}.",
}

_DESTINATIONS = {"deposit": "the deposit", "buyer_account": "the buyer's account"}

_OUTPUTS: dict[type[Any], Callable[[Any], str]] = {
    RefundIssue: lambda d: (
        f"Refund {_sum(d.amount)} to {_DESTINATIONS.get(d.destination, f'payment {d.payment_id}')} (line {d.line})."
    ),
    DeductionExecute: lambda d: f"Take {_sum(d.amount)} from the {d.source.replace('_', ' ')} ({d.deduction_id}).",
    FreezePlace: lambda d: f"Freeze {_sum(d.amount)} of the account (hold {d.hold_id}).",
    FreezeRelease: lambda d: f"Release hold {d.hold_id}.",
    BrokerageTransfer: lambda d: f"Transfer {_sum(d.amount)} to promoter {d.promoter_id}.",
}


def tell_fact(data: Any) -> str:
    """Return one sentence on what happened, without anything private; a type it has no words for, by its name."""
    words = _FACTS.get(type(data))
    return words(data) if words is not None else f"{getattr(data, 'TYPE', type(data).__name__)} was heard."


def tell_output(data: Any) -> str:
    """Return one sentence on what was decided or commanded."""
    if isinstance(data, DecisionMade):
        return _decision(data)
    words = _OUTPUTS.get(type(data))
    return words(data) if words is not None else f"{getattr(data, 'TYPE', type(data).__name__)} was published."


def tell_basis(basis: tuple[Basis, ...]) -> str:
    """Return the clauses with their words, one after the other.

    `12(1)A, no purchase had been made from the seller; 12(3), the service fee is not refunded …`
    """
    return "; ".join(f"{one.clause}, {one.because}" for one in basis)


def _decision(made: DecisionMade) -> str:
    about = made.kind.replace("_", " ").capitalize()
    ref = "" if made.ref == made.order_id else f" ({made.ref})"
    amount = "" if made.amount is None else f" {_sum(made.amount)}"
    until = "" if made.due_at is None else f", by {made.due_at:%Y-%m-%d %H:%M} UTC"
    return f"{about}{ref}: {made.outcome.replace('_', ' ')}{amount}{until}."
