"""What an order's facts say once it is settled which of them count (the specification's table "What counts")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from purchasing_contracts.events.order import OrderAccepted, OrderPlaced
from purchasing_contracts.events.payment import (
    OutstandingPaid,
    PaymentCaptured,
    RefundFailed,
    RepaymentReceived,
    SellerRefundReceived,
    TipPaid,
)
from purchasing_contracts.events.seller_response import PurchaseConfirmed, PurchaseUnavailable
from purchasing_contracts.events.warehouse_receipt import CostIncurred, GoodsReceived

from service.rules.facts import Fact, micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from purchasing_contracts.money import Breakdown

    from service.rules.terms import Terms, TermsBook


T = TypeVar("T")


class Sums(NamedTuple):
    """Money by what it was collected for, in minor units: `P` and `Q` of the specification."""

    goods: int
    shipping: int
    fee: int
    own: int
    """Other fees that the provider collects."""
    third: int
    """Fees that third parties collect: never the provider's to refund (7)."""

    @property
    def total(self) -> int:
        """Everything, third parties' fees included."""
        return self.goods + self.shipping + self.fee + self.own + self.third

    @property
    def refundable(self) -> int:
        """Everything but third parties' fees (7)."""
        return self.goods + self.shipping + self.fee + self.own


class Purchase(NamedTuple):
    """What the seller charged, as one `purchase_confirmed` says: `A` of the specification. Minor units."""

    at: int
    goods: int
    shipping: int
    deposit: int

    @property
    def price(self) -> int:
        """The basis of the service fee: goods and shipping to the warehouse (10)."""
        return self.goods + self.shipping


