"""Facts, decisions and commands as sentences that a support agent can read aloud. Money is in whole units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events import chargeback, order, payment, seller_response, warehouse_receipt

from service.operations.sentence import NOTHING, Amount, Id, Sentence, Timestamp, listed, sentence, word

if TYPE_CHECKING:
    from collections.abc import Callable

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
    return sentence("nothing") if money is None else Amount(amount_in_words(money.value, money.currency))


def _total(breakdown: Breakdown) -> Amount:
    parts = (breakdown.goods, breakdown.to_warehouse_shipping, breakdown.service_fee)
    total = sum(part.value for part in parts) + sum(fee.amount.value for fee in breakdown.other_fees)
    return Amount(amount_in_words(total, breakdown.goods.currency))


def _several(count: int, one: str, many: str) -> Sentence:
    return sentence(one if count == 1 else many, count=count)


def _named(items: tuple[ItemRef, ...] | None) -> Sentence:
    """Return the items that a message names, as the end of a sentence; empty if it concerns all items."""
    if items is None:
        return NOTHING
    named = listed(
        sentence("item {item}", item=one.item_id)
        if one.quantity is None
        else sentence("{quantity} of item {item}", quantity=one.quantity, item=one.item_id)
        for one in items
    )
    return sentence(": {items}", items=named)


def _tail(template: str, value: object, **others: object) -> Sentence:
    """Return a part of a sentence that is there only with a value: the template's `{it}`."""
    return NOTHING if value is None else sentence(template, it=value, **others)


def _arrived(part: Any, *, to_buyer: bool) -> Sentence:
    """Say which part arrived, and whether it is the last; the whole if the message names no items."""
    is_last = part.items is None if part.final is None else part.final
    whole = sentence("the order") if to_buyer else sentence("the goods")
    if part.items is None:
        return whole if is_last else sentence("part of {whole}", whole=whole)
    return sentence(
        "the last part of {whole}{items}" if is_last else "part of {whole}{items}",
        whole=whole,
        items=_named(part.items),
    )


def _closed(d: Any) -> Sentence:
    if d.amount_restored is None:
        return sentence("Chargeback {id} ended: {outcome}.", id=Id(d.chargeback_id), outcome=word(d.outcome))
    return sentence(
        "Chargeback {id} ended: {outcome}, {amount} restored.",
        id=Id(d.chargeback_id),
        outcome=word(d.outcome),
        amount=_sum(d.amount_restored),
    )


def _charged_back(d: Any) -> Sentence:
    id_, payment, reason = Id(d.chargeback_id), Id(d.payment_id), word(d.reason)
    if d.stage == "inquiry":
        return sentence(
            "The institution inquired about payment {payment}: {reason} ({id}).", payment=payment, reason=reason, id=id_
        )
    return sentence(
        "Payment {payment} was charged back: {amount}, {reason} ({id}{stage}{fee}).",
        payment=payment,
        amount=_sum(d.amount),
        reason=reason,
        id=id_,
        stage=NOTHING if d.stage == "chargeback" else sentence(", {it}", it=Sentence(d.stage.replace("_", "-"))),
        fee=_tail(", fee {it}", _sum(d.fee) if d.fee else None),
    )


