"""The amount due on line `purchase`, by one formula (R4, R6, R8, R10, R15)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.rules.second_opinion.facts import INFINITY, parts_of_breakdown, rounded

if TYPE_CHECKING:
    from tests.rules.second_opinion.facts import Fact
    from tests.rules.second_opinion.timeline import Request, Timeline, Unit

TERMINAL = ("refused", "invalid", "withdrawn", "lapsed")
CANCELLED = ("cancelled_before", "cancelled_after")


@dataclass(eq=False)
class Quote:
    """A quote as it was given, and the units that it covers."""

    goods: int
    shipping: int
    fee: int
    own: int
    third: int
    instant: int
    covered: list[Unit] = field(default_factory=list)
    items: list[dict[str, Any]] | None = None
    provisional: bool = False

    @classmethod
    def of(cls, fact: Fact, instant: int) -> Quote:
        values = {"goods": 0, "shipping": 0, "fee": 0, "own": 0, "third": 0}
        for name, money in parts_of_breakdown(fact.data["quote"]):
            values[name] += money["value"]
        return cls(**values, instant=instant)

    @property
    def total(self) -> int:
        return self.goods + self.shipping + self.fee + self.own + self.third


@dataclass
class Settlement:
    """The terms of R6 as of an instant."""

    paid: int = 0
    paid_total: int = 0
    third_parties: int = 0
    quote_third: int = 0
    price: int = 0
    reserved: int = 0
    fee: int = 0
    own: int = 0
    keep: int = 0
    money: int = 0
    rest: int = 0
    charged_back: int = 0
    costs: int = 0
    costs_dissolution: int = 0
    cost_clauses: dict[str, int] = field(default_factory=dict)
    cost_by_request: dict[tuple[str, str], int] = field(default_factory=dict)
    penalties: int = 0
    deposit: int = 0
    due: int = 0
    outstanding: int = 0
    excess: int = 0
    seller: int = 0
    penalty_of: dict[int, int] = field(default_factory=dict)
    deposit_of: dict[int, int] = field(default_factory=dict)
    greatest_total: int = 0
    quote_total: int = 0
    waits_for_dissolution: bool = False
    owed_clauses: tuple[str, ...] = ()
    seller_for_pending_dissolution: bool = False


def value_of(tl: Timeline, quote: Quote, units: list[Unit]) -> int:
    """v(S): the part of a quote's goods that belongs to the units, without those that it does not cover."""
    inside = {id(u) for u in quote.covered}
    mine = [u for u in units if id(u) in inside]
    if not mine:
        return 0
    part, whole = tl.share_of(mine, quote.covered)
    return rounded(Fraction(quote.goods * part, whole))


def last_value(tl: Timeline, units: list[Unit], quotes: list[Quote]) -> int:
    """The value of units by the last quote that covered each."""
    groups: dict[int, list[Unit]] = {}
    for u in units:
        nth = next((n for n in range(len(quotes) - 1, -1, -1) if any(c is u for c in quotes[n].covered)), None)
        if nth is not None:
            groups.setdefault(nth, []).append(u)
    return sum(value_of(tl, quotes[n], group) for n, group in groups.items())


@dataclass
class Shown:
    """A quote with what it carries over (R4)."""

    goods: int
    fee: int
    total: int


def with_carried(tl: Timeline, nth: int) -> Shown:
    quote = tl.quotes[nth]
    covered = {id(u) for u in quote.covered}
    carried = [
        u
        for u in tl.units
        if u.bought_at is not None
        and u.bought_at <= quote.instant
        and id(u) not in covered
        and u.state not in (*CANCELLED, "unavailable")
    ]
    value = last_value(tl, carried, tl.quotes[:nth]) if nth else 0
    fee = rounded(tl.terms.service_fee_rate * value)
    return Shown(quote.goods + value, quote.fee + fee, quote.total + value + fee)


