"""Amounts in another currency than the order's: the booked amounts, or 0 until they are known (F4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.events.chargeback import ChargebackClosed, ChargebackOpened
from purchasing_contracts.events.order import (
    BuyerBreachFound,
    OrderPlaced,
    ProviderFaultFound,
    QuoteRevised,
)
from purchasing_contracts.events.payment import DepositInsufficient, FundsInsufficient, PaymentCaptured
from purchasing_contracts.events.seller_response import CancellationAgreed, PurchaseConfirmed
from purchasing_contracts.events.warehouse_receipt import GoodsDisposed
from purchasing_contracts.money import Breakdown, Money

from service.rules.facts import Fact
from service.rules.money import round_half_up, sums_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_MEMBERS: dict[type[Any], tuple[str, ...]] = {
    DepositInsufficient: ("deducted",),
    FundsInsufficient: ("deducted",),
    ProviderFaultFound: ("direct_loss", "consequential_loss"),
    BuyerBreachFound: ("loss",),
    GoodsDisposed: ("proceeds",),
    CancellationAgreed: ("penalty", "amount"),
    ChargebackOpened: ("amount", "fee"),
    ChargebackClosed: ("amount_restored",),
}
"""Members with money, as listed in docs/rules.md, Appendix B. A type that is not listed has `amount`."""

_BREAKDOWNS: dict[type[Any], str] = {PaymentCaptured: "breakdown", QuoteRevised: "quote"}


class Booked(NamedTuple):
    """A fact with its amounts in the order's currency."""

    fact: Fact[Any]
    unread: Money | None
    """The total in its own currency if it can't be read; the fact's amounts are then 0. Else None."""


def book(fact: Fact[Any], currency: str) -> Booked:
    """Convert a fact in another currency to its booked amounts (F4)."""
    data = fact.data
    settled = getattr(data, "settled", None)
    total = _total(data)
    if total.value == 0:
        return Booked(_with(fact, _converted(data, Money(currency=currency, value=0), currency), currency), None)
    if settled is None or settled.currency != currency:
        zero = _converted(data, Money(currency=currency, value=0), currency)
        return Booked(Fact(fact.at, fact.source, fact.id, zero, fact.currency, fact.dated), total)
    return Booked(_with(fact, _converted(data, settled, currency), currency), None)


def fixed_fee_of(placed: OrderPlaced, currency: str) -> tuple[int, Money | None]:
    """Return the promotion's fixed fee in minor units of `currency`, the order's; second, the amount if it can't be
    read."""
    promotion = placed.promotion
    if promotion is None or promotion.fixed is None:
        return 0, None
    for amount in (promotion.fixed, promotion.settled):
        if amount is not None and (amount.currency == currency or amount.value == 0):
            return amount.value, None
    return 0, promotion.fixed


def _with(fact: Fact[Any], data: Any, currency: str) -> Fact[Any]:
    return Fact(fact.at, fact.source, fact.id, data, currency, fact.dated)


def _total(data: Any) -> Money:
    """Return the total that `settled` is the booked amount of."""
    kind = type(data)
    if kind in _BREAKDOWNS:
        breakdown = getattr(data, _BREAKDOWNS[kind])
        return Money.model_construct(currency=breakdown.goods.currency, value=sums_of(breakdown).total)
    if kind is PurchaseConfirmed:
        value = data.goods.value + data.to_warehouse_shipping.value
        if value == 0 and data.deposit is not None:
            value = data.deposit.value
        return Money.model_construct(currency=data.goods.currency, value=value)
    present = [amount for amount in _amounts(data) if amount is not None]
    return next((amount for amount in present if amount.value), present[0])


def _amounts(data: Any) -> Iterable[Money | None]:
    return [getattr(data, name) for name in _MEMBERS.get(type(data), ("amount",))]


def _converted(data: Any, settled: Money, currency: str) -> Any:
    """Return the data with its amounts in proportion to the booked total."""
    kind = type(data)
    total = _total(data).value

    def part(amount: Money) -> int:
        return round_half_up(settled.value * amount.value, total) if total else 0

    def money(value: int) -> Money:
        return Money.model_construct(currency=currency, value=value)

    if kind in _BREAKDOWNS:
        member = _BREAKDOWNS[kind]
        return data.model_copy(update={member: _breakdown(getattr(data, member), settled.value, total, currency)})
    if kind is PurchaseConfirmed:
        shipping = min(settled.value, part(data.to_warehouse_shipping))
        whole = data.goods.value + data.to_warehouse_shipping.value
        update = {
            "goods": money(settled.value - shipping if whole else 0),
            "to_warehouse_shipping": money(shipping),
            "deposit": None if data.deposit is None else money(part(data.deposit)),
        }
        return data.model_copy(update=update)
    names = _MEMBERS.get(kind, ("amount",))
    update = {name: money(part(amount)) for name in names if (amount := getattr(data, name)) is not None}
    return data.model_copy(update=update)


def _breakdown(breakdown: Breakdown, settled: int, total: int, currency: str) -> Breakdown:
    """Return a breakdown converted part by part; `goods` gets the remainder."""
    left = settled

    def part(amount: Money) -> Money:
        nonlocal left
        value = min(left, round_half_up(settled * amount.value, total)) if total else 0
        left -= value
        return Money.model_construct(currency=currency, value=value)

    shipping = part(breakdown.to_warehouse_shipping)
    fee = part(breakdown.service_fee)
    others = tuple([one.model_copy(update={"amount": part(one.amount)}) for one in breakdown.other_fees])
    goods = Money.model_construct(currency=currency, value=left)
    return breakdown.model_copy(
        update={"goods": goods, "to_warehouse_shipping": shipping, "service_fee": fee, "other_fees": others}
    )
