"""The settlement: what is due on the line `purchase` (R6), by the same formula at all times and for all orders.

    price  = min(spent - seller, agreed - reserved)
    keep   = min(price + reserved + fee + own fees, Q.total - Q.third)
    money  = min(paid - keep + max(0, seller - spent), paid + approved)
    rest   = money - charged back
    due    = rest - costs - penalties - deposit
    outstanding = keep + Q.third - P.total

Each line is at least 0. All amounts are minor units of the order's currency. The names are those of the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.events.order import ExcessApproved
from purchasing_contracts.events.payment import SellerRefundReceived
from purchasing_contracts.events.seller_response import CancellationAgreed
from purchasing_contracts.events.warehouse_receipt import CostIncurred

from service.rules.money import Sums, fee_on, round_half_up
from service.rules.quotes import last_value
from service.rules.units import (
    BOUGHT,
    CANCELLED,
    CANCELLED_BEFORE,
    DISSOLVED,
    OPEN,
    RESCINDED,
    UNAVAILABLE,
    VOID,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from service.rules.assessment import Grounds
    from service.rules.clock import Clock
    from service.rules.facts import Fact
    from service.rules.order_view import OrderView
    from service.rules.quotes import Quote
    from service.rules.requests import Request
    from service.rules.timeline import Ending, Purchase, Timeline
    from service.rules.units import Lot

PROVIDER = "provider"


class Cancelled:
    """An effective cancellation, or an unpaid balance, and what the seller keeps of it (R8)."""

    __slots__ = (
        "amount",
        "at",
        "deposit",
        "has_shipping",
        "id",
        "penalty",
        "received",
        "request",
        "share",
        "shortfall",
        "waits_for",
    )

    def __init__(self, id_: str, request: Request | None, at: int, requested_at: int) -> None:
        """Begin with zero amounts; `at` is when it took effect."""
        self.id = id_
        self.request = request
        self.at = (at, id_)
        self.waits_for = requested_at
        self.share = 0
        self.has_shipping = False
        """Whether the share contains the shipping of a purchase: it cancelled the last of its units."""
        self.penalty = 0
        self.amount: int | None = None
        """The amount that the seller takes back, if its answer states it."""
        self.shortfall = 0
        """The shortfall of the stated amount against the share."""
        self.deposit = 0
        self.received = 0
        """The seller's money for this request (R10)."""

    @property
    def penalties(self) -> int:
        """The amount that the seller charges for it."""
        return self.penalty + self.shortfall

    @property
    def takes(self) -> int:
        """The most that it takes of the seller's money."""
        gives = self.share if self.amount is None else min(self.share, self.amount)
        return max(0, gives - self.penalty)


class Cost(NamedTuple):
    """A cost or a loss that the buyer bears."""

    amount: int
    grounds: Grounds
    request: Request | None
    """The request that it belongs to."""
    is_of_return: bool = False
    """Whether it is a cost of 13(5)."""


class Kept:
    """The amount that is kept, by the timeline alone: `keep` and its terms."""

    __slots__ = (
        "cancelled",
        "fee",
        "for_pending_dissolution",
        "keep",
        "lots",
        "own",
        "price",
        "quote",
        "reserved",
        "seller",
        "spent",
    )

    def __init__(self, timeline: Timeline, until: int | None = None) -> None:
        """Compute from the timeline; `until` (microseconds) leaves out later money of the seller."""
        view, quote, units = timeline.view, timeline.quote, timeline.units
        self.quote = totals = quote_totals(timeline, quote)
        """The quote in force, plus what is carried over from earlier ones (R4)."""
        self.lots = lots = Lots(units.lots)
        self.cancelled: Sequence[Cancelled] = ()
        self.for_pending_dissolution = self.own = 0
        """The seller's money for pending dissolutions."""
        ending = timeline.ending
        if ending is not None and ending.is_final:
            self.price = self.reserved = self.fee = self.keep = self.spent = self.seller = 0
            return
        goods = shipping = 0
        for purchase in timeline.purchases:
            if not purchase.is_read:
                _read(purchase, timeline, totals)
            goods += purchase.goods
            shipping += purchase.shipping
        spent = bought = goods + shipping
        seller = rebates = 0
        if lots.has_cancelled:
            self.cancelled = _cancelled(timeline)
            for one in self.cancelled:
                spent -= one.share
        if view.messages(SellerRefundReceived):
            seller, rebates, self.for_pending_dissolution = _seller_money(timeline, self.cancelled, until)
            if not timeline.purchases and not lots.dissolved:
                seller = rebates = self.for_pending_dissolution = 0
        for one in self.cancelled:
            _keep_of_seller(timeline, one)
        agreed = totals.goods + totals.shipping
        if lots.gone and units.has_prices:
            agreed -= quote.value(lots.gone, units.lots)
        terms = view.terms
        cancelled_before = () if terms.refund_fee_on_cancellation else lots.cancelled_before
        reserved = still = 0
        if lots.to_buy or cancelled_before:
            unspent = max(0, totals.goods - goods), max(0, totals.shipping - shipping)
            reserved = _reserved(timeline, lots.to_buy, unspent)
            still = _still_quoted(timeline, lots.to_buy, cancelled_before, unspent[1])
        base = (spent if terms.refund_fee_on_cancellation else bought) - rebates
        self.fee = _fee(terms.service_fee_rate, base, totals, still)
        if ending is None or lots.dissolved:
            self.own = totals.own
        self.spent, self.seller, self.reserved = spent, seller, reserved
        self.price = max(0, min(spent - seller, agreed - reserved))
        self.keep = max(0, min(self.price + reserved + self.fee + self.own, totals.total - totals.third))


