"""From messages to facts: identity, the message that counts, and readable amounts (F1, F4)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from tests.rules.second_opinion.terms import micros

INFINITY = 1 << 62


def rounded(value: Fraction | int) -> int:
    """Half up to the minor unit."""
    return int((Fraction(value) * 2 + 1) // 2)


DEFAULTS = {
    "placed": {"determinable": False, "categories": [], "disclosed_issues": []},
    "goods_received": {"objections": []},
    "cost_incurred": {"borne_by": "provider"},
    "opened": {"stage": "chargeback"},
}
INSTANTS = ("agreed_at", "cancellation_deadline", "due_at", "instructed_at", "respond_by")


def known(value: Any, name: str = "") -> Any:
    """Data with absence and null the same, and instants as numbers."""
    if isinstance(value, dict):
        return {n: known(v, n) for n, v in value.items() if v is not None}
    if isinstance(value, list):
        return [known(v) for v in value]
    return micros(value) if name in INSTANTS else value


@dataclass(frozen=True)
class Message:
    """One CloudEvent as far as the rules look at it."""

    id: str
    source: str
    type: str
    time: int
    data: dict[str, Any] = field(hash=False)

    @property
    def key(self) -> tuple[int, str, str]:
        return (self.time, self.source, self.id)

    @cached_property
    def text(self) -> str:
        return json.dumps(self.data, sort_keys=True)


def message(event: dict[str, Any]) -> Message:
    kind = event["type"].split(".")[-2]
    data = DEFAULTS.get(kind, {}) | known(event.get("data") or {})
    return Message(event["id"], event["source"], kind, micros(event["time"]), data)


IDENTITY: dict[str, tuple[str, ...]] = {
    "placed": (),
    "accepted": (),
    "refused": (),
    "receipt_confirmed": (),
    "quote_revised": ("revision_id",),
    "cancellation_requested": ("request_id", "channel"),
    "dissolution_requested": ("request_id",),
    "request_withdrawn": ("request_id",),
    "objection_raised": ("objection_id",),
    "objection_withdrawn": ("objection_id",),
    "tip_paid": ("tip_id",),
    "captured": ("payment_id", "capture_id"),
    "seller_refund_received": ("receipt_id",),
    "outstanding_paid": ("chargeback_id", "payment_id", "receipt_id"),
    "repayment_received": ("repayment_id",),
    "refund_failed": ("command_id",),
    "refund_succeeded": ("command_id",),
    "transfer_failed": ("command_id",),
    "refunded_elsewhere": ("refund_id",),
    "freeze_refused": ("hold_id",),
    "cost_incurred": ("cost_id",),
    "goods_disposed": ("disposal_id",),
    "opened": ("chargeback_id", "stage"),
    "closed": ("chargeback_id", "outcome", "TIME"),
}
"""Earliest counts."""

LATEST: dict[str, tuple[str, ...]] = {
    "provider_fault_found": ("finding_id",),
    "buyer_breach_found": ("finding_id",),
    "excess_approved": (),
    "deposit_deducted": ("deduction_id",),
    "deposit_insufficient": ("deduction_id",),
    "funds_deducted": ("deduction_id",),
    "funds_insufficient": ("deduction_id",),
    "purchase_confirmed": ("purchase_id",),
}
EACH: dict[str, tuple[str, ...]] = {
    "cancellation_agreed": ("request_id",),
    "cancellation_refused": ("request_id",),
    "dissolution_agreed": ("request_id",),
    "dissolution_refused": ("request_id",),
    "objection_verified": ("objection_id",),
    "goods_received": ("receipt_id",),
    "package_delivered": ("package_id",),
}
TOGETHER = {
    "deposit_insufficient": "deposit_deducted",
    "funds_insufficient": "funds_deducted",
    "cancellation_refused": "cancellation_agreed",
    "dissolution_refused": "dissolution_agreed",
}


def identity(m: Message) -> tuple[Any, ...]:
    members = IDENTITY.get(m.type, LATEST.get(m.type, EACH.get(m.type)))
    if members is None:
        return (m.type, m.source, m.id)
    kind = TOGETHER.get(m.type, m.type)
    return (kind, *(m.time if name == "TIME" else m.data.get(name) for name in members))


AMOUNTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # type: (members marked †, further amounts)
    "tip_paid": (("amount",), ()),
    "seller_refund_received": (("amount",), ()),
    "outstanding_paid": (("amount",), ()),
    "repayment_received": (("amount",), ()),
    "refunded_elsewhere": (("amount",), ()),
    "deposit_deducted": (("amount",), ()),
    "funds_deducted": (("amount",), ()),
    "cost_incurred": (("amount",), ()),
    "deposit_insufficient": (("deducted",), ()),
    "funds_insufficient": (("deducted",), ()),
    "provider_fault_found": (("direct_loss",), ("consequential_loss",)),
    "buyer_breach_found": (("loss",), ()),
    "cancellation_agreed": (("penalty",), ("amount",)),
    "goods_disposed": (("proceeds",), ()),
    "opened": (("amount",), ("fee",)),
    "closed": (("amount_restored",), ()),
    "refund_failed": (("amount",), ()),
    "transfer_failed": (("amount",), ()),
    "excess_approved": (("amount",), ()),
}


@dataclass(frozen=True)
class Amounts:
    """A message's money in the order's currency; `total` in the currency of the message."""

    readable: bool
    values: dict[str, int]
    currency: str | None
    total: int


def parts_of_breakdown(b: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parts = [("goods", b["goods"]), ("shipping", b["to_warehouse_shipping"]), ("fee", b["service_fee"])]
    others = b.get("other_fees") or []
    return parts + [("third" if o["collected_by"] == "third_party" else "own", o["amount"]) for o in others]


@dataclass
class Money:
    """A message's money in its own currency: the parts that `settled` stands for, and further amounts."""

    parts: list[tuple[str, dict[str, Any]]]
    further: list[tuple[str, dict[str, Any]]]
    settled: dict[str, Any] | None
    summed: bool

    @property
    def every(self) -> list[tuple[str, dict[str, Any]]]:
        return self.parts + self.further

    @property
    def total(self) -> int:
        """The amount that `settled` stands for: the sum, or the first amount above 0."""
        summed = sum(money["value"] for _, money in self.parts) if self.summed else 0
        return summed or next((money["value"] for _, money in self.every if money["value"] > 0), 0)


