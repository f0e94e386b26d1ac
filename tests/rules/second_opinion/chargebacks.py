"""Chargebacks: their shares of a payment's roles, just or unjust, and the amounts owed (R13)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.rules.second_opinion.facts import INFINITY

if TYPE_CHECKING:
    from tests.rules.second_opinion.facts import Fact, Facts
    from tests.rules.second_opinion.timeline import Timeline

PURCHASE = "purchase"


@dataclass
class Balance:
    """A chargeback's amount as its messages moved it."""

    id: str
    opened: list[Fact]
    first: Fact | None
    amount: int = 0
    rounds: int = 0
    closed_to_zero: bool = False
    would_be: int = 0
    unreadable: bool = False
    last_is_open: bool = False


def balances(facts: Facts, by: int = INFINITY) -> list[Balance]:
    """All chargebacks that were opened by the instant, in fact order of their first opening that is no inquiry."""
    found: dict[str, Balance] = {}
    opened = facts.of("opened", by=by)
    for f in opened:
        b = found.setdefault(f.data["chargeback_id"], Balance(f.data["chargeback_id"], [], None))
        b.opened.append(f)
        if b.first is None and f.data["stage"] != "inquiry":
            b.first = f
    for f in [x for x in facts.of("closed", by=by) if x.data["chargeback_id"] in found]:
        b = found[f.data["chargeback_id"]]
        b.unreadable |= not f.readable
    for b in found.values():
        b.unreadable |= any(not f.readable and f.data["stage"] != "inquiry" for f in b.opened)
        closed = [f for f in facts.of("closed", by=by) if f.data["chargeback_id"] == b.id]
        moves = sorted([*b.opened, *closed], key=lambda f: (f.first.time, f.type != "opened", f.order))
        _move(b, [m for m in moves if m.type == "closed" or m.data["stage"] != "inquiry"])
    return sorted(found.values(), key=lambda b: (b.first is None, (b.first or b.opened[0]).order))


def _move(b: Balance, moves: list[Fact]) -> None:
    highest, closed, before_zero, begun = 0, False, 0, False
    for m in moves:
        was = b.amount
        if m.type == "opened":
            own = m.values["amount"]
            b.amount = own if m is b.first else max(own, min(b.amount + own, highest))
            b.closed_to_zero = False
            begun = True
            if m is b.first:
                b.rounds = 1
        else:
            # What it takes by now: of one that was restored and then lost, what it took before.
            held = b.amount
            stated = m.values.get("amount_restored") if "amount_restored" in m.data else None
            if m.data["outcome"] == "restored":
                b.amount = 0 if stated is None else max(0, b.amount - stated)
            else:
                held = b.amount or before_zero
                b.amount = max(0, held - (stated or 0))
            if begun:
                before_zero = held if b.amount == 0 and held else before_zero
                everything = m.data["outcome"] == "restored" and (stated is None or b.closed_to_zero)
                b.closed_to_zero = b.amount == 0 and (held > 0 or everything)
            if b.amount == 0 and was > 0:
                b.would_be = was
        if closed and b.amount > was:
            b.rounds, closed = b.rounds + 1, False
        # What closes nothing ends no round: it came before anything was opened.
        closed |= begun and m.type == "closed"
        highest = max(highest, b.amount)
    if b.amount:
        b.would_be = b.amount


def roles(facts: Facts, payment_id: str, by: int = INFINITY) -> list[tuple[str, int]]:
    """Amounts that a payment brought in, by line, in the order in which chargebacks take it."""
    found: list[tuple[str, int]] = []
    captured = [f for f in facts.of("captured", by=by) if f.data["payment_id"] == payment_id]
    if captured:
        found.append((PURCHASE, sum(sum(f.values.values()) for f in captured)))
    paid: dict[str, int] = {}
    for f in facts.of("outstanding_paid", by=by):
        if f.data["payment_id"] == payment_id:
            paid[f.data["chargeback_id"]] = paid.get(f.data["chargeback_id"], 0) + f.values["amount"]
    found += [(f"chargeback:{id_}", value) for id_, value in sorted(paid.items())]
    tips = [f for f in facts.of("tip_paid", by=by) if f.data["payment_id"] == payment_id]
    found += [(f"tip:{f.data['tip_id']}", f.values["amount"]) for f in sorted(tips, key=lambda f: f.data["tip_id"])]
    return found