class Settlement(Kept):
    """The terms of R6, and the amounts derived from them."""

    __slots__ = (
        "awaited",
        "beyond",
        "borne",
        "charged_back",
        "collected",
        "costs",
        "deposit",
        "due",
        "excess",
        "outstanding",
        "owed",
        "paid",
        "penalties",
        "third",
    )

    def __init__(self, timeline: Timeline, charged_back: int, borne: Sequence[Cost]) -> None:
        """Settle. `charged_back`: J of the line. `borne`: the costs and losses that the buyer bears."""
        super().__init__(timeline)
        view, quote, keep, lots = timeline.view, self.quote, self.keep, self.lots
        self.collected, self.third = _collected(view, quote)
        """`P`, the captured money, and `T`, third parties' part of it."""
        captured = self.collected.total
        self.paid = paid = captured - self.third
        uncut = max(0, paid - keep + max(0, self.seller - self.spent))
        money = uncut
        if uncut > paid:
            money = min(uncut, paid + _approved(view))
        self.excess = uncut - money
        """The seller's money that waits for confirmation."""
        self.charged_back = charged_back
        self.beyond = max(0, charged_back - money)
        """The sum that just chargebacks took beyond the buyer's money."""
        rest = max(0, money - charged_back)
        self.awaited: Sequence[tuple[str, str, int]] = ()
        """Money missing from the seller: kind and ref of what it is for, and the amount (R21, row 8)."""
        costs = penalties = held = not_yet = 0
        for cost in borne:
            costs += cost.amount
        for one in self.cancelled:
            penalties += one.penalties
            held += one.deposit
        if lots.has_cancelled or lots.dissolved or lots.rescinded:
            self.awaited = _awaited(timeline, self)
            if lots.dissolved and any(kind != "cancellation" for kind, _, _ in self.awaited):
                not_yet = sum([cost.amount for cost in borne if cost.is_of_return])
        left = max(0, rest - costs - penalties)
        self.borne, self.costs, self.penalties = borne, costs, penalties
        self.deposit = min(left, held)
        self.due = left - self.deposit
        self.outstanding = max(0, keep + quote.third - captured)
        self.owed = max(0, costs - not_yet + penalties - rest)
        """`Y`: the excess of costs and penalties over the buyer's money."""


def money_needed(timeline: Timeline) -> int:
    """Return the payment needed to make the agreement effective (R1), as of now on the timeline."""
    quote = timeline.quote.sums
    untouched = not timeline.purchases and len(timeline.quotes) == 1 and timeline.last_ending is None
    if untouched and quote.goods + quote.shipping:
        needed = quote.total
    else:
        kept = Kept(timeline, timeline.at)
        needed = kept.keep + kept.quote.third
    return needed if timeline.plan is None else min(needed, timeline.plan.deposit)


def outstanding_at(timeline: Timeline) -> int:
    """Return what is missing of the order amount, as of now on the timeline."""
    kept = Kept(timeline, timeline.at)
    return max(0, kept.keep + kept.quote.third - timeline.captured)