def money_of(m: Message) -> Money:
    """All money of a message (F4)."""
    d = m.data
    breakdown = d.get("breakdown") or (d.get("quote") if m.type == "quote_revised" else None)
    if breakdown:
        return Money(parts_of_breakdown(breakdown), [], d.get("settled"), summed=True)
    if m.type == "purchase_confirmed":
        parts = [("goods", d["goods"]), ("shipping", d["to_warehouse_shipping"])]
        return Money(parts, [("deposit", d["deposit"])] if d.get("deposit") else [], d.get("settled"), summed=True)
    if m.type == "placed":
        promotion = d.get("promotion") or {}
        fixed = [("fixed", promotion["fixed"])] if promotion.get("fixed") else []
        return Money(fixed, [], promotion.get("settled"), summed=False)
    first, rest = AMOUNTS.get(m.type, ((), ()))
    found = [[(name, d[name]) for name in names if d.get(name)] for names in (first, rest)]
    return Money(found[0], found[1], d.get("settled"), summed=False)


def amounts(m: Message, currency: str) -> Amounts:
    """The message's amounts; where they cannot be read all are 0."""
    money = money_of(m)
    every, settled, total = money.every, money.settled, money.total
    values: dict[str, int] = {}
    if not every or every[0][1]["currency"] == currency:
        for name, one in every:
            values[name] = values.get(name, 0) + one["value"]
        return Amounts(True, values, None, 0)
    if total == 0 and not (money.summed and settled):
        # Nothing is to be converted: 0 is 0 in every currency.
        return Amounts(True, {name: 0 for name, _ in every}, None, 0)
    if not settled or settled["currency"] != currency:
        return Amounts(False, {name: 0 for name, _ in every}, every[0][1]["currency"], total)
    return Amounts(True, _settled(money, settled["value"]), None, 0)