def purchase_costs(tl: Timeline) -> dict[str, tuple[int, int, int]]:
    """Goods, shipping and deposit of every purchase that counts (F4: the last value where it cannot be read)."""
    found: dict[str, tuple[int, int, int]] = {}
    unread = []
    for id_, p in tl.purchases.items():
        v = p.fact.values
        if p.fact.readable:
            found[id_] = (v["goods"], v["shipping"], v.get("deposit", 0))
        else:
            unread.append((id_, p))
    for id_, p in unread:
        shipping = max(0, tl.quote.shipping - sum(s for _, s, _ in found.values()))
        found[id_] = (last_value(tl, p.units, tl.quotes), shipping, 0)
    return {id_: found[id_] for id_ in tl.purchases}


def settle(tl: Timeline, by: int = INFINITY, charged_back: int = 0, losses: dict[str, int] | None = None) -> Settlement:
    """All terms of R6 as of an instant that the timeline has reached."""
    s = Settlement()
    terms = tl.terms
    quote = tl.quote
    shown = with_carried(tl, len(tl.quotes) - 1)
    s.quote_third, s.quote_total = quote.third, shown.total
    s.greatest_total = max(with_carried(tl, n).total for n in range(len(tl.quotes)))
    terminal = tl.ended is not None and tl.ended.outcome in TERMINAL
    costs = purchase_costs(tl)
    bought = sum(g + sh for g, sh, _ in costs.values())
    shipping = sum(sh for _, sh, _ in costs.values())
    goods = sum(g for g, _, _ in costs.values())
    effects = sorted(
        (r for r in tl.requests.values() if r.kind in ("cancellation", "balance") and _has_effect(r)),
        key=lambda r: (r.effect_at, r.id),
    )
    shares, shipped, reduced = _shares(tl, effects, costs)
    spent = bought - sum(shares.values())
    penalties: dict[int, int] = {}
    for r in effects:
        share = shares[id(r)]
        penalty = r.penalty
        if r.amount is not None:
            mine = [u for u in _cancelled_by(r) if u.state == "cancelled_after"]
            last = last_value(tl, mine, tl.quotes) + (quote.shipping if shipped[id(r)] else 0)
            penalty += max(0, min(share, last) - r.amount)
        penalties[id(r)] = penalty
    seller, rebates, received = _sellers_money(tl, by, effects, shares, s)
    deposits: dict[int, int] = {}
    for r in effects:
        if r.amount is None:
            deposits[id(r)] = max(0, min(reduced[id(r)], shares[id(r)] - received[id(r)]) - r.penalty)

    fresh = [u for u in tl.units if u.state == "open" or (u.state == "dissolved" and u.bought_at is None)]
    before = [u for u in tl.units if u.state == "cancelled_before"]
    unspent = max(0, quote.shipping - shipping)
    if fresh:
        worth = max(0, shown.goods - goods) if tl.unpriced else value_of(tl, quote, fresh)
        s.reserved = worth + unspent
    gone = [u for u in tl.units if u.state in CANCELLED or u.state == "unavailable"]
    agreed = shown.goods + quote.shipping - (0 if tl.unpriced else value_of(tl, quote, gone))
    inside = {id(u) for u in quote.covered}
    kept = fresh + ([] if terms.refund_fee_on_cancellation else [u for u in before if id(u) in inside])
    x = value_of(tl, quote, kept) + unspent if kept else 0
    base = spent if terms.refund_fee_on_cancellation else bought
    whole = shown.goods + quote.shipping
    part = Fraction(shown.fee * x, whole) if whole else Fraction(0)
    s.fee = max(0, min(shown.fee, rounded(terms.service_fee_rate * (base - rebates) + part)))
    s.price = max(0, min(spent - seller, agreed - s.reserved))
    s.own = 0 if tl.ended and not any(u.state == "dissolved" for u in tl.units) else quote.own
    s.keep = max(0, min(s.price + s.reserved + s.fee + s.own, shown.total - quote.third))
    s.penalty_of, s.deposit_of = penalties, deposits
    if terminal:
        s.keep = s.price = s.reserved = s.fee = s.own = seller = spent = 0
        s.penalty_of = s.deposit_of = {}
    s.seller = seller
    _divide(tl, by, s, shown.total, spent, charged_back, losses or {}, costs)
    return s