def next_due(timeline: Timeline, clock: Clock) -> int | None:
    """Return the next last instant of a balance that has not passed; None if the plan has none."""
    if timeline.plan is None:
        return None
    return next(iter(timeline.plan.due_from(max(clock.now, clock.watermark))), None)


class Lots:
    """The units, by what happens with their money."""

    __slots__ = ("cancelled_before", "dissolved", "gone", "has_cancelled", "rescinded", "to_buy")

    def __init__(self, lots: Sequence[Lot]) -> None:
        """Sort the units."""
        self.to_buy: list[Lot] = []
        """Open, or dissolved without having been bought: `O` of R6."""
        self.gone: list[Lot] = []
        """Unavailable or cancelled."""
        self.cancelled_before: list[Lot] = []
        self.dissolved: list[Lot] = []
        self.rescinded: list[Lot] = []
        self.has_cancelled = False
        for lot in lots:
            state = lot.state
            if state is BOUGHT:
                continue
            if state is OPEN:
                self.to_buy.append(lot)
            elif state is DISSOLVED:
                self.dissolved.append(lot)
                if lot.purchase is None:
                    self.to_buy.append(lot)
            elif state is RESCINDED:
                self.rescinded.append(lot)
            elif state is not VOID:
                self.gone.append(lot)
                if state is not UNAVAILABLE:
                    self.has_cancelled = True
                if state is CANCELLED_BEFORE:
                    self.cancelled_before.append(lot)


def _reserved(timeline: Timeline, to_buy: Sequence[Lot], unspent: tuple[int, int]) -> int:
    """Return the money for goods still to be bought. `unspent`: the unspent parts of goods and shipping."""
    if not to_buy:
        return 0
    if not timeline.units.has_prices:
        return sum(unspent)
    return timeline.quote.value(to_buy, timeline.units.lots) + unspent[1]


def _still_quoted(
    timeline: Timeline, to_buy: Sequence[Lot], cancelled_before: Sequence[Lot], unspent_shipping: int
) -> int:
    """Return the quoted money whose part of the quoted fee is kept: of units still to be bought, or cancelled.

    Without unit prices all units weigh the same here. Unspent money for goods stands for their value only in `reserved`
    (R6).
    """
    counted = [lot for lot in cancelled_before if lot.covered & timeline.quote.bit]
    if not to_buy and not counted:
        return 0
    return timeline.quote.value([*to_buy, *counted], timeline.units.lots) + unspent_shipping


def quote_totals(timeline: Timeline, quote: Quote) -> Sums:
    """Return a quote that was in force, plus the last value of bought units that it leaves out (R4)."""
    sums = quote.sums
    if quote.bit == 1:
        return sums
    left_out = [
        lot
        for lot in timeline.units.lots
        if lot.purchase is not None
        and lot.bought_at <= quote.at
        and not lot.covered & quote.bit
        and lot.state not in CANCELLED
        and lot.state is not UNAVAILABLE  # withdrawn before the agreement was effective
    ]
    carried = last_value(timeline.quotes, left_out, timeline.units.lots, before=quote)
    fee = fee_on(timeline.view.terms.service_fee_rate, carried)
    return Sums(sums.goods + carried, sums.shipping, sums.fee + fee, sums.own, sums.third, sums.total + carried + fee)


def _read(unread: Purchase, timeline: Timeline, totals: Sums) -> None:
    """Estimate a purchase whose amounts can't be read: its units' quoted value, and the unspent shipping (F4)."""
    lots = [lot for lot in timeline.units.lots if lot.purchase is unread]
    others = sum([one.shipping for one in timeline.purchases if one is not unread])
    unread.goods = last_value(timeline.quotes, lots, timeline.units.lots)
    unread.shipping = max(0, totals.shipping - others)


def _fee(rate: Fraction, base: int, quote: Sums, still: int) -> int:
    """Return the service fee: the rate on what the seller charges, plus a part of the quoted fee for the rest.

    Only the sum is at least 0, not its parts: `base` is negative if the seller returned more than it charged (R6).
    """
    numerator, denominator = rate.numerator, rate.denominator
    whole = quote.goods + quote.shipping
    if still and whole:
        fee = round_half_up(numerator * base * whole + quote.fee * still * denominator, denominator * whole)
    else:
        fee = round_half_up(numerator * base, denominator)
    return max(0, min(fee, quote.fee))


# What the seller keeps of cancellations, and the seller's money (R8, R10).