def _settled(money: Money, worth: int) -> dict[str, int]:
    """The amounts by what was booked, each part in its proportion."""
    total = money.total
    if not money.summed:
        main = next((i for i, (_, one) in enumerate(money.every) if one["value"] > 0), 0)
        return {
            name: worth if i == main else _share(worth, one["value"], total)
            for i, (name, one) in enumerate(money.every)
        }
    values: dict[str, int] = {}
    left = worth
    for name, one in money.parts[1:]:
        part = min(left, _share(worth, one["value"], total))
        values[name] = values.get(name, 0) + part
        left -= part
    values["goods"] = left
    for name, one in money.further:
        values[name] = _share(worth, one["value"], total)
    return values


def _share(worth: int, part: int, total: int) -> int:
    return rounded(Fraction(worth * part, total)) if total else 0


@dataclass
class Fact:
    """A fact: the message that counts, its amounts, and when it happened (effective time and fact order)."""

    type: str
    message: Message
    values: dict[str, int]
    readable: bool
    at: int
    first: Message
    messages: list[Message]

    @property
    def data(self) -> dict[str, Any]:
        return self.message.data

    @property
    def order(self) -> tuple[int, int, str, str]:
        return (self.at, *self.first.key)


class Facts:
    """All facts of one order, by type, in fact order."""

    def __init__(self, received: list[Message]) -> None:
        messages = sorted({(m.source, m.id): m for m in reversed(received)}.values(), key=lambda m: m.key)
        self.messages = messages
        placed = [m for m in messages if m.type == "placed"]
        self.placed: Fact | None = None
        self.by_type: dict[str, list[Fact]] = {}
        self.foreign: list[tuple[Message, Amounts, bool]] = []
        self.repeated: list[Message] = []
        if not placed:
            return
        self.currency: str = placed[0].data["currency"]
        self.start = placed[0].time
        groups: dict[tuple[Any, ...], list[Message]] = {}
        for m in messages:
            groups.setdefault(identity(m), []).append(m)
        for group in groups.values():
            self._group(group)
        for facts in self.by_type.values():
            facts.sort(key=lambda f: f.order)
        self.placed = self.by_type["placed"][0]

    def effective(self, at: int) -> int:
        return max(at, self.start)

    def _group(self, group: list[Message]) -> None:
        kind = group[0].type
        read = {m.id + m.source: amounts(m, self.currency) for m in group}
        readable = [m for m in group if read[m.id + m.source].readable]
        each = kind in EACH or (kind not in IDENTITY and kind not in LATEST)
        latest = kind in LATEST
        if each or latest:
            counting = readable[-1] if readable else group[-1]
        else:
            counting = readable[0] if readable else group[0]
        for m in group:
            a = read[m.id + m.source]
            if a.readable:
                continue
            done = any(r.time >= m.time or not (each or latest) for r in readable)
            self.foreign.append((m, a, done))
        if each:
            for m in group:
                a = read[m.id + m.source]
                self._add(m.type, m, a, m, [m])
            return
        if not latest:
            for m in group:
                if m is counting or m.key < counting.key or m.text == counting.text:
                    continue
                if readable and not read[m.id + m.source].readable:
                    continue
                self.repeated.append(m)
        self._add(counting.type, counting, read[counting.id + counting.source], group[0], group)

    def _add(self, kind: str, m: Message, a: Amounts, first: Message, group: list[Message]) -> None:
        fact = Fact(kind, m, a.values, a.readable, self.effective(first.time), first, group)
        self.by_type.setdefault(kind, []).append(fact)

    def of(self, *kinds: str, by: int = INFINITY) -> list[Fact]:
        """The facts of these types that happened by the instant, in fact order."""
        found = [f for kind in kinds for f in self.by_type.get(kind, ()) if f.at <= by]
        if len(kinds) > 1:
            found.sort(key=lambda f: f.order)
        return found