def _divide(
    tl: Timeline,
    by: int,
    s: Settlement,
    total: int,
    spent: int,
    charged_back: int,
    losses: dict[str, int],
    costs: dict[str, tuple[int, int, int]],
) -> None:
    """The buyer's part of the money: the lower half of R6."""
    _paid(tl, by, s, total)
    approvals = tl.facts.of("excess_approved", by=by)
    approved = approvals[-1].values["amount"] if approvals else 0
    full = s.paid - s.keep + max(0, s.seller - spent)
    s.money = max(0, min(full, s.paid + approved))
    s.excess = max(0, full - (s.paid + approved))
    s.charged_back = charged_back
    s.rest = max(0, s.money - charged_back)
    _costs(tl, by, s)
    for clause, value in losses.items():
        s.cost_clauses[clause] = s.cost_clauses.get(clause, 0) + value
    s.costs = sum(s.cost_clauses.values())
    s.penalties = sum(s.penalty_of.values())
    left = max(0, s.rest - s.costs - s.penalties)
    s.deposit = min(left, sum(s.deposit_of.values()))
    s.due = left - s.deposit
    s.outstanding = max(0, s.keep + s.quote_third - s.paid_total)
    s.waits_for_dissolution = _waits(tl, costs, s.seller)


def _has_effect(r: Request) -> bool:
    return any(f == "cancelled" for f in r.fate.values())


def _cancelled_by(r: Request) -> list[Unit]:
    return [u for u in r.asked if u.ending is not None and u.ending.request is r and u.state in CANCELLED]


def _shares(
    tl: Timeline, effects: list[Request], costs: dict[str, tuple[int, int, int]]
) -> tuple[dict[int, int], dict[int, bool], dict[int, int]]:
    """Share, whether it contains shipping, and D of every request with an effect (R8)."""
    shares = {id(r): 0 for r in effects}
    shipped = {id(r): False for r in effects}
    reduced = {id(r): 0 for r in effects}
    last = None
    if not any(u.state == "bought" for u in tl.units):
        takers = [r for r in effects if r.took_last_bought]
        last = takers[-1] if takers else None
    for id_, p in tl.purchases.items():
        goods, shipping, deposit = costs[id_]
        gone: list[Unit] = []
        price = 0
        for r in effects:
            mine = [u for u in _cancelled_by(r) if u.state == "cancelled_after" and any(u is x for x in p.units)]
            gone += mine
            if p.units:
                if len(gone) == len(p.units):
                    now = goods + shipping
                elif gone:
                    part, whole = tl.share_of(gone, p.units)
                    now = rounded(Fraction(goods * part, whole))
                else:
                    now = 0
            else:
                now = goods + shipping if r is last else price
            if now == goods + shipping and (mine or (not p.units and r is last)) and len(gone) == len(p.units):
                shipped[id(r)] = True
            total = goods + shipping
            reduced[id(r)] += min(deposit, total - price) - min(deposit, total - now)
            shares[id(r)] += now - price
            price = now
    return shares, shipped, reduced