def _cancelled(timeline: Timeline) -> list[Cancelled]:
    """Return the effective cancellations and the unpaid balance, in order of effect, with their shares."""
    found: dict[int, Cancelled] = {}
    lots_of: dict[int, list[Lot]] = {}
    for lot in timeline.units.lots:
        if lot.state not in CANCELLED:
            continue
        ending = lot.ended_by
        assert ending is not None
        request = ending.request
        key = id(request)
        one = found.get(key)
        if one is None:
            requested_at = ending.at if request is None else request.at
            one = found[key] = Cancelled("" if request is None else request.id, request, ending.at, requested_at)
        one.at = min(one.at, (ending.at, one.id))
        lots_of.setdefault(key, []).append(lot)
    ordered = sorted(found.items(), key=lambda item: item[1].at)
    last = _request_of_last_unit(timeline)
    gone: set[int] = set()
    for key, one in ordered:
        lots = lots_of[key]
        bought = [lot for lot in lots if lot.purchase is not None]
        answer = None if one.request is None else one.request.answer
        if answer is not None and isinstance(answer.data, CancellationAgreed):
            data = answer.data
            one.penalty = 0 if data.penalty is None else data.penalty.value
            one.amount = None if data.amount is None else data.amount.value
        for purchase in timeline.purchases:
            own = [lot for lot in timeline.units.lots if lot.purchase is purchase]
            before = _cancelled_price(purchase, own, [lot for lot in own if id(lot) in gone])
            cancelled = [lot for lot in own if id(lot) in gone or lot in bought]
            after = _cancelled_price(purchase, own, cancelled)
            if not own and last is one.request:
                after = purchase.price
                one.has_shipping = True
            elif len(cancelled) == len(own) and any(lot in bought for lot in own):
                one.has_shipping = True
            one.share += after - before
            # The deposit of these units, before the deductions for the answer and the seller's money.
            one.deposit += min(purchase.deposit, purchase.price - before) - min(
                purchase.deposit, purchase.price - after
            )
        gone.update(id(lot) for lot in lots)
    return [one for _, one in ordered]


_NO_REQUEST: Any = object()


def _request_of_last_unit(timeline: Timeline) -> Any:
    """Return the request (None: the unpaid balance) that cancelled the last bought unit; `_NO_REQUEST` if none did."""
    latest: Ending | None = None
    for lot in timeline.units.lots:
        if lot.purchase is None:
            continue
        if lot.state is BOUGHT:
            return _NO_REQUEST
        ending = lot.ended_by
        if ending is not None and (latest is None or ending.number > latest.number):
            latest = ending
    if latest is None or latest.kind not in ("cancelled", "balance_unpaid"):
        return _NO_REQUEST
    return latest.request


def _cancelled_price(purchase: Purchase, own: Sequence[Lot], cancelled: Sequence[Lot]) -> int:
    if not cancelled:
        return 0
    if len(cancelled) == len(own):
        return purchase.price
    part, some = weights(cancelled)
    whole, all_of_them = weights(own)
    return round_half_up(purchase.goods * part, whole) if whole else round_half_up(purchase.goods * some, all_of_them)


def _keep_of_seller(timeline: Timeline, one: Cancelled) -> None:
    """Note what the seller keeps: a penalty, and either a shortfall of the stated amount or the deposit."""
    deposit = one.deposit
    one.deposit = 0
    if one.amount is not None:
        lots = [
            lot
            for lot in timeline.units.lots
            if lot.state in CANCELLED and lot.purchase is not None and _request_of(lot) is one.request
        ]
        worth = last_value(timeline.quotes, lots, timeline.units.lots)
        if one.has_shipping:
            worth += timeline.quote.sums.shipping
        one.shortfall = max(0, min(one.share, worth) - one.amount)
    else:
        one.deposit = max(0, min(deposit, one.share - one.received) - one.penalty)


def _request_of(lot: Lot) -> Request | None:
    return None if lot.ended_by is None else lot.ended_by.request


