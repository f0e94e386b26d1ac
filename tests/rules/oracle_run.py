"""The oracle's last part: reconciliation with what was published, and a driver that plays a history step by step."""

from dataclasses import dataclass, field
from typing import Any

from tests.rules.oracle import DAY, TERMS, Event, at
from tests.rules.oracle_chargebacks import Charge, Clauses
from tests.rules.oracle_lines import Assessed, Line, assess

Published = dict[str, Any]
"""A command or a decision as a plain dict: `kind`, what it is about, and `clauses`, sorted."""

SECOND = {
    "refund_withheld": "released",
    "repayment_demand": "settled",
    "buyer_owes": "settled",
    "refund_undeliverable": "settled",
    "payment_demand": "settled",
    "retained_goods": "released",
}


@dataclass
class Standing:
    outcome: str
    clauses: Clauses
    amount: int | None = None
    due_at: int | None = None


@dataclass
class Book:
    """What was published for an order so far."""

    standing: dict[tuple[str, str], Standing] = field(default_factory=dict)
    commanded: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """By line, destination and payment ("" for none)."""
    brokerages: int = 0
    holds: dict[str, list[int]] = field(default_factory=dict)
    """By chargeback: the amounts of the holds placed; 0 once released."""
    deducted: set[str] = field(default_factory=set)

    def on(self, line: str) -> int:
        return sum(amount for place, amount in self.commanded.items() if place[0] == line)