@dataclass
class Shared:
    balance: Balance
    shares: list[tuple[str, int]] = field(default_factory=list)
    would_be: list[tuple[str, int]] = field(default_factory=list)

    @property
    def payment_id(self) -> str:
        return str((self.balance.first or self.balance.opened[0]).data["payment_id"])


def shared(facts: Facts, by: int = INFINITY) -> list[Shared]:
    """Every chargeback with its shares of the payment's roles."""
    left: dict[str, list[tuple[str, int]]] = {}
    found = []
    for b in balances(facts, by):
        s = Shared(b)
        rest = left.setdefault(s.payment_id, roles(facts, s.payment_id, by))
        if b.first is not None:
            # One of which earlier ones left nothing is judged by what the payment brought in.
            s.would_be = _take(rest, b.would_be) or _take(roles(facts, s.payment_id, by), b.would_be)
            s.shares = _take(rest, b.amount)
            taken = dict(s.shares)
            left[s.payment_id] = [(line, value - taken.get(line, 0)) for line, value in rest]
        found.append(s)
    return found


def _take(rest: list[tuple[str, int]], amount: int) -> list[tuple[str, int]]:
    taken = []
    for line, value in rest:
        part = min(value, amount)
        amount -= part
        if part:
            taken.append((line, part))
    return taken


def attributable(facts: Facts, b: Balance, by: int = INFINITY) -> bool:
    judged = [f for f in facts.of("reassessed", by=by) if f.data["chargeback_id"] == b.id]
    return bool((judged[-1] if judged else b.opened[-1]).data["attributable_to_provider"])


def shares_on_purchase(facts: Facts, by: int = INFINITY, *, not_attributable: bool = False) -> int:
    """The sum that chargebacks have of the purchase as of the instant, whatever their cause."""
    return sum(
        value
        for s in shared(facts, by)
        if not (not_attributable and attributable(facts, s.balance, by))
        for line, value in s.shares
        if line == PURCHASE
    )


def unread_captures(facts: Facts, by: int) -> bool:
    return any(not f.readable for f in facts.of("captured", by=by))


@dataclass
class Chargeback:
    """A chargeback as it stands now."""

    id: str
    payment_id: str
    shares: list[tuple[str, int]]
    amount: int
    rounds: int
    outcome: str
    clauses: tuple[str, ...]
    unjust: bool
    fees: int
    owed: int
    covered: int
    deposit: int
    proceeds: int
    paid: int
    opened_at: int
    restored: bool
    unreadable: bool
    remaining: dict[str, int] = field(default_factory=dict)
    """The rest of the claim, by the line whose money it is, before anything withheld covers it."""

    @property
    def line(self) -> str:
        return f"chargeback:{self.id}"

    @property
    def owed_shares(self) -> list[tuple[str, int]]:
        """The part of its amount on the purchase and on claims: all but tips."""
        return [(line, value) for line, value in self.shares if not line.startswith("tip:")]

    @property
    def due(self) -> int:
        return max(0, self.covered - self.owed)


def deduction_of(id_: str, known: set[str]) -> str | None:
    """The chargeback to which a deduction from the deposit belongs."""
    if id_ in known:
        return id_
    shorter = re.fullmatch(r"(.*):[0-9]+", id_, re.DOTALL)
    return shorter[1] if shorter and shorter[1] in known else None


def judge(tl: Timeline) -> tuple[list[Chargeback], list[str]]:
    """All chargebacks as of now, and the ids of disposals whose proceeds are for none."""
    facts = tl.facts
    found = [_judge_one(tl, s) for s in shared(facts)]
    ids = {c.id for c in found}
    for f in facts.of("outstanding_paid"):
        _add(found, f.data["chargeback_id"], "paid", f.values["amount"])
    for f in facts.of("repayment_received"):
        if f.data["line"].startswith("chargeback:"):
            _add(found, f.data["line"].removeprefix("chargeback:"), "paid", f.values["amount"])
    for f in facts.of("deposit_deducted", "deposit_insufficient"):
        if f.readable:
            _add(
                found,
                deduction_of(f.data["deduction_id"], ids),
                "deposit",
                f.values.get("amount", f.values.get("deducted", 0)),
            )
    unused = []
    for f in facts.of("goods_disposed"):
        proceeds = f.values.get("proceeds", 0)
        target = f.data.get("chargeback_id")
        if target is None:
            target = next((c.id for c in found if c.unjust), None)
            if target is None and proceeds > 0:
                unused.append(f.message.id)
        _add(found, target, "proceeds", proceeds)
    for c in found:
        c.covered = c.paid + c.deposit + c.proceeds
    return found, unused


