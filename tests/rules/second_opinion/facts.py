"""From messages to facts: what is the same fact, which message counts, which amounts can be read (F1, F4)."""

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
    """What a message's money is worth in the order's currency; `total` as it was said."""

    readable: bool
    values: dict[str, int]
    currency: str | None
    total: int


def parts_of_breakdown(b: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parts = [("goods", b["goods"]), ("shipping", b["to_warehouse_shipping"]), ("fee", b["service_fee"])]
    for other in b.get("other_fees") or []:
        parts.append(("third" if other["collected_by"] == "third_party" else "own", other["amount"]))
    return parts


def amounts(m: Message, currency: str) -> Amounts:
    """The message's amounts; where they cannot be read all are 0."""
    breakdown = m.data.get("breakdown") or (m.data.get("quote") if m.type == "quote_revised" else None)
    further: list[tuple[str, dict[str, Any]]] = []
    settled = m.data.get("settled")
    summed = False
    if breakdown:
        parts, summed = parts_of_breakdown(breakdown), True
    elif m.type == "purchase_confirmed":
        parts = [("goods", m.data["goods"]), ("shipping", m.data["to_warehouse_shipping"])]
        further, summed = [("deposit", m.data["deposit"])] if m.data.get("deposit") else [], True
    elif m.type == "placed":
        promotion = m.data.get("promotion") or {}
        parts = [("fixed", promotion["fixed"])] if promotion.get("fixed") else []
        settled = promotion.get("settled")
    else:
        first, rest = AMOUNTS.get(m.type, ((), ()))
        parts = [(name, m.data[name]) for name in first if m.data.get(name)]
        further = [(name, m.data[name]) for name in rest if m.data.get(name)]
    every = parts + further
    values: dict[str, int] = {}
    if not every or every[0][1]["currency"] == currency:
        for name, money in every:
            values[name] = values.get(name, 0) + money["value"]
        return Amounts(True, values, None, 0)
    if summed:
        total = sum(money["value"] for _, money in parts)
    else:
        total = 0
    if total == 0:
        total = next((money["value"] for _, money in every if money["value"] > 0), 0)
    if total == 0 and not (summed and settled):
        return Amounts(True, {name: 0 for name, _ in every}, None, 0)
    if not settled or settled["currency"] != currency:
        return Amounts(False, dict.fromkeys((name for name, _ in every), 0), every[0][1]["currency"], total)
    worth = settled["value"]
    if not summed:
        main = next((i for i, (_, money) in enumerate(every) if money["value"] > 0), 0)
        for i, (name, money) in enumerate(every):
            values[name] = worth if i == main else _share(worth, money["value"], total)
        return Amounts(True, values, None, 0)
    left = worth
    for name, money in parts[1:]:
        part = min(left, _share(worth, money["value"], total))
        values[name] = values.get(name, 0) + part
        left -= part
    values["goods"] = left
    for name, money in further:
        values[name] = _share(worth, money["value"], total)
    return Amounts(True, values, None, 0)


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

    def __init__(self, heard: list[Message]) -> None:
        messages = sorted({(m.source, m.id): m for m in reversed(heard)}.values(), key=lambda m: m.key)
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
        each = kind in EACH or kind not in IDENTITY and kind not in LATEST
        latest = kind in LATEST
        if each or latest:
            counting = readable[-1] if readable else group[-1]
        else:
            counting = readable[0] if readable else group[0]
        for m in group:
            a = read[m.id + m.source]
            if a.readable:
                continue
            if each or latest:
                done = any(r.time >= m.time for r in readable)
            else:
                done = bool(readable)
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