class Pass:
    """One look at an order: what is to be published beyond the book. The book is written as it goes."""

    def __init__(self, order: "Oracle", said: Assessed, now: int, horizon: int) -> None:
        self.order_id, self.terms, self.barred = order.order_id, order.terms, order.barred
        self.said, self.book, self.now, self.horizon = said, order.book, now, horizon
        self.out: list[Published] = []
        self.amounts: dict[tuple[str, str], tuple[int, Clauses]] = {}
        self.refunds: list[Published] = []
        self.deadlines = list(said.deadlines)

    def run(self) -> list[Published]:
        withheld = self.reconcile()
        claims = self.claims(withheld)
        # "standing amount `buyer_owes` (12(4), 12(5)), less repayments on line `owed`"
        if self.said.owed:
            self.amounts["buyer_owes", self.order_id] = (self.said.owed, self.said.owed_clauses)
        for charge in self.said.charges:
            if claims[charge.id]:
                # "The deposit has answered (in full or not) and there is still a claim"
                if charge.answered:
                    self.amounts["retained_goods", charge.id] = (claims[charge.id], frozenset({"22"}))
                self.amounts["payment_demand", charge.id] = (claims[charge.id], frozenset({"22", "27"}))
        self.decide()
        self.out += self.refunds
        for charge in self.said.charges:
            self.recover(charge, claims[charge.id])
        return self.out

    # Lines

    def failed_on(self, line: str) -> dict[str, int]:
        """What failed on a line by payment, "at most what was commanded on that line to that payment"; "" is none."""
        failed: dict[str, int] = {}
        for e in self.said.failures:
            if e["data"]["line"] == line and line != "brokerage":
                payment = e["data"].get("payment_id") or ""
                failed[payment] = failed.get(payment, 0) + e["data"]["amount"]["value"]
        sent: dict[str, int] = {}
        for (on, _, payment), amount in self.book.commanded.items():
            if on == line:
                sent[payment] = sent.get(payment, 0) + amount
        return {payment: min(amount, sent.get(payment, 0)) for payment, amount in failed.items()}

    def reconcile(self) -> dict[str, int]:
        said, book = self.said, self.book
        withheld: dict[str, int] = {}
        names = {*said.lines, *said.repaid, *(place[0] for place in book.commanded)}
        for name in sorted(names):
            line = said.lines.get(name, Line())
            failed = self.failed_on(name)
            failed.pop("", 0)
            # "let `due` be what the rules above and below say, `J` = Σ amounts of just, `U` = Σ remaining of unjust
            # chargebacks"
            on_line = [one for one in said.charges if one.line == name]
            gross = max(0, line.due - sum(one.amount for one in on_line if not one.unjust))
            payable = max(0, gross - sum(one.remaining for one in on_line))
            out = book.on(name) - sum(failed.values()) - said.repaid.get(name, 0)
            # "Payable beyond `out` is commanded; `gross − max(payable, out)` is withheld; `out` beyond `gross` is
            # demanded back."
            withheld[name] = max(0, gross - max(payable, out))
            self.stand("refund_withheld", name, withheld[name], frozenset({"22"}))
            self.stand("repayment_demand", name, max(0, out - gross), line.clauses)
            undeliverable = self.command(name, line, payable - out) if payable > out else 0
            # "What failed without a payment, at most what was commanded that way on the line, is not commanded again"
            undeliverable += self.failed_on(name).get("", 0)
            self.stand("refund_undeliverable", name, undeliverable, line.clauses)
        return withheld

    def stand(self, kind: str, ref: str, amount: int, clauses: Clauses) -> None:
        if amount:
            self.amounts[kind, ref] = (amount, clauses)

    def command(self, name: str, line: Line, amount: int) -> int:
        """Command an amount on a line; returns what can't be commanded."""
        if name == "brokerage":
            return self.pay_promoter(line, amount)
        book, places = self.book, []
        # "to the deposit up to what it gave, then to the payments that paid, oldest first, then to `buyer_account`"
        if line.deposit:
            places.append(("deposit", "", line.deposit - book.commanded.get((name, "deposit", ""), 0)))
        # "A payment on which a refund failed takes no more"
        # (but "no refund is issued on `brokerage`: a failure there counts for nothing")
        broken = {e["data"].get("payment_id") for e in self.said.failures if e["data"]["line"] != "brokerage"}
        room: dict[str, int] = {}
        for payment, brought in line.payments:
            room[payment] = room.get(payment, 0) + brought
        for payment, brought in room.items():
            # "each up to what it brought in on this line, less what this line commanded on it, less what is charged
            # back on it"
            sent = book.commanded.get((name, "original_payment", payment), 0)
            left = brought - sent - self.said.charged_back.get(payment, 0)
            places.append(("original_payment", payment, 0 if payment in broken else left))
        places.append(("buyer_account", "", amount))
        for destination, payment, room_left in places:
            sum_here = min(amount, max(0, room_left))
            if sum_here:
                amount -= sum_here
                place = (name, destination, payment)
                book.commanded[place] = book.commanded.get(place, 0) + sum_here
                command = {"kind": "refund.issue", "line": name, "amount": sum_here, "destination": destination}
                if payment:
                    command["payment_id"] = payment
                self.refunds.append({**command, "clauses": sorted(line.clauses)})
        return 0

    def pay_promoter(self, line: Line, amount: int) -> int:
        if self.said.promotion is None:
            # "so is brokerage repaid on an order without a promotion"
            return amount
        place = ("brokerage", "promoter", "")
        self.book.commanded[place] = self.book.commanded.get(place, 0) + amount
        self.book.brokerages += 1
        deduction = {
            "deduction_id": f"{self.order_id}:brokerage:{self.book.brokerages}",
            "amount": amount,
            "clauses": sorted(line.clauses),
        }
        about = {"line": "brokerage", "ref": "brokerage", "source": "purchasing_funds", "purpose": "brokerage"}
        self.refunds.append({"kind": "deduction.execute", **about, **deduction})
        promoter = self.said.promotion["promoter_id"]
        self.refunds.append({"kind": "brokerage.transfer", "promoter_id": promoter, **deduction})
        return 0

    # Claims

    def claims(self, withheld: dict[str, int]) -> dict[str, int]:
        # "What is withheld on the line covers the remaining of its chargebacks, oldest first; the rest of each is its
        # claim."
        left, claims = dict(withheld), {}
        for charge in self.said.charges:
            cover = min(charge.remaining, left.get(charge.line, 0))
            left[charge.line] = left.get(charge.line, 0) - cover
            claims[charge.id] = charge.remaining - cover
        return claims

    def recover(self, charge: Charge, claim: int) -> None:
        """ "Claim > 0: a hold on the account for it"; "The deadline passes with a claim: deduct the claim"."""
        holds = self.book.holds.setdefault(charge.id, [])

        def hold_id(n: int) -> str:
            return charge.id if n == 1 else f"{charge.id}:{n}"

        old = len(holds) if holds and holds[-1] else 0
        if claim and (not old or holds[-1] != claim):
            holds.append(claim)
            place = {"kind": "freeze.place", "hold_id": hold_id(len(holds)), "ref": charge.id, "amount": claim}
            self.out.append({**place, "scope": "withdrawal_and_use", "clauses": sorted(charge.clauses)})
        if old and (not claim or len(holds) > old):
            holds[old - 1] = 0
            release = {"kind": "freeze.release", "hold_id": hold_id(old), "ref": charge.id}
            self.out.append({**release, "clauses": ["22"]})
        if not claim or charge.id in self.book.deducted:
            return
        due_at = self.book.standing["payment_demand", charge.id].due_at
        assert due_at is not None
        if charge.answered:
            return
        if due_at >= self.horizon:
            self.deadlines.append(due_at)
        elif not self.barred:
            self.book.deducted.add(charge.id)
            about = {"line": f"chargeback:{charge.id}", "ref": charge.id, "deduction_id": charge.id}
            how = {"source": "deposit", "purpose": "chargeback_recovery", "amount": claim, "clauses": ["22"]}
            self.out.append({"kind": "deduction.execute", **about, **how})

    # Decisions

    def decide(self) -> None:
        # "It is published when its outcome or amount changes; when nothing can be said of its key any more,
        # `superseded` is."
        standing = self.book.standing
        for place, (outcome, clauses) in self.said.decisions.items():
            if place not in standing or standing[place].outcome != outcome:
                self.publish(place, Standing(outcome, clauses))
        for place, stood in list(standing.items()):
            if place[0] not in SECOND and place not in self.said.decisions and stood.outcome != "superseded":
                # "The others end as `superseded`, which cites what it cited before."
                self.publish(place, Standing("superseded", stood.clauses))
        for kind in SECOND:
            for place in [one for one in {**standing, **self.amounts} if one[0] == kind]:
                if place in self.amounts:
                    self.restate(place, *self.amounts[place])
                elif standing[place].outcome != SECOND[kind]:
                    # "in the second outcome (no amount, citing what the first one cited) at nothing"
                    self.publish(place, Standing(SECOND[kind], standing[place].clauses))

    def restate(self, place: tuple[str, str], amount: int, clauses: Clauses) -> None:
        first = {"retained_goods": "authorised", "refund_withheld": "withheld", "buyer_owes": "noted"}
        first |= {"payment_demand": "demanded", "repayment_demand": "demanded", "refund_undeliverable": "noted"}
        stood = self.book.standing.get(place)
        new = Standing(first[place[0]], clauses, amount)
        if place[0] == "payment_demand":
            # "a claim that was nothing and rises again is a new demand with new days"; "late news raises the claim,
            # with its own days"
            new.due_at = self.now + self.terms["payment_demand_days"] * DAY
            if stood is not None and stood.outcome == "demanded" and amount <= (stood.amount or 0):
                new.due_at = stood.due_at
        if stood is None or (stood.outcome, stood.amount) != (new.outcome, amount):
            self.publish(place, new)

    def publish(self, place: tuple[str, str], new: Standing) -> None:
        self.book.standing[place] = new
        decision: Published = {"kind": "decision", "what": place[0], "ref": place[1], "outcome": new.outcome}
        if new.amount is not None:
            decision["amount"] = new.amount
        if new.due_at is not None:
            decision["due_at"] = new.due_at
        self.out.append({**decision, "clauses": sorted(new.clauses)})