def _add(found: list[Chargeback], id_: str | None, name: str, value: int) -> None:
    for c in found:
        if c.id == id_:
            setattr(c, name, getattr(c, name) + value)


def came_in_for(tl: Timeline, id_: str, chargebacks: list[Chargeback]) -> int:
    """The sum ever paid, recovered or sold for a chargeback, opened or not (R22)."""
    for c in chargebacks:
        if c.id == id_:
            return c.covered
    facts = tl.facts
    paid = [f for f in facts.of("outstanding_paid") if f.data["chargeback_id"] == id_]
    paid += [f for f in facts.of("repayment_received") if f.data["line"] == f"chargeback:{id_}"]
    paid += [f for f in facts.of("deposit_deducted", "deposit_insufficient") if f.data["deduction_id"] == id_]
    paid += [f for f in facts.of("goods_disposed") if f.data.get("chargeback_id") == id_]
    return sum(sum(f.values.values()) for f in paid)


def _judge_one(tl: Timeline, s: Shared) -> Chargeback:
    facts, b = tl.facts, s.balance
    first = b.first
    clauses: list[str]
    unjust = False
    fees = sum(f.values.get("fee", 0) for f in b.opened if f.data["stage"] != "inquiry")
    if first is None:
        outcome, clauses = "inquiry", ["22"]
    else:
        instructed = next((f.data["instructed_at"] for f in b.opened if f.data.get("instructed_at")), first.at)
        reason = b.opened[-1].data["reason"]
        grounds = []
        if tl.obligation_at is not None and tl.obligation_at <= instructed:
            grounds.append("22(1)")
        if not attributable(facts, b):
            grounds.append("22(2)")
        if reason == "account_stolen":
            grounds.append("22(3)")
        if reason == "payment_account_misused":
            grounds.append("22(4)")
        tips = [line for line, _ in s.would_be if line.startswith("tip:")]
        others = [line for line, _ in s.would_be if not line.startswith("tip:")]
        never = tl.effective_at is None or tl.effective_at > first.at
        if tips and not others:
            outcome, clauses = "accepted", ["21"]
        elif never or (tl.ended and tl.ended.outcome in ("refused", "invalid", "withdrawn", "lapsed")):
            outcome, clauses = "accepted", ["2"]
        elif grounds:
            outcome, clauses, unjust = "unjust", ["22", *grounds], True
        else:
            outcome, clauses = "accepted", ["22"]
        if tips and others:
            clauses.append("21")
        if b.closed_to_zero:
            outcome = "restored"
    owed = 0
    if unjust:
        owed = sum(value for line, value in s.shares if not line.startswith("tip:")) + fees
    return Chargeback(
        id=b.id,
        payment_id=s.payment_id,
        shares=s.shares,
        amount=b.amount,
        rounds=b.rounds,
        outcome=outcome,
        clauses=tuple(clauses),
        unjust=unjust,
        fees=fees if unjust else 0,
        owed=owed,
        covered=0,
        deposit=0,
        proceeds=0,
        paid=0,
        opened_at=first.at if first else b.opened[0].at,
        restored=b.closed_to_zero,
        unreadable=b.unreadable,
    )


def spread_remaining(c: Chargeback, out: int) -> None:
    """Spread what is left of what is owed over the shares, in the order of the roles, the fee last (R13)."""
    c.remaining = {}
    shares = c.owed_shares
    if not c.unjust or not shares:
        return
    covered = c.covered - out
    left = max(0, c.owed - covered)
    if left == 0:
        return
    parts: list[list[Any]] = [[line, value] for line, value in shares] + [[shares[0][0], c.fees]]
    for line, value in parts:
        used = max(0, min(value, covered))
        covered -= used
        c.remaining[line] = c.remaining.get(line, 0) + value - used
    extra = left - sum(c.remaining.values())
    if extra > 0:
        c.remaining[shares[0][0]] += extra
