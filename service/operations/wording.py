"""Facts, decisions and commands as sentences that a support agent can read aloud. Money is in whole units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events import chargeback, order, payment, seller_response, warehouse_receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from purchasing_contracts.basis import Basis
    from purchasing_contracts.items import ItemRef
    from purchasing_contracts.money import Breakdown, Money

_SIGNS = {"CNY": "¥", "EUR": "€", "GBP": "£", "USD": "$"}
_MINOR_DIGITS = dict.fromkeys(
    ("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
"""Currencies in use for goods whose minor unit is not a hundredth (ISO 4217)."""


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


def _named(items: tuple[ItemRef, ...] | None) -> str:
    """Return the items that a message names, as the end of a sentence; empty if it concerns all items."""
    if items is None:
        return ""
    return ": " + ", ".join(
        f"item {one.item_id}" if one.quantity is None else f"{one.quantity} of item {one.item_id}" for one in items
    )


def _grounds(grounds: Iterable[str]) -> str:
    return ", ".join(ground.replace("_", " ") for ground in grounds)


def _arrived(part: Any, whole: str) -> str:
    """Say which part arrived, and whether it is the last; `whole` if the message names no items."""
    is_last = part.items is None if part.final is None else part.final
    if part.items is None:
        return whole if is_last else f"part of {whole}"
    return ("the last part of " if is_last else "part of ") + whole + _named(part.items)


_FACTS: dict[type[Any], Callable[[Any], str]] = {
    order.OrderPlaced: lambda d: (
        f"The buyer placed the order: {_several(len(d.items), 'item')}, quoted {_total(d.quote)}."
    ),
    order.OrderAccepted: lambda _: "The provider accepted the order.",
    order.OrderRefused: lambda d: f"The provider refused the order ({d.ground.replace('_', ' ')}).",
    order.QuoteRevised: lambda d: (
        f"The buyer agreed to a revised order amount of {_total(d.quote)} ({d.revision_id}){_named(d.items)}."
    ),
    order.CancellationRequested: lambda d: (
        f"The buyer asked to cancel ({d.request_id}"
        + (")" if d.channel == "platform" else "), outside the platform")
        + f"{_named(d.items)}."
    ),
    order.DissolutionRequested: lambda d: (
        f"The buyer asked to dissolve the order ({d.request_id}): {d.ground.replace('_', ' ')}, "
        f"{'inspected' if d.inspected else 'not inspected'}, {_several(len(d.evidence), 'piece')} of evidence"
        f"{_named(d.items)}."
    ),
    order.RequestWithdrawn: lambda d: f"The buyer withdrew request {d.request_id}.",
    order.ObjectionRaised: lambda d: f"The buyer objected to the {d.scope} ({d.objection_id}).",
    order.ObjectionWithdrawn: lambda d: f"The buyer withdrew objection {d.objection_id}.",
    order.ReceiptConfirmed: lambda _: "The buyer confirmed receipt.",
    order.TipRefundRequested: lambda d: f"The buyer asked for tip {d.tip_id} back.",
    order.ProviderFaultFound: lambda d: (
        f"A fault of the provider was found ({d.finding_id}): direct loss {_sum(d.direct_loss)}."
    ),
    order.IssueDisclosed: lambda d: (
        f"The provider told the buyer of an issue, and the buyer continued: {_grounds(d.grounds)}."
    ),
    order.BuyerBreachFound: lambda d: (
        f"A breach of the buyer was found ({d.finding_id}, {d.ground.replace('_', ' ')}): loss {_sum(d.loss)}."
    ),
    order.ExcessApproved: lambda d: (
        f"It was confirmed that {_sum(d.amount)} of the seller's money beyond the payments may be paid out."
    ),
    payment.PaymentCaptured: lambda d: f"The buyer paid {_total(d.breakdown)} ({d.payment_id}).",
    payment.TipPaid: lambda d: f"The buyer tipped {_sum(d.amount)} ({d.tip_id}).",
    payment.SellerRefundReceived: lambda d: (
        f"The seller gave {_sum(d.amount)} back ({d.receipt_id}"
        + ("" if d.request_id is None else f", for request {d.request_id}")
        + ")."
    ),
    payment.OutstandingPaid: lambda d: (
        f"{_sum(d.amount)} of what chargeback {d.chargeback_id} took was paid ({d.payment_id})."
    ),
    payment.RepaymentReceived: lambda d: f"{_sum(d.amount)} was paid back on line {d.line} ({d.repayment_id}).",
    payment.RefundFailed: lambda d: (
        f"A refund of {_sum(d.amount)} on line {d.line} failed"
        + (f" (payment {d.payment_id})." if d.payment_id else ".")
    ),
    payment.RefundSucceeded: lambda d: f"A refund arrived ({d.command_id}).",
    payment.RefundedElsewhere: lambda d: (
        f"{_sum(d.amount)} was refunded elsewhere on line {d.line} ({d.refund_id}"
        + (f", payment {d.payment_id})." if d.payment_id else ").")
    ),
    payment.FundsDeducted: lambda d: f"The purchasing funds gave {_sum(d.amount)} ({d.deduction_id}).",
    payment.FundsInsufficient: lambda d: (
        f"The purchasing funds were not enough: they gave {_sum(d.deducted)} ({d.deduction_id})."
    ),
    payment.TransferFailed: lambda d: f"A transfer to the promoter failed: {_sum(d.amount)} did not arrive.",
    payment.FreezeRefused: lambda d: f"The account keeper did not place hold {d.hold_id}.",
    payment.DepositDeducted: lambda d: f"The deposit gave {_sum(d.amount)} ({d.deduction_id}).",
    payment.DepositInsufficient: lambda d: (
        f"The deposit was not enough: it gave {_sum(d.deducted)} ({d.deduction_id})."
    ),
    warehouse_receipt.GoodsReceived: lambda d: (
        f"The warehouse received {_arrived(d, 'the goods')} ({d.receipt_id}), "
        + (f"with {_several(len(d.objections), 'objection')}." if d.objections else "without objections.")
    ),
    warehouse_receipt.ObjectionVerified: lambda d: (
        f"Objection {d.objection_id} was verified: attributable to {d.attributable_to}."
    ),
    warehouse_receipt.CostIncurred: lambda d: (
        f"A cost of {_sum(d.amount)} was incurred ({d.kind}, borne by the {d.borne_by.replace('_', ' ')}, {d.cost_id}"
        + ("" if d.request_id is None else f", for request {d.request_id}")
        + ")."
    ),
    warehouse_receipt.CustomsCleared: lambda _: "The goods cleared customs for export.",
    warehouse_receipt.PackageDelivered: lambda d: f"The buyer received {_arrived(d, 'the order')} ({d.package_id}).",
    warehouse_receipt.GoodsDisposed: lambda d: (
        f"The goods were {d.disposition}" + (f" for {_sum(d.proceeds)}" if d.proceeds else "") + f" ({d.disposal_id})."
    ),
    seller_response.PurchaseConfirmed: lambda d: (
        f"The seller confirmed purchase {d.purchase_id} at {_sum(d.goods)} "
        f"plus {_sum(d.to_warehouse_shipping)} shipping"
        + (f", {_sum(d.deposit)} of it a deposit" if d.deposit else "")
        + f"{_named(d.items)}."
    ),
    seller_response.PurchaseUnavailable: lambda d: (
        f"The seller can't sell ({d.reason.replace('_', ' ')}){_named(d.items)}."
    ),
    seller_response.CancellationAgreed: lambda d: (
        f"The seller agreed to cancel ({d.request_id})"
        + (f", penalty {_sum(d.penalty)}" if d.penalty else "")
        + ("" if d.amount is None else f", it takes back {_sum(d.amount)}")
        + "."
    ),
    seller_response.CancellationRefused: lambda d: (
        f"The seller refused to cancel ({d.request_id}: {d.reason.replace('_', ' ')})."
    ),
    seller_response.DissolutionAgreed: lambda d: (
        f"The seller agreed to dissolve the purchase ({d.request_id}): {d.disposition} the goods."
    ),
    seller_response.DissolutionRefused: lambda d: f"The seller refused to dissolve the purchase ({d.request_id}).",
    chargeback.ChargebackOpened: lambda d: (
        f"The institution inquired about payment {d.payment_id}: {d.reason.replace('_', ' ')} ({d.chargeback_id})."
        if d.stage == "inquiry"
        else f"Payment {d.payment_id} was charged back: {_sum(d.amount)}, "
        f"{d.reason.replace('_', ' ')} ({d.chargeback_id}"
        + ("" if d.stage == "chargeback" else f", {d.stage.replace('_', '-')}")
        + (f", fee {_sum(d.fee)})." if d.fee else ").")
    ),
    chargeback.ChargebackReassessed: lambda d: (
        f"Chargeback {d.chargeback_id} was found to be "
        + ("the provider's doing." if d.attributable_to_provider else "not the provider's doing.")
    ),
    chargeback.ChargebackClosed: lambda d: (
        f"Chargeback {d.chargeback_id} ended: {d.outcome}"
        + ("." if d.amount_restored is None else f", {_sum(d.amount_restored)} restored.")
    ),
}

_DESTINATIONS = {"deposit": "the deposit", "buyer_account": "the buyer's account"}

_OUTPUTS: dict[type[Any], Callable[[Any], str]] = {
    RefundIssue: lambda d: (
        f"Refund {_sum(d.amount)} to {_DESTINATIONS.get(d.destination, f'payment {d.payment_id}')} (line {d.line})."
    ),
    DeductionExecute: lambda d: f"Take {_sum(d.amount)} from the {d.source.replace('_', ' ')} ({d.deduction_id}).",
    FreezePlace: lambda d: (
        f"Freeze {_sum(d.amount)} of the account (hold {d.hold_id}"
        + ("" if d.replaces is None else f", in place of hold {d.replaces}")
        + ")."
    ),
    FreezeRelease: lambda d: f"Release hold {d.hold_id}.",
    BrokerageTransfer: lambda d: f"Transfer {_sum(d.amount)} to promoter {d.promoter_id}.",
}


GROUNDS = {
    "order_ended": "the order had ended",
    "purchased": "a purchase had been made",
    "received": "the goods had been received",
    "no_units": "no units are left that it could concern",
    "request_ended": "the request had its final outcome",
    "repeated": "an earlier report of the same thing counts",
    "unused": "nothing is known to which it could belong",
}
"""Why a report changes nothing (R22)."""


def tell_fact(data: Any) -> str:
    """Return one sentence about a fact, without private data. A type without a sentence is named."""
    words = _FACTS.get(type(data))
    return words(data) if words is not None else f"{getattr(data, 'TYPE', type(data).__name__)} was received."


def tell_output(data: Any) -> str:
    """Return one sentence about a decision or a command."""
    if isinstance(data, DecisionMade):
        return _decision(data)
    words = _OUTPUTS.get(type(data))
    return words(data) if words is not None else f"{getattr(data, 'TYPE', type(data).__name__)} was published."


def tell_basis(basis: tuple[Basis, ...]) -> str:
    """Return the clauses with their words.

    `12(1)A, no purchase had been made from the seller; 12(3), the service fee is not refunded …`
    """
    return "; ".join(f"{one.clause}, {one.because}" for one in basis)


def _decision(made: DecisionMade) -> str:
    about = made.kind.replace("_", " ").capitalize()
    ref = "" if made.ref == made.order_id else f" ({made.ref})"
    amount = "" if made.amount is None else f" {_sum(made.amount)}"
    until = "" if made.due_at is None else f", by {made.due_at:%Y-%m-%d %H:%M} UTC"
    ground = "" if made.ground is None else f", {GROUNDS.get(made.ground, made.ground.replace('_', ' '))}"
    return f"{about}{ref}: {made.outcome.replace('_', ' ')}{amount}{until}{ground}."