_FACTS: dict[type[Any], Callable[[Any], Sentence]] = {
    order.OrderPlaced: lambda d: sentence(
        "The buyer placed the order: {items}, quoted {amount}.",
        items=_several(len(d.items), "{count} item", "{count} items"),
        amount=_total(d.quote),
    ),
    order.OrderAccepted: lambda _: sentence("The provider accepted the order."),
    order.OrderRefused: lambda d: sentence("The provider refused the order ({ground}).", ground=word(d.ground)),
    order.QuoteRevised: lambda d: sentence(
        "The buyer agreed to a revised order amount of {amount} ({id}){items}.",
        amount=_total(d.quote),
        id=d.revision_id,
        items=_named(d.items),
    ),
    order.CancellationRequested: lambda d: sentence(
        "The buyer asked to cancel ({id}){items}."
        if d.channel == "platform"
        else "The buyer asked to cancel ({id}), outside the platform{items}.",
        id=Id(d.request_id),
        items=_named(d.items),
    ),
    order.DissolutionRequested: lambda d: sentence(
        "The buyer asked to dissolve the order ({id}): {ground}, {inspected}, {evidence}{items}.",
        id=Id(d.request_id),
        ground=word(d.ground),
        inspected=sentence("inspected") if d.inspected else sentence("not inspected"),
        evidence=_several(len(d.evidence), "{count} piece of evidence", "{count} pieces of evidence"),
        items=_named(d.items),
    ),
    order.RequestWithdrawn: lambda d: sentence("The buyer withdrew request {id}.", id=Id(d.request_id)),
    order.ObjectionRaised: lambda d: sentence(
        "The buyer objected to the {scope} ({id}).", scope=word(d.scope), id=d.objection_id
    ),
    order.ObjectionWithdrawn: lambda d: sentence("The buyer withdrew objection {id}.", id=d.objection_id),
    order.ReceiptConfirmed: lambda _: sentence("The buyer confirmed receipt."),
    order.TipRefundRequested: lambda d: sentence("The buyer asked for tip {id} back.", id=d.tip_id),
    order.ProviderFaultFound: lambda d: sentence(
        "A fault of the provider was found ({id}): direct loss {amount}.",
        id=d.finding_id,
        amount=_sum(d.direct_loss),
    ),
    order.IssueDisclosed: lambda d: sentence(
        "The provider told the buyer of an issue, and the buyer continued: {grounds}.",
        grounds=listed(map(word, d.grounds)),
    ),
    order.BuyerBreachFound: lambda d: sentence(
        "A breach of the buyer was found ({id}, {ground}): loss {amount}.",
        id=d.finding_id,
        ground=word(d.ground),
        amount=_sum(d.loss),
    ),
    order.ExcessApproved: lambda d: sentence(
        "It was confirmed that {amount} of the seller's money beyond the payments may be paid out.",
        amount=_sum(d.amount),
    ),
    payment.PaymentCaptured: lambda d: sentence(
        "The buyer paid {amount} ({id}).", amount=_total(d.breakdown), id=Id(d.payment_id)
    ),
    payment.TipPaid: lambda d: sentence("The buyer tipped {amount} ({id}).", amount=_sum(d.amount), id=d.tip_id),
    payment.SellerRefundReceived: lambda d: sentence(
        "The seller gave {amount} back ({id}{request}).",
        amount=_sum(d.amount),
        id=d.receipt_id,
        request=_tail(", for request {it}", None if d.request_id is None else Id(d.request_id)),
    ),
    payment.OutstandingPaid: lambda d: sentence(
        "{amount} of what chargeback {id} took was paid ({payment}).",
        amount=_sum(d.amount),
        id=Id(d.chargeback_id),
        payment=Id(d.payment_id),
    ),
    payment.RepaymentReceived: lambda d: sentence(
        "{amount} was paid back on line {line} ({id}).", amount=_sum(d.amount), line=d.line, id=d.repayment_id
    ),
    payment.RefundFailed: lambda d: sentence(
        "A refund of {amount} on line {line} failed{payment}.",
        amount=_sum(d.amount),
        line=d.line,
        payment=_tail(" (payment {it})", Id(d.payment_id) if d.payment_id else None),
    ),
    payment.RefundSucceeded: lambda d: sentence("A refund arrived ({id}).", id=Id(d.command_id)),
    payment.RefundedElsewhere: lambda d: sentence(
        "{amount} was refunded elsewhere on line {line} ({id}{payment}).",
        amount=_sum(d.amount),
        line=d.line,
        id=d.refund_id,
        payment=_tail(", payment {it}", Id(d.payment_id) if d.payment_id else None),
    ),
    payment.FundsDeducted: lambda d: sentence(
        "The purchasing funds gave {amount} ({id}).", amount=_sum(d.amount), id=d.deduction_id
    ),
    payment.FundsInsufficient: lambda d: sentence(
        "The purchasing funds were not enough: they gave {amount} ({id}).",
        amount=_sum(d.deducted),
        id=d.deduction_id,
    ),
    payment.TransferFailed: lambda d: sentence(
        "A transfer to the promoter failed: {amount} did not arrive.", amount=_sum(d.amount)
    ),
    payment.FreezeRefused: lambda d: sentence("The account keeper did not place hold {id}.", id=d.hold_id),
    payment.DepositDeducted: lambda d: sentence(
        "The deposit gave {amount} ({id}).", amount=_sum(d.amount), id=d.deduction_id
    ),
    payment.DepositInsufficient: lambda d: sentence(
        "The deposit was not enough: it gave {amount} ({id}).", amount=_sum(d.deducted), id=d.deduction_id
    ),
    warehouse_receipt.GoodsReceived: lambda d: sentence(
        "The warehouse received {arrived} ({id}), {objections}.",
        arrived=_arrived(d, to_buyer=False),
        id=d.receipt_id,
        objections=_several(len(d.objections), "with {count} objection", "with {count} objections")
        if d.objections
        else sentence("without objections"),
    ),
    warehouse_receipt.ObjectionVerified: lambda d: sentence(
        "Objection {id} was verified: attributable to {whom}.", id=d.objection_id, whom=word(d.attributable_to)
    ),
    warehouse_receipt.CostIncurred: lambda d: sentence(
        "A cost of {amount} was incurred ({kind}, borne by the {borne_by}, {id}{request}).",
        amount=_sum(d.amount),
        kind=word(d.kind),
        borne_by=word(d.borne_by),
        id=d.cost_id,
        request=_tail(", for request {it}", None if d.request_id is None else Id(d.request_id)),
    ),
    warehouse_receipt.CustomsCleared: lambda _: sentence("The goods cleared customs for export."),
    warehouse_receipt.PackageDelivered: lambda d: sentence(
        "The buyer received {arrived} ({id}).", arrived=_arrived(d, to_buyer=True), id=d.package_id
    ),
    warehouse_receipt.GoodsDisposed: lambda d: sentence(
        "The goods were {disposition}{proceeds} ({id}).",
        disposition=word(d.disposition),
        proceeds=_tail(" for {it}", _sum(d.proceeds) if d.proceeds else None),
        id=d.disposal_id,
    ),
    seller_response.PurchaseConfirmed: lambda d: sentence(
        "The seller confirmed purchase {id} at {goods} plus {shipping} shipping{deposit}{items}.",
        id=d.purchase_id,
        goods=_sum(d.goods),
        shipping=_sum(d.to_warehouse_shipping),
        deposit=_tail(", {it} of it a deposit", _sum(d.deposit) if d.deposit else None),
        items=_named(d.items),
    ),
    seller_response.PurchaseUnavailable: lambda d: sentence(
        "The seller can't sell ({reason}){items}.", reason=word(d.reason), items=_named(d.items)
    ),
    seller_response.CancellationAgreed: lambda d: sentence(
        "The seller agreed to cancel ({id}){penalty}{amount}.",
        id=Id(d.request_id),
        penalty=_tail(", penalty {it}", _sum(d.penalty) if d.penalty else None),
        amount=_tail(", it takes back {it}", None if d.amount is None else _sum(d.amount)),
    ),
    seller_response.CancellationRefused: lambda d: sentence(
        "The seller refused to cancel ({id}: {reason}).", id=Id(d.request_id), reason=word(d.reason)
    ),
    seller_response.DissolutionAgreed: lambda d: sentence(
        "The seller agreed to dissolve the purchase ({id}): {disposition} the goods.",
        id=Id(d.request_id),
        disposition=word(d.disposition),
    ),
    seller_response.DissolutionRefused: lambda d: sentence(
        "The seller refused to dissolve the purchase ({id}).", id=Id(d.request_id)
    ),
    chargeback.ChargebackOpened: _charged_back,
    chargeback.ChargebackReassessed: lambda d: sentence(
        "Chargeback {id} was found to be the provider's doing."
        if d.attributable_to_provider
        else "Chargeback {id} was found to be not the provider's doing.",
        id=Id(d.chargeback_id),
    ),
    chargeback.ChargebackClosed: _closed,
}