class Oracle:
    """An order as the oracle sees it: hear an event, let the clock go on."""

    def __init__(self, order_id: str, terms: dict[str, Any] | None = None) -> None:
        self.order_id, self.terms = order_id, {**TERMS, **(terms or {})}
        self.events: dict[tuple[str, str], Event] = {}
        self.book, self.clock, self.deadlines, self.barred = Book(), 0, list[int](), False

    def hear(self, *events: Event) -> list[Published]:
        """What is published for a batch of events; deadlines strictly before its latest instant fire before it."""
        out = self.until(max([self.clock, *map(at, events)]))
        for event in events:
            # "The same `source` and `id` again is the same message …; with other content it is a violation, and the
            # first heard stands"; "while a record of the order lies in quarantine, no deposit is taken for that
            # order"
            known = self.events.setdefault((event["source"], event["id"]), event)
            self.barred = self.barred or known != event
        return out + self.look(self.clock, self.clock)

    def until(self, instant: int) -> list[Published]:
        out: list[Published] = []
        while self.deadlines and min(self.deadlines) < instant:
            due = min(self.deadlines)
            # "A deadline that has passed is decided as of its due instant in `simulate`"
            out += self.look(due, due + 1)
        self.clock = max(self.clock, instant)
        return out

    def look(self, now: int, horizon: int) -> list[Published]:
        said = assess(self.order_id, list(self.events.values()), horizon, self.terms)
        if said is None:
            return []
        one = Pass(self, said, now, horizon)
        out = one.run()
        self.deadlines = one.deadlines
        return out
