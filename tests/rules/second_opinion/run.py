"""The service's clock, and what is published step by step (R13, R16 to R19, R22, R23)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.rules.second_opinion.chargebacks import Chargeback, came_in_for, judge, roles, shared, spread_remaining
from tests.rules.second_opinion.facts import INFINITY, Facts, Message, message, rounded
from tests.rules.second_opinion.settlement import CANCELLED, TERMINAL, purchase_costs, settle
from tests.rules.second_opinion.terms import Terms, binding, instant_text, micros
from tests.rules.second_opinion.timeline import REQUESTED, Request, Timeline, unit_clauses

START = micros("2000-01-01T00:00:00Z")
ACCOUNT, DEPOSIT = "buyer_account", "deposit"
DECIDED_BY_UNITS = {"cancellation": 6, "dissolution": 8}
"""The first row that decides about units; those before it refuse, or find nothing."""
OBJECTION = {
    "withdrawn": "withdrawn_by_buyer",
    None: "verification_requested",
    "logistics": "redirected_to_logistics",
}
STANDING = (
    "order_amount",
    "payment_demand",
    "retained_goods",
    "refund_withheld",
    "repayment_demand",
    "buyer_owes",
    "seller_excess",
    "third_party_fees",
    "refund_undeliverable",
    "brokerage_withheld",
    "foreign_currency",
)
SECOND = {
    "order_amount": "settled",
    "payment_demand": "settled",
    "retained_goods": "released",
    "refund_withheld": "released",
    "repayment_demand": "settled",
    "buyer_owes": "settled",
    "seller_excess": "settled",
    "third_party_fees": "settled",
    "refund_undeliverable": "settled",
    "brokerage_withheld": "released",
    "foreign_currency": "converted",
}


@dataclass
class Decision:
    kind: str
    ref: str
    outcome: str
    clauses: tuple[str, ...]
    amount: int | None = None
    due_at: int | None = None
    ground: str | None = None
    currency: str | None = None

    @property
    def content(self) -> tuple[Any, ...]:
        """The members whose change is published (R22)."""
        parts: tuple[str, ...] = ()
        if self.kind == "cancellation" and self.outcome in ("pending", "agreed", "partly_agreed"):
            parts = tuple(c for c in ("12(1)A", "12(1)B") if c in self.clauses)
        return (self.outcome, self.amount, self.ground, parts)


@dataclass
class Command:
    kind: str
    line: str | None
    ref: str | None
    amount: int | None
    clauses: tuple[str, ...]
    destination: str | None = None
    payment_id: str | None = None
    hold_id: str | None = None
    replaces: str | None = None
    deduction_id: str | None = None
    source: str | None = None
    purpose: str | None = None


@dataclass
class Demand:
    k: int
    due_at: int
    rounds: int
    greatest: int
    amount: int
    open: bool = True


@dataclass
class HoldState:
    placed: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    amount: int = 0


@dataclass
class Order:
    """Events received and outputs published of one order."""

    id: str
    sets: list[dict[str, Any]]
    received: list[Message] = field(default_factory=list)
    records: list[tuple[str, int]] = field(default_factory=list)
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)
    commanded: dict[str, dict[str, int]] = field(default_factory=dict)
    demands: dict[str, list[Demand]] = field(default_factory=dict)
    holds: dict[str, HoldState] = field(default_factory=dict)
    deductions: set[str] = field(default_factory=set)
    cleared: dict[tuple[str, ...], int] = field(default_factory=dict)
    """Decisions that were made while no record barred them, and since when."""
    withdrawn: dict[tuple[str, ...], int] = field(default_factory=dict)
    """Requests by which something was withdrawn, and since when that stands: it stays, whatever answer led to it."""
    brokerage_deducted: int | None = None
    brokerage_transferred: int | None = None
    deadlines: list[int] = field(default_factory=list)
    fired: int = START
    final: dict[str, Any] = field(default_factory=dict)


def decide(
    events: list[dict[str, Any]],
    sets: list[dict[str, Any]] | None = None,
    until: str | None = None,
) -> tuple[list[Any], dict[str, Order]]:
    """Return the outputs of events received in this order, with the clock going on to `until`, and the orders.

    An event without a `type` that is known stands for a record in quarantine: `{"quarantined": topic, "subject": …}`.
    """
    orders: dict[str, Order] = {}
    published: list[Any] = []
    seen = START

    def fire() -> None:
        while True:
            due = min(((d, o.id) for o in orders.values() for d in o.deadlines if d < seen), default=None)
            if due is None:
                return
            at, order = due[0], orders[due[1]]
            order.fired = max(at + 1, order.fired)
            published.extend(step(order, at, order.fired))

    for event in events:
        order = orders.setdefault(event["subject"], Order(event["subject"], sets or []))
        if "quarantined" in event:
            # It holds up what is decided from now on; by itself it changes nothing.
            fire()
            order.records.append((event["quarantined"], seen))
            continue
        m = message(event)
        seen = max(seen, m.time)
        fire()
        if any((o.id, o.source) == (m.id, m.source) for o in order.received):
            continue
        order.received.append(m)
        published.extend(step(order, seen, order.fired))
    if until is not None:
        seen = max(seen, micros(until))
        fire()
    return published, orders


def step(order: Order, now: int, watermark: int) -> list[Any]:
    """Compute everything anew and return what is published."""
    facts = Facts(order.received)
    if facts.placed is None:
        order.deadlines = []
        return []
    mandate = facts.placed.data.get("mandate")
    terms = binding(
        order.sets, facts.placed.data["provider_id"], mandate["agreed_at"] if mandate else facts.placed.message.time
    )
    deadlines: set[int] = set()
    records: dict[str, int] = {}
    for topic, received_at in order.records:
        if terms.quarantine_days is not None:
            end = terms.last_instant(received_at, terms.quarantine_days)
            if end < max(now, watermark):
                continue
            deadlines.add(end)
        records[topic] = min(received_at, records.get(topic, received_at))
    cleared = {
        matter: min(since, order.cleared.get(matter, since), order.withdrawn.get(matter, since))
        for matter, since in (order.cleared | order.withdrawn).items()
    }
    tl = Timeline(facts, terms, watermark, records, cleared)
    order.cleared = {matter: order.cleared.get(matter, now) for matter in tl.cleared}
    deadlines |= tl.deadlines
    found = Step(order, facts, terms, tl, now, watermark, records)
    found.run()
    order.withdrawn = {
        (REQUESTED, ref): order.withdrawn.get((REQUESTED, ref), now)
        for (kind, ref), d in order.decisions.items()
        if kind == "cancellation" and d.outcome == "withdrawn"
    }
    for demands in order.demands.values():
        if demands and demands[-1].open and demands[-1].due_at >= watermark:
            deadlines.add(demands[-1].due_at)
    order.deadlines = sorted(deadlines)
    return found.out


class Step:
    """One look at an order: entitlements, then the differences to what was published."""

    def __init__(
        self, order: Order, facts: Facts, terms: Terms, tl: Timeline, now: int, watermark: int, records: dict[str, int]
    ) -> None:
        self.order, self.facts, self.terms, self.tl = order, facts, terms, tl
        self.now, self.watermark, self.records = now, watermark, records
        self.out: list[Any] = []
        self.decided: dict[tuple[str, str], Decision] = {}
        self.begun: set[tuple[str, str]] = set()
        self.due: dict[str, int] = {}
        self.clauses: dict[str, tuple[str, ...]] = {}

    # money by line

    def _sum(self, kind: str, line: str, payment: Any = ...) -> int:
        return sum(
            f.values["amount"]
            for f in self.facts.of(kind)
            if f.data.get("line") == line and (payment is ... or f.data.get("payment_id") == payment)
        )

    def commanded(self, line: str, where: str | None = None) -> int:
        lines = self.order.commanded.get(line, {})
        return sum(lines.values()) if where is None else lines.get(where, 0)

    def failed(self, line: str) -> int:
        """Failures to payments, each at most what went to the payment on this line."""
        payments = {
            f.data["payment_id"]
            for f in self.facts.of("refund_failed")
            if f.data["line"] == line and f.data.get("payment_id") is not None
        }
        return sum(
            min(
                self._sum("refund_failed", line, p),
                self.commanded(line, f"payment:{p}") + self._sum("refunded_elsewhere", line, p),
            )
            for p in payments
        )

    def undeliverable(self, line: str) -> int:
        that_way = (
            self.commanded(line, ACCOUNT) + self.commanded(line, DEPOSIT) + self._sum("refunded_elsewhere", line, None)
        )
        return min(self._sum("refund_failed", line, None), that_way)

    def out_of(self, line: str) -> int:
        repaid = 0 if line == "owed" or line.startswith("chargeback:") else self._sum("repayment_received", line)
        return self.commanded(line) + self._sum("refunded_elsewhere", line) - self.failed(line) - repaid

    # the step

    def run(self) -> None:
        tl, facts = self.tl, self.facts
        self.cbs, self.unused = judge(tl)
        self.just = {}
        for c in self.cbs:
            for line, value in c.shares:
                if line.startswith("tip:") or not c.unjust:
                    self.just[line] = self.just.get(line, 0) + value
        losses: dict[str, int] = {}
        for f in facts.of("buyer_breach_found"):
            clause = {"prohibited": "14", "unjust_chargeback": "22", "other": "25"}[f.data["ground"]]
            losses[clause] = losses.get(clause, 0) + f.values["loss"]
        uncovered = sum(max(0, c.owed - c.covered) for c in self.cbs if c.unjust and c.restored)
        if uncovered:
            losses["22+25"] = uncovered
        self.s = settle(tl, charged_back=self.just.get("purchase", 0), losses=losses)
        self._dues()
        self._balance_lines()
        self._plain_decisions()
        self._standing_amounts()
        self._claims()
        self._brokerage()
        self._publish()

    def _lines(self) -> list[str]:
        known = {"purchase", "compensation", "owed"}
        known |= {c.line for c in self.cbs}
        known |= {f"tip:{f.data['tip_id']}" for f in self.facts.of("tip_paid")}
        for f in self.facts.of("refunded_elsewhere", "repayment_received", "refund_failed"):
            known.add(f.data["line"])
        known |= set(self.order.commanded)
        known.discard("brokerage")
        for f in self.facts.of("outstanding_paid"):
            known.add(f"chargeback:{f.data['chargeback_id']}")
        rank = {"purchase": 0, "compensation": 1, "owed": 2}
        return sorted(
            known,
            key=lambda n: (rank.get(n, 3 if n.startswith("chargeback:") else 4 if n.startswith("tip:") else 5), n),
        )

    def _dues(self) -> None:
        s, facts = self.s, self.facts
        self.due["purchase"] = s.due
        for c in self.cbs:
            self.due[c.line] = c.due
        limits = self.terms.tip_limit
        for f in facts.of("tip_paid"):
            value = f.values["amount"]
            due = max(0, value - limits[facts.currency]) if facts.currency in limits else 0
            asked = [r for r in facts.of("tip_refund_requested") if r.data["tip_id"] == f.data["tip_id"]]
            if asked:
                last = self.terms.last_instant(f.at, self.terms.tip_refund_days)
                in_time = any(r.at <= last for r in asked)
                due = value if in_time else due
                self._decide("tip_refund", f.data["tip_id"], "agreed" if in_time else "refused", ("21",))
            self.due[f"tip:{f.data['tip_id']}"] = due
        findings = facts.of("provider_fault_found")
        x = min(sum(f.values["direct_loss"] for f in findings), s.greatest_total)
        x = max(0, x - max(0, s.charged_back - s.money))
        costs = s.costs - (s.costs_dissolution if s.waits_for_dissolution else 0)
        y = max(0, costs + s.penalties - s.rest)
        repaid = self._sum("repayment_received", "owed")
        opened = max(0, y - repaid)
        set_off = min(x, opened)
        self.due["compensation"] = x - set_off
        self.due["owed"] = max(0, repaid - y)
        self.buyer_owes = opened - set_off
        self.owed_total = y

    def _stopped(self, line: str) -> bool:
        """F5: refunds on the lines of a payment's roles wait while a chargeback of it cannot be read."""
        for c in self.cbs:
            if not c.unreadable or c.restored or c.outcome == "inquiry":
                continue
            lines = [name for name, _ in roles(self.facts, c.payment_id)] or ["purchase"]
            if line in lines:
                return True
        return False

    def _balance_lines(self) -> None:
        """R22: what is withheld, set off, commanded and demanded back."""
        for c in self.cbs:
            spread_remaining(c, self.out_of(c.line))
        self.left: dict[str, dict[str, int]] = {c.id: dict(c.remaining) for c in self.cbs}
        self.withheld: dict[str, int] = {}
        self.withheld_for: dict[str, list[str]] = {}
        self.demanded: dict[str, int] = {}
        self.extra: dict[str, int] = {}
        back: dict[str, int] = {}
        lines = self._lines()
        for line in lines:
            back[line] = self._balance_line(line)
        for line in lines:
            self._set_off(line, lines)
        for line in lines:
            if self.extra[line]:
                self._refund(line, self.extra[line])
        self.order.final = {
            line: self.commanded(line)
            + self._sum("refunded_elsewhere", line)
            - self.failed(line)
            - back[line]
            + self.withheld[line]
            for line in lines
        }

    def _balance_line(self, line: str) -> int:
        """Steps 1 to 3; returns what is out beyond what is due, claimed again or demanded back."""
        due, out = self.due.get(line, 0), self.out_of(line)
        gross = due if line == "purchase" else max(0, due - self.just.get(line, 0))
        payable = max(0, gross - sum(c.remaining.get(line, 0) for c in self.cbs))
        if self._stopped(line):
            payable = min(payable, out)
        held = self.withheld[line] = max(0, gross - max(payable, out))
        self.withheld_for[line] = ["22"] if held else []
        for c in self.cbs:
            held -= self._cover(c.id, line, held)
        counted = out
        if any(c.line == line and c.owed > 0 and c.owed_shares for c in self.cbs):
            counted = min(out, due)
        self.demanded[line] = max(0, counted - gross)
        self.extra[line] = max(0, payable - out)
        return self.demanded[line] + out - counted

    def _cover(self, chargeback: str, line: str, money: int) -> int:
        """Take so much off what is left of a chargeback's `remaining` on a line; returns what was taken."""
        part = min(money, self.left[chargeback].get(line, 0))
        if part:
            self.left[chargeback][line] -= part
        return part

    def _set_off(self, line: str, lines: list[str]) -> None:
        """Step 4: what is payable on the line covers chargebacks first, and then what is overpaid on other lines."""

        def keep(part: int, clauses: tuple[str, ...]) -> None:
            if part:
                self.extra[line] -= part
                self.withheld[line] += part
                self.withheld_for[line] += clauses

        for c in self.cbs:
            for name in self.left[c.id]:
                keep(self._cover(c.id, name, self.extra[line]), ("22",))
        for other in lines:
            part = min(self.extra[line], self.demanded[other]) if other != line else 0
            self.demanded[other] -= part
            keep(part, self.line_clauses(other))

    def _refund(self, line: str, amount: int) -> None:
        for where, room in self._destinations(line):
            part = amount if room is None else min(amount, max(0, room))
            if not part:
                continue
            amount -= part
            mine = self.order.commanded.setdefault(line, {})
            mine[where] = mine.get(where, 0) + part
            payment = where.removeprefix("payment:") if where.startswith("payment:") else None
            self.out.append(
                Command(
                    "refund.issue",
                    line,
                    None,
                    part,
                    self.line_clauses(line),
                    destination="original_payment" if payment is not None else where,
                    payment_id=payment,
                )
            )

    def _destinations(self, line: str) -> list[tuple[str, int | None]]:
        facts, tl = self.facts, self.tl
        found: list[tuple[str, int | None]] = []
        payments: list[str] = []
        if line == "purchase":
            payments = list(dict.fromkeys(f.data["payment_id"] for f in facts.of("captured")))
            if not tl.ended and all(u.alive for u in tl.units):
                payments.reverse()
        elif line.startswith("tip:"):
            payments = [f.data["payment_id"] for f in facts.of("tip_paid") if f"tip:{f.data['tip_id']}" == line]
        elif line.startswith("chargeback:"):
            c = next((c for c in self.cbs if c.line == line), None)
            gave = c.deposit if c else 0
            found.append((DEPOSIT, gave - self.commanded(line, DEPOSIT)))
            payments = list(
                dict.fromkeys(
                    f.data["payment_id"]
                    for f in facts.of("outstanding_paid")
                    if f"chargeback:{f.data['chargeback_id']}" == line
                )
            )
        failed = {f.data.get("payment_id") for f in facts.of("refund_failed")}
        for p in payments:
            if p in failed:
                continue
            brought = dict(roles(facts, p)).get(line, 0)
            taken = sum(v for s in shared(facts) if s.payment_id == p for name, v in s.shares if name == line)
            gone = self.commanded(line, f"payment:{p}") + self._sum("refunded_elsewhere", line, p)
            found.append((f"payment:{p}", brought - gone - taken))
        found.append((ACCOUNT, None))
        return found

    # clauses

    def line_clauses(self, line: str) -> tuple[str, ...]:
        if line == "purchase":
            return self._purchase_clauses()
        if line == "compensation":
            if not self.facts.of("provider_fault_found"):
                return ("6",)
            return ("24", "13(7)") if any(u.state == "dissolved" for u in self.tl.units) else ("24",)
        if line == "owed":
            return self._owed_clauses() if self.owed_total else ("6",)
        if line.startswith("tip:"):
            return ("21",)
        if line.startswith("chargeback:"):
            return ("22",) if came_in_for(self.tl, line.removeprefix("chargeback:"), self.cbs) else ("6",)
        return ("19",) if line == "brokerage" else ("6",)

    def _owed_clauses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self._cost_clauses(), *(["12(5)"] if self.s.penalties else [])]))

    def _purchase_clauses(self) -> tuple[str, ...]:
        """Clauses of line `purchase`: of its state or ending, then of what took effect (R6)."""
        tl, s = self.tl, self.s
        found: list[str] = []
        if tl.ended is not None and tl.ended.outcome in TERMINAL:
            found += tl.ended.clauses
        else:
            if not tl.ended:
                found += ["6(1)", "10"] if any(u.bought_at is not None for u in tl.units) else ["6"]
            for u in tl.units:
                if u.ending:
                    found += unit_clauses(u)
        states = {u.state for u in tl.units}
        added = {
            "12(3)": states & set(CANCELLED) and self._keeps_fee(),
            **dict.fromkeys(self._cost_clauses(), True),
            "12(5)": s.penalties,
            "15(2)": s.deposit,
            "13(7)": "dissolved" in states and s.fee > 0,
            "12(6)": any(r.damaged for r in tl.requests.values()),
            "13(6)": s.seller_for_pending_dissolution,
            "7": tl.ended and s.third_parties,
        }
        return tuple(dict.fromkeys([*found, *(clause for clause, applies in added.items() if applies)]))

    def _cost_clauses(self) -> list[str]:
        return [c for clauses, value in self.s.cost_clauses.items() if value for c in clauses.split("+")]

    # decisions without amount

    def _decide(self, kind: str, ref: str, outcome: str, clauses: tuple[str, ...], ground: str | None = None) -> None:
        self.decided[(kind, ref)] = Decision(kind, ref, outcome, tuple(dict.fromkeys(clauses)), ground=ground)

    def _plain_decisions(self) -> None:
        tl, id_ = self.tl, self.order.id
        self._agreement()
        for m, outcome in tl.unavailability.items():
            self._decide("unavailability", m, outcome, ("9", "10"))
        for (kind, rid, channel), r in tl.requests.items():
            on_platform = ("cancellation", rid, "platform") in tl.requests
            if kind == "cancellation" and (channel == "platform" or not on_platform):
                self._decide("cancellation", rid, *self._cancellation_outcome(r))
            elif kind == "dissolution":
                self._decide("dissolution", rid, *self._dissolution_outcome(r))
        if tl.ended:
            self._decide("closing", id_, tl.ended.outcome, self._resolve(tl.closing_clauses()))
        if tl.obligation_at is not None:
            self._decide("obligation", id_, "terminated", ("16",))
        for oid, o in tl.objections.items():
            verdict = "withdrawn" if o["withdrawn"] else tl.verdicts.get(oid)
            self._decide(
                "objection", oid, OBJECTION.get(verdict, "verified"), ("17" if o["scope"] == "package" else "18",)
            )
        if tl.deemed_at is not None:
            self._decide("receipt", id_, "deemed_confirmed", ("18",))
        elif tl.confirmed_at is not None:
            self._decide("receipt", id_, "confirmed", ("18",))
        for c in self.cbs:
            self._decide("chargeback", c.id, c.outcome, c.clauses)
        self._ignored()

    def _agreement(self) -> None:
        tl, id_ = self.tl, self.order.id
        if tl.agreement_end:
            self._decide("agreement", id_, tl.agreement_end[0], (tl.agreement_end[1],))
        elif tl.effective_at is not None:
            extra = {"customized": "15(1)", "low_reputation_seller": "15(3)", "no_market_price": "15(4)"}
            found = tuple(extra[c] for c in tl.placed.data["categories"] if c in extra)
            self._decide("agreement", id_, "effective", ("2", *found))
        elif not tl.ended and tl.accepted and tl.money_there(INFINITY) > 0:
            self._decide("agreement", id_, "short_paid", ("2",))

    def _refused_holds(self) -> list[str]:
        refused = {f.data["hold_id"] for f in self.facts.of("freeze_refused")}
        return [h for state in self.order.holds.values() for h in state.placed if h in refused]

    def _ignored(self) -> None:
        tl = self.tl
        for m in self.facts.repeated:
            self._decide("fact", m.id, "ignored", ("8(3)",), "repeated")
        for m_id, (ground, clauses) in tl.ignored.items():
            self._decide("fact", m_id, "ignored", ("8(3)", *self._resolve(clauses)), ground)
        for m_id in self.unused:
            self._decide("fact", m_id, "ignored", ("8(3)",), "unused")
        tips = {f.data["tip_id"] for f in self.facts.of("tip_paid")}
        asked = {r.id for r in tl.requests.values()}
        for f in self.facts.of("request_withdrawn"):
            if f.data["request_id"] in tips and f.data["request_id"] not in asked:
                self._decide("fact", f.message.id, "ignored", ("8(3)",), "unused")

    def _resolve(self, clauses: tuple[str, ...]) -> tuple[str, ...]:
        """Clauses, or those of the request's decision that stand for them: of the ending that it led to without 16."""
        if not clauses or clauses[0] not in ("REQUEST", "ENDING"):
            return clauses
        what, kind, rid, channel = clauses
        if kind == "balance":
            found = ["15(2)"]
            if self.s.fee > 0 and not self.terms.refund_fee_on_cancellation:
                found.append("12(3)")
            if self.s.cost_clauses.get("12(4)"):
                found.append("12(4)")
            return tuple(found)
        found_on = "platform" if (kind, rid, "platform") in self.tl.requests else channel
        r = self.tl.requests[(kind, rid, found_on)]
        outcome = self._cancellation_outcome(r) if kind == "cancellation" else self._dissolution_outcome(r)
        return tuple(c for c in outcome[1] if what == "REQUEST" or c != "16")

    def _fates(self, r: Request) -> list[str]:
        found = []
        for u in r.asked:
            fate = r.fate.get(id(u))
            if fate is None:
                fate = "waits" if u.alive and not r.final else "else"
            found.append(fate)
        return found

    def _cancellation_outcome(self, r: Request) -> tuple[str, tuple[str, ...]]:
        """Outcome and clauses of a cancellation (R8)."""
        fates = self._fates(r)
        if r.row < DECIDED_BY_UNITS[r.kind]:
            return r.outcome, self._resolve(r.clauses)
        if r.pending:
            outcome = "pending"
        elif r.outcome == "withdrawn_by_buyer":
            outcome = r.outcome
        elif "withdrawn" in fates:
            return "withdrawn", ("2",)
        elif "cancelled" in fates:
            left = any(fate != "cancelled" and u.alive for fate, u in zip(fates, r.asked, strict=True))
            outcome = "partly_agreed" if left else "agreed"
        elif "not" in fates:
            outcome = "refused"
        else:
            return "moot", r.taken_by or ("12",)
        return outcome, self._cancellation_clauses(r, "cancelled" in fates)

    def _cancellation_clauses(self, r: Request, took_effect: bool) -> tuple[str, ...]:
        tl = self.tl
        at_once = any(u.state == "cancelled_before" and u.ending and u.ending.request is r for u in r.asked)
        cited = {
            "2": r.row == 6 and r.pending,
            "12(1)A": at_once,
            "12(1)B": (r.pending and r.row == 7) or r.answered,
            **dict.fromkeys([*r.barred_by, *r.cited], True),
            "12(3)": took_effect and self._keeps_fee(),
            "12(4)": took_effect and self.s.cost_by_request.get(("cancellation", r.id)),
            "12(5)": took_effect and self.s.penalty_of.get(id(r)),
            "15(2)": took_effect and self.s.deposit_of.get(id(r)) and self.s.deposit,
            "12(6)": r.damaged,
            "16": r.row == 7 and tl.obligation_at is not None and tl.obligation_at <= r.at,
        }
        return tuple(clause for clause, applies in cited.items() if applies)

    def _keeps_fee(self) -> bool:
        return self.s.fee > 0 and not self.terms.refund_fee_on_cancellation

    def _dissolution_outcome(self, r: Request) -> tuple[str, tuple[str, ...]]:
        if r.row < 8:
            return r.outcome, self._resolve(r.clauses)
        if r.pending:
            return "pending", ("13(4)",)
        if r.outcome == "withdrawn_by_buyer":
            return r.outcome, ("13",)
        if r.final and "17" in r.cited:
            return "refused", ("17",)
        if r.agreed:
            return "agreed", ("13(5)", "13(7)") if self.s.fee > 0 else ("13(5)",)
        if r.answered:
            return "refused", ("13(4)",)
        return "moot", r.taken_by or ("13",)

    # standing amounts

    def _stand(
        self,
        kind: str,
        ref: str,
        outcome: str,
        amount: int,
        clauses: tuple[str, ...],
        due_at: int | None = None,
        currency: str | None = None,
    ) -> None:
        if amount:
            self.decided[(kind, ref)] = Decision(
                kind, ref, outcome, tuple(dict.fromkeys(clauses)), amount, due_at, None, currency
            )

    def _standing_amounts(self) -> None:
        tl, s, id_ = self.tl, self.s, self.order.id
        if tl.effective_at is not None and not tl.ended:
            dues = [p["due_at"] for p in tl.plan or [] if p.get("due_at") is not None and p["due_at"] >= self.watermark]
            dues = [d for d in dues if d >= self.now]
            self._stand("order_amount", id_, "outstanding", s.outstanding, ("2", "6"), min(dues, default=None))
        for line in self._lines():
            self._stand("refund_withheld", line, "withheld", self.withheld[line], tuple(self.withheld_for[line]))
            self._stand("repayment_demand", line, "demanded", self.demanded[line], self.line_clauses(line))
            self._stand("refund_undeliverable", line, "noted", self.undeliverable(line), self.line_clauses(line))
        self._stand("buyer_owes", id_, "noted", self.buyer_owes, self._owed_clauses())
        self._stand("seller_excess", id_, "noted", s.excess, ("8(4)",))
        if tl.ended:
            self._stand("third_party_fees", id_, "noted", s.third_parties, ("7",))
        for m, a, done in self.facts.foreign:
            if not done:
                self.decided[("foreign_currency", m.id)] = Decision(
                    "foreign_currency", m.id, "unconverted", ("6",), a.total, None, None, a.currency
                )

    # claims

    def _unclear_money(self) -> bool:
        return bool({"payment", "chargeback"} & self.records.keys()) or self.tl.money_unread()

    def _claims(self) -> None:
        for c in self.cbs:
            claim = sum(self.left[c.id].values())
            if claim < self.terms.claim_floor:
                claim = 0
            self._hold(c, claim)
            self._demand(c, claim)
        for hold in self._refused_holds():
            self._decide("hold", hold, "refused", ("22",))

    def _hold(self, c: Chargeback, claim: int) -> None:
        h = self.order.holds.setdefault(c.id, HoldState())
        refused = {f.data["hold_id"] for f in self.facts.of("freeze_refused")}
        standing = [x for x in h.standing if x not in refused]
        if claim == h.amount:
            return
        current = standing[-1] if standing else None
        if claim > 0:
            n = len(h.placed) + 1
            hold = c.id if n == 1 else f"{c.id}:{n}"
            h.placed.append(hold)
            h.standing = [*standing, hold]
            clauses = tuple(x for x in c.clauses if x.startswith("22"))
            self.out.append(Command("freeze.place", None, c.id, claim, clauses, hold_id=hold, replaces=current))
            h.amount = claim
        elif current is not None:
            h.standing, h.amount = [], 0
            self.out.append(Command("freeze.release", None, c.id, None, ("22",), hold_id=current))

    def _demand(self, c: Chargeback, claim: int) -> None:
        demands = self.order.demands.setdefault(c.id, [])
        d = demands[-1] if demands else None
        if claim == 0:
            if d:
                d.open = False
            return
        passed = d is not None and d.due_at < self.watermark
        if d is None or not d.open or c.rounds > d.rounds or (passed and claim > d.greatest):
            due_at = self.terms.last_instant(self.now, self.terms.payment_demand_days)
            d = Demand(len(demands) + 1, due_at, c.rounds, claim, claim)
            demands.append(d)
            self.begun.add(("payment_demand", c.id))
            passed = False
        changed = claim != d.amount
        d.amount = claim
        d.greatest = max(d.greatest, claim)
        before = self.order.decisions.get(("payment_demand", c.id))
        if passed and (changed or (before and before.outcome == "overdue")):
            self._stand("payment_demand", c.id, "overdue", claim, ("22", "27"))
        elif passed and before is not None:
            self.decided[("payment_demand", c.id)] = before
        else:
            self._stand("payment_demand", c.id, "demanded", claim, ("22", "27"), d.due_at)
        if not passed:
            return
        deduction = c.id if d.k == 1 else f"{c.id}:{d.k}"
        answered = any(
            f.readable and f.data["deduction_id"] == deduction
            for f in self.facts.of("deposit_deducted", "deposit_insufficient")
        )
        if not answered and deduction not in self.order.deductions and not self._unclear_money():
            self.order.deductions.add(deduction)
            refused = {f.data["hold_id"] for f in self.facts.of("freeze_refused")}
            standing = [x for x in self.order.holds[c.id].standing if x not in refused]
            self.out.append(
                Command(
                    "deduction.execute",
                    c.line,
                    c.id,
                    claim,
                    ("22",),
                    hold_id=standing[-1] if standing else None,
                    deduction_id=deduction,
                    source="deposit",
                    purpose="chargeback_recovery",
                )
            )
        tl = self.tl
        if (
            answered
            and any(u.state == "bought" for u in tl.units)
            and tl.complete_at is None
            and tl.confirmed_at is None
            and tl.deemed_at is None
            and not self.facts.of("goods_disposed")
        ):
            self._stand("retained_goods", c.id, "authorised", claim, ("22",))

    # brokerage

    def _brokerage(self) -> None:
        tl, facts, order = self.tl, self.facts, self.order
        promotion = tl.placed.data.get("promotion")
        b = 0
        if promotion and tl.obligation_at is not None and tl.at_obligation["effective"]:
            b = self._brokerage_fee(promotion)
        deduction = f"{order.id}:brokerage:1"
        answers = [f for f in facts.of("funds_deducted", "funds_insufficient") if f.data["deduction_id"] == deduction]
        if order.brokerage_deducted is None and b > 0:
            unread = self._unclear_money() or any(not f.readable for f in facts.of("purchase_confirmed"))
            unread = unread or not tl.placed.readable
            unread = unread or bool(self.records.keys() - {"order"})
            u = sum(c.remaining.get("purchase", 0) for c in self.cbs)
            there = self.s.paid_total - self.just.get("purchase", 0) - u - self.s.due
            if not unread and there >= b:
                order.brokerage_deducted = b
                self.out.append(
                    Command(
                        "deduction.execute",
                        "brokerage",
                        "brokerage",
                        b,
                        ("19",),
                        deduction_id=deduction,
                        source="purchasing_funds",
                        purpose="brokerage",
                    )
                )
            else:
                self._stand("brokerage_withheld", order.id, "withheld", b, ("19", "22"))
        answer = answers[-1] if answers and answers[-1].readable else None
        gave = 0
        if answer is not None and order.brokerage_deducted is not None:
            gave = answer.values.get("amount", answer.values.get("deducted", 0))
            send = min(gave, order.brokerage_deducted)
            if order.brokerage_transferred is None and send > 0:
                order.brokerage_transferred = send
                self.out.append(Command("brokerage.transfer", None, None, send, ("19",), deduction_id=deduction))
        sent = order.brokerage_transferred or 0
        failed = min(sent, sum(f.values["amount"] for f in facts.of("transfer_failed")))
        repaid = sum(f.values["amount"] for f in facts.of("repayment_received") if f.data["line"] == "brokerage")
        self._stand("refund_undeliverable", "brokerage", "noted", max(0, gave - sent) + failed, ("19",))
        self._stand("repayment_demand", "brokerage", "demanded", max(0, sent - failed - repaid - b), ("19",))

    def _brokerage_fee(self, promotion: dict[str, Any]) -> int:
        tl = self.tl
        costs = purchase_costs(tl)
        then = tl.at_obligation["bought"]
        g = sh = 0
        for id_ in tl.at_obligation["purchases"]:
            goods, shipping, _ = costs[id_]
            units = tl.purchases[id_].units
            if not units:
                if then:
                    g, sh = g + goods, sh + shipping
                continue
            mine = [u for u in units if any(u is x for x in then)]
            if mine:
                part, whole = tl.share_of(mine, units)
                g += rounded(Fraction(goods * part, whole))
                sh += shipping
        base = g if promotion["basis"] == "goods" else g + sh
        fixed = tl.placed.values.get("fixed", 0)
        return min(g + sh, rounded(Fraction(base * promotion["rate_bps"], 10000)) + fixed)

    # publishing

    def _moved(self, before: Decision, d: Decision) -> bool:
        """Whether a new plan has another date than the published one; the passing of a date is not published."""
        if d.kind != "order_amount" or d.due_at == before.due_at:
            return False
        dates = [p.get("due_at") for p in self.tl.plan or []]
        gone = before.due_at is None or before.due_at not in dates
        return gone or (d.due_at is not None and before.due_at is not None and d.due_at < before.due_at)

    def _publish(self) -> None:
        known = self.order.decisions
        for key, d in self.decided.items():
            before = known.get(key)
            if before is None or before.content != d.content or key in self.begun or self._moved(before, d):
                known[key] = d
                self.out.append(d)
        for key, d in list(known.items()):
            if key in self.decided:
                continue
            if d.kind in STANDING:
                if d.outcome == SECOND[d.kind]:
                    continue
                second = Decision(d.kind, d.ref, SECOND[d.kind], d.clauses)
            elif d.outcome == "superseded":
                continue
            else:
                second = Decision(d.kind, d.ref, "superseded", d.clauses)
            known[key] = second
            self.out.append(second)


def as_dict(output: Decision | Command, order_id: str) -> dict[str, Any]:
    """One output as a golden case names it."""
    if isinstance(output, Command):
        return {
            "kind": output.kind,
            "order": order_id,
            "line": output.line,
            "ref": output.ref,
            "amount": output.amount,
            "destination": output.destination,
            "payment_id": output.payment_id,
            "hold_id": output.hold_id,
            "replaces": output.replaces,
            "deduction_id": output.deduction_id,
            "source": output.source,
            "clauses": list(output.clauses),
        }
    return {
        "what": output.kind,
        "order": order_id,
        "ref": output.ref,
        "outcome": output.outcome,
        "amount": output.amount,
        "due_at": instant_text(output.due_at) if output.due_at is not None else None,
        "ground": output.ground,
        "clauses": list(output.clauses),
    }