_DESTINATIONS = {"deposit": sentence("the deposit"), "buyer_account": sentence("the buyer's account")}

_OUTPUTS: dict[type[Any], Callable[[Any], Sentence]] = {
    RefundIssue: lambda d: sentence(
        "Refund {amount} to {destination} (line {line}).",
        amount=_sum(d.amount),
        destination=_DESTINATIONS.get(d.destination)
        or (sentence("payment {id}", id=Id(d.payment_id)) if d.payment_id else word(d.destination)),
        line=d.line,
    ),
    DeductionExecute: lambda d: sentence(
        "Take {amount} from the {source} ({id}).", amount=_sum(d.amount), source=word(d.source), id=d.deduction_id
    ),
    FreezePlace: lambda d: sentence(
        "Freeze {amount} of the account (hold {id}{replaces}).",
        amount=_sum(d.amount),
        id=d.hold_id,
        replaces=_tail(", in place of hold {it}", None if d.replaces is None else d.replaces),
    ),
    FreezeRelease: lambda d: sentence("Release hold {id}.", id=d.hold_id),
    BrokerageTransfer: lambda d: sentence(
        "Transfer {amount} to promoter {id}.", amount=_sum(d.amount), id=d.promoter_id
    ),
}


GROUNDS = {
    "order_ended": sentence("the order had ended"),
    "purchased": sentence("a purchase had been made"),
    "received": sentence("the goods had been received"),
    "no_units": sentence("no units are left that it could concern"),
    "request_ended": sentence("the request had its final outcome"),
    "repeated": sentence("an earlier report of the same thing counts"),
    "unused": sentence("nothing is known to which it could belong"),
}
"""The reasons why a report changes nothing (R22)."""