def _sellers_money(
    tl: Timeline, by: int, effects: list[Request], shares: dict[int, int], s: Settlement
) -> tuple[int, int, dict[int, int]]:
    """Divide the seller's money: the buyer's part, that which brings back the fee, and that of each request (R10)."""
    received = {id(r): 0 for r in effects}
    seller = rebates = 0
    by_id = {r.id: r for r in effects if r.kind == "cancellation"}
    cancellations = {r.id: r for r in tl.requests.values() if r.kind == "cancellation" and r.channel == "platform"}
    dissolutions = {r.id: r for r in tl.requests.values() if r.kind == "dissolution"}
    all_gone = all(u.state in CANCELLED or u.state == "unavailable" for u in tl.units)

    def for_dissolution(r: Request) -> bool:
        return r.pending or r.agreed

    for f in tl.facts.of("seller_refund_received", by=by):
        left = f.values["amount"]
        name = f.data.get("request_id")
        if name is not None:
            takers = [by_id[name]] if name in by_id else []
        else:
            takers = [r for r in effects if all_gone or r.at <= f.at]
        for r in takers:
            most = shares[id(r)] if r.amount is None else min(shares[id(r)], r.amount)
            part = min(left, max(0, most - r.penalty - received[id(r)]))
            received[id(r)] += part
            left -= part
        seller += left
        if name is not None:
            no_fee = (name in dissolutions and for_dissolution(dissolutions[name])) or (
                name in cancellations and cancellations[name].pending
            )
        else:
            no_fee = any(r.at <= f.at and for_dissolution(r) for r in dissolutions.values()) or any(
                r.at <= f.at and r.pending for r in cancellations.values()
            )
        if not no_fee:
            rebates += left
        elif left:
            s.seller_for_pending_dissolution |= any(
                r.pending for r in dissolutions.values() if r.id == name or (name is None and r.at <= f.at)
            )
    if not tl.purchases and not any(u.state == "dissolved" for u in tl.units):
        s.seller_for_pending_dissolution = False
        return 0, 0, received
    return seller, rebates, received


def _paid(tl: Timeline, by: int, s: Settlement, quote_total: int) -> None:
    third = 0
    for f in tl.facts.of("captured", by=by):
        if s.paid_total < quote_total:
            third += f.values.get("third", 0)
        s.paid_total += sum(f.values.values())
    s.third_parties = max(
        min(third, s.quote_third + max(0, s.paid_total - quote_total)),
        s.quote_third - max(0, quote_total - s.paid_total),
        0,
    )
    s.paid = s.paid_total - s.third_parties


def _costs(tl: Timeline, by: int, s: Settlement) -> None:
    for f in tl.facts.of("cost_incurred", by=by):
        if f.data["borne_by"] != "provider":
            continue
        value, name = f.values["amount"], f.data.get("request_id")
        clause = None
        if name is not None:
            cancellation = tl.requests.get(("cancellation", name, "platform"))
            dissolution = tl.requests.get(("dissolution", name, "platform"))
            if cancellation is not None and _has_effect(cancellation):
                clause = "12(4)"
            elif dissolution is not None and dissolution.agreed and f.data["kind"] in ("transport", "custody"):
                clause = "13(5)"
            request = ("cancellation" if clause == "12(4)" else "dissolution", name)
        elif tl.ended is not None:
            outcome, r = tl.ended.outcome, tl.ended.request
            request = (r.kind, r.id) if r else ("", "")
            if outcome in ("cancelled", "balance_unpaid"):
                clause = "12(4)"
            elif outcome == "dissolved" and f.data["kind"] in ("transport", "custody") and f.at >= tl.ended.at:
                clause = "13(5)"
            elif outcome == "refused" and tl.ended.clauses[0] in ("14", "15(5)"):
                clause = tl.ended.clauses[0]
        if clause:
            s.cost_clauses[clause] = s.cost_clauses.get(clause, 0) + value
            s.cost_by_request[request] = s.cost_by_request.get(request, 0) + value
            if clause == "13(5)":
                s.costs_dissolution += value


def _waits(tl: Timeline, costs: dict[str, tuple[int, int, int]], seller: int) -> bool:
    """R21, row 8: less of the seller's money came than the price of what was dissolved or rescinded."""
    if not any(u.state == "dissolved" for u in tl.units):
        return False
    price = 0
    for id_, p in tl.purchases.items():
        goods, shipping, _ = costs[id_]
        mine = [u for u in p.units if u.state in ("dissolved", "rescinded")]
        if mine:
            part, whole = tl.share_of(mine, p.units)
            price += rounded(Fraction(goods * part, whole)) + (shipping if len(mine) == len(p.units) else 0)
    return seller < price