def _seller_money(timeline: Timeline, cancelled: Sequence[Cancelled], until: int | None) -> tuple[int, int, int]:
    """Return the seller's money that is the buyer's, the part that brings back the fee, and the part for pending
    dissolutions.

    Money for cancellations is noted on them.
    """
    seller = rebates = for_pending = 0
    all_gone = bool(cancelled) and all(
        lot.state in CANCELLED or lot.state is UNAVAILABLE for lot in timeline.units.lots
    )
    for receipt in timeline.view.counted(SellerRefundReceived):
        if until is not None and receipt.at > until:
            break
        named = receipt.data.request_id
        left = receipt.data.amount.value
        for one in cancelled:
            reached = all_gone or one.waits_for <= receipt.at
            if (one.request is not None and named == one.id) or (named is None and reached):
                part = min(left, max(0, one.takes - one.received))
                one.received += part
                left -= part
        if not left:
            continue
        seller += left
        keeps_fee = is_pending_dissolution = False
        for request in timeline.requests:
            if _keeps_fee(request) and (request.id == named if named is not None else request.at <= receipt.at):
                keeps_fee = True
                if request.kind == "dissolution" and request.is_pending:
                    is_pending_dissolution = True
        if not keeps_fee:
            rebates += left
        if is_pending_dissolution:
            for_pending += left
    return seller, rebates, for_pending


def _keeps_fee(request: Request) -> bool:
    """Return whether the seller's money for a request does not bring back the fee (R10)."""
    return request.is_pending or (request.kind == "dissolution" and request.took_effect)


# The settlement as a whole.


def _approved(view: OrderView) -> int:
    found = view.counted(ExcessApproved)
    return found[0].data.amount.value if found else 0


def _collected(view: OrderView, quote: Sums) -> tuple[Sums, int]:
    """Return `P`, and `T`, third parties' part of it (R15)."""
    captures = view.captures()
    if len(captures) == 1:
        collected = captures[0].sums
        total = collected.total
        counted = collected.third if quote.total else 0
    else:
        goods = shipping = fee = own = third = counted = total = 0
        for capture in captures:
            part = capture.sums
            if total < quote.total:
                counted += part.third
            goods += part.goods
            shipping += part.shipping
            fee += part.fee
            own += part.own
            third += part.third
            total += part.total
        collected = Sums(goods, shipping, fee, own, third, total)
    if total == quote.total:
        return collected, quote.third
    most = quote.third + max(0, total - quote.total)
    least = max(0, quote.third - max(0, quote.total - total))
    return collected, max(least, min(counted, most))


def provider_costs(timeline: Timeline) -> Iterable[tuple[Fact[CostIncurred], list[Request], Ending | None]]:
    """Yield the provider's advanced costs, each with the requests that it names, or the ending it belongs to (R6).

    A cost that names no request belongs to the ending of the order, if it has ended.
    """
    if not timeline.view.messages(CostIncurred):
        return
    for fact in timeline.view.counted(CostIncurred):
        data = fact.data
        if data.borne_by != PROVIDER or not data.amount.value:
            continue
        if data.request_id is None:
            yield fact, [], timeline.ending
        else:
            yield fact, [request for request in timeline.requests if request.id == data.request_id], None


def lots_ended_by(timeline: Timeline, request: Request) -> list[Lot]:
    """Return the units that a request ended."""
    return [lot for lot in timeline.units.lots if not lot.is_live and _request_of(lot) is request]


def _awaited(timeline: Timeline, kept: Kept) -> list[tuple[str, str, int]]:
    """Return the seller's missing money, by the request or purchase that it is for (R21, row 8)."""
    found = [("cancellation", one.id, one.takes - one.received) for one in kept.cancelled if one.takes > one.received]
    of_dissolved = [lot for lot in kept.lots.dissolved if lot.purchase is not None]
    of_rescinded = [lot for lot in kept.lots.rescinded if lot.purchase is not None]
    price = _price_of(timeline, of_dissolved) if of_dissolved else 0
    if price > kept.seller:
        request = _request_of(of_dissolved[0])
        found.append(("dissolution", "" if request is None else request.id, price - kept.seller))
    if of_rescinded:
        missing = _price_of(timeline, [*of_dissolved, *of_rescinded]) - max(price, kept.seller)
        if missing > 0:
            found.append(("unavailability", "", missing))
    return found


def _price_of(timeline: Timeline, lots: Sequence[Lot]) -> int:
    """Return what the seller charged for units, plus shipping if all units of a purchase are included. Minor units."""
    price = 0
    for purchase in timeline.purchases:
        own = [lot for lot in timeline.units.lots if lot.purchase is purchase]
        price += _cancelled_price(purchase, own, [lot for lot in own if lot in lots])
    return price