def fact_in_words(data: Any) -> Sentence:
    """Return one sentence about a fact, without private data. A type without a sentence is named."""
    words = _FACTS.get(type(data))
    if words is not None:
        return words(data)
    return sentence("{type} was received.", type=getattr(data, "TYPE", type(data).__name__))


def output_in_words(data: Any) -> Sentence:
    """Return one sentence about a decision or a command."""
    if isinstance(data, DecisionMade):
        return _decision(data)
    words = _OUTPUTS.get(type(data))
    if words is not None:
        return words(data)
    return sentence("{type} was published.", type=getattr(data, "TYPE", type(data).__name__))


def basis_in_words(basis: tuple[Basis, ...]) -> str:
    """Return the clauses with their words.

    `12(1)A, no purchase had been made from the seller; 12(3), the service fee is not refunded …`
    """
    return "; ".join(f"{one.clause}, {one.because}" for one in basis)


def _decision(made: DecisionMade) -> Sentence:
    return sentence(
        "{about}{ref}: {outcome}{amount}{until}{ground}.",
        about=Sentence(made.kind.replace("_", " ").capitalize()),
        ref=NOTHING if made.ref == made.order_id else sentence(" ({it})", it=made.ref),
        outcome=word(made.outcome),
        amount=NOTHING if made.amount is None else sentence(" {it}", it=_sum(made.amount)),
        until=NOTHING if made.due_at is None else sentence(", by {it}", it=Timestamp(made.due_at)),
        ground=NOTHING if made.ground is None else sentence(", {it}", it=GROUNDS.get(made.ground) or word(made.ground)),
    )