class Reading:
    """An order's facts, read under the terms that bind it. Built once an assessment; nothing in it changes afterwards.

    Attributes are instants in microseconds and amounts in minor units of `currency`.
    """

    __slots__ = (
        "_distinct",
        "_groups",
        "accepted",
        "captures",
        "costs",
        "currency",
        "foreign",
        "obligation_ended",
        "order_id",
        "own_moment",
        "paid",
        "placed",
        "placed_at",
        "purchases",
        "quote",
        "seller_refunds",
        "terms",
        "unavailable",
    )

    def __init__(self, order_id: str, facts: Sequence[Fact[Any]], placed: Fact[OrderPlaced], terms: TermsBook) -> None:
        """Read facts sorted by their key; `placed` is the earliest `order.placed` among them."""
        self.order_id = order_id
        self.placed = placed.data
        self.placed_at = placed.at
        self.currency = placed.currency
        self._distinct: dict[type[Any], dict[Any, Fact[Any]]] = {}
        self._groups, self.foreign = _grouped(facts, placed.currency)
        mandate = self.placed.mandate
        agreed_at = placed.at if mandate is None else micros(mandate.agreed_at)
        self.terms: Terms = terms.in_force(self.placed.provider_id, agreed_at)
        self.quote = sums(self.placed.quote)
        self.accepted = self.first(OrderAccepted)
        self.captures = self.distinct(PaymentCaptured, "payment_id")
        self.paid, self.own_moment = self._collected()
        self.obligation_ended = self._obligation_ended()
        self.unavailable = self._unavailable()
        self.purchases = self._purchases()
        self.seller_refunds = sum(
            [f.data.amount.value for f in self.distinct(SellerRefundReceived, "receipt_id").values()]
        )
        self.costs = sum(
            [
                f.data.amount.value
                for f in self.distinct(CostIncurred, "cost_id").values()
                if f.data.borne_by == "provider"
            ]
        )

    def all(self, kind: type[T]) -> list[Fact[T]]:
        """Return every fact of a type, repeated ones too, earliest first."""
        return self._groups.get(kind, [])

    def first(self, kind: type[T]) -> Fact[T] | None:
        """Return the earliest fact of a type that an order has once."""
        group = self._groups.get(kind)
        return group[0] if group else None

    def distinct(self, kind: type[T], *identity: str) -> dict[Any, Fact[T]]:
        """Return the facts of a type that count: the earliest of each identity, earliest first."""
        found = self._distinct.get(kind)
        if found is None:
            found = {}
            for fact in self._groups.get(kind, ()):
                data = fact.data
                if len(identity) == 1:
                    found.setdefault(getattr(data, identity[0]), fact)
                else:
                    found.setdefault(tuple([getattr(data, name) for name in identity]), fact)
            self._distinct[kind] = found
        return found

    def earliest_of(self, kinds: tuple[type[Any], ...], identity: str) -> dict[str, Fact[Any]]:
        """Return the earliest fact of each identity over several types together (a seller's two kinds of answer)."""
        found: dict[str, Fact[Any]] = {}
        for kind in kinds:
            for fact in self._groups.get(kind, ()):
                one = getattr(fact.data, identity)
                known = found.get(one)
                if known is None or fact.key < known.key:
                    found[one] = fact
        return found

    def purchase_as_of(self, at: int) -> Purchase | None:
        """Return the purchase as it was known to stand at an instant (the instant included)."""
        found = None
        for purchase in self.purchases:
            if purchase.at > at:
                break
            found = purchase
        return found

    @property
    def purchase(self) -> Purchase | None:
        """The purchase that counts: the latest, a later one corrects."""
        return self.purchases[-1] if self.purchases else None

    @property
    def above_quote(self) -> int:
        """What was collected above the quote, third parties' fees apart (6)."""
        return max(0, self.paid.refundable - self.quote.refundable)

    def roles_of(self, payment_id: str) -> tuple[str, int]:
        """Return the line a payment belongs to and what it brought in, over all its roles.

        A captured payment, or one nobody knows, is `purchase`; a tip's `tip:{id}`; one that paid what was outstanding
        on a chargeback `chargeback:{id}`; in several roles, the first of these (22).
        """
        line = None
        brought = 0
        capture = self.captures.get(payment_id)
        if capture is not None:
            line = "purchase"
            brought = sums(capture.data.breakdown).total
        for tip in self.distinct(TipPaid, "tip_id").values():
            if tip.data.payment_id == payment_id:
                line = line or f"tip:{tip.data.tip_id}"
                brought += tip.data.amount.value
        for (chargeback_id, payer), fact in self.distinct(OutstandingPaid, "chargeback_id", "payment_id").items():
            if payer == payment_id:
                line = line or f"chargeback:{chargeback_id}"
                brought += fact.data.amount.value
        return line or "purchase", brought

    def repaid(self) -> dict[str, int]:
        """Return what the buyer (or the promoter) paid back, by line."""
        found: dict[str, int] = {}
        for fact in self.distinct(RepaymentReceived, "repayment_id").values():
            data = fact.data
            found[data.line] = found.get(data.line, 0) + data.amount.value
        return found

    def failed(self) -> list[tuple[str, str | None, int]]:
        """Return the refunds that came back: line, payment, amount. A failure on `brokerage` counts for nothing."""
        if RefundFailed not in self._groups:
            return []
        facts = self.distinct(RefundFailed, "command_id").values()
        found = [(f.data.line, f.data.payment_id, f.data.amount.value) for f in facts]
        return [one for one in found if one[0] != "brokerage"]

    def _collected(self) -> tuple[Sums, int | None]:
        """Return what was captured, and when the order would be effective by itself.

        That is the latest of placed, accepted and the moment at which captured money reaches the quote's total (2);
        None while one of them is missing.
        """
        goods = shipping = fee = own = third = total = 0
        reached: int | None = None
        due = self.quote.total
        if due == 0:
            reached = self.placed_at
        for fact in self.captures.values():
            part = sums(fact.data.breakdown)
            goods += part.goods
            shipping += part.shipping
            fee += part.fee
            own += part.own
            third += part.third
            total += part.total
            if reached is None and total >= due:
                reached = fact.at
        moment = None
        if reached is not None and self.accepted is not None:
            moment = max(self.placed_at, self.accepted.at, reached)
        return Sums(goods, shipping, fee, own, third), moment

    def _obligation_ended(self) -> int | None:
        """Return when goods were first received in full and without objections (16)."""
        if GoodsReceived not in self._groups:
            return None
        for fact in self.distinct(GoodsReceived, "receipt_id", "final").values():
            data = fact.data
            if data.final and not data.objections:
                return fact.at
        return None

    def _unavailable(self) -> Fact[PurchaseUnavailable] | None:
        """Return the first word that the goods can't be bought, before the obligation ended (9, 16)."""
        first = self.first(PurchaseUnavailable)
        if first is None or (self.obligation_ended is not None and first.at >= self.obligation_ended):
            return None
        return first

    def _purchases(self) -> list[Purchase]:
        """Return the purchases that count, earliest first: none the seller reports after saying it can't sell."""
        end = self.unavailable
        found = []
        for fact in self._groups.get(PurchaseConfirmed, ()):
            if end is not None and fact.key > end.key:
                break
            data = fact.data
            deposit = data.deposit.value if data.deposit is not None else 0
            found.append(Purchase(fact.at, data.goods.value, data.to_warehouse_shipping.value, deposit))
        return found


def sums(breakdown: Breakdown) -> Sums:
    """Return a breakdown's money by what it is for."""
    own = third = 0
    for fee in breakdown.other_fees:
        if fee.collected_by == "provider":
            own += fee.amount.value
        else:
            third += fee.amount.value
    return Sums(breakdown.goods.value, breakdown.to_warehouse_shipping.value, breakdown.service_fee.value, own, third)


def _grouped(
    facts: Sequence[Fact[Any]], currency: str | None
) -> tuple[dict[type[Any], list[Fact[Any]]], list[Fact[Any]]]:
    """Return the facts by type, and apart those whose money is in another currency: they count for nothing (6)."""
    groups: dict[type[Any], list[Fact[Any]]] = {}
    foreign: list[Fact[Any]] = []
    for fact in facts:
        if fact.currency is not None and fact.currency != currency:
            foreign.append(fact)
            continue
        kind = type(fact.data)
        group = groups.get(kind)
        if group is None:
            groups[kind] = [fact]
        else:
            group.append(fact)
    return groups, foreign
