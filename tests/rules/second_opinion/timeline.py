"""One walk through an order's facts in order of time: units, agreement, requests, endings (F2, F3, R1 to R12, R20)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.rules.second_opinion.chargebacks import shares_on_purchase, unread_captures
from tests.rules.second_opinion.schedule import TEST_AFTER, Step, schedule
from tests.rules.second_opinion.settlement import Quote, settle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.rules.second_opinion.facts import Fact, Facts, Message
    from tests.rules.second_opinion.terms import Terms

ALIVE = ("open", "bought")
CANCELLED = ("cancelled_before", "cancelled_after")
TERMINAL = ("refused", "invalid", "withdrawn", "lapsed")
LOGISTICS = "logistics"
REQUESTED = "request"
"""Matters that are decided on request; others are decided when the clock is beyond their last instant."""


@dataclass(eq=False)
class Ending:
    """The cause by which units ended: its closing outcome, its clauses, and its request, if there is one."""

    outcome: str
    clauses: tuple[str, ...]
    at: int
    request: Request | None = None


@dataclass(eq=False)
class Unit:
    item: str
    number: int
    price: int
    state: str = "open"
    before: str = "open"
    ending: Ending | None = None
    bought_at: int | None = None
    purchase: str | None = None
    received: bool = False
    delivered: bool = False
    cleared: bool = False
    confirmed: bool = False
    was_unavailable: bool = False

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def barred(self) -> bool:
        return self.cleared or self.confirmed


@dataclass(eq=False)
class Purchase:
    fact: Fact
    units: list[Unit]


@dataclass(eq=False)
class Request:
    """A cancellation or dissolution, and what became of each unit that it asked for."""

    kind: str
    id: str
    channel: str
    fact: Fact | None
    at: int
    row: int = 0
    clauses: tuple[str, ...] = ()
    outcome: str = ""
    part: list[Unit] = field(default_factory=list)
    asked: list[Unit] = field(default_factory=list)
    fate: dict[int, str] = field(default_factory=dict)
    cited: set[str] = field(default_factory=set)
    final: bool = False
    answered: bool = False
    agreed: bool = False
    withdrawal: bool = False
    cancelled_at_once: bool = False
    effect_at: int | None = None
    penalty: int = 0
    amount: int | None = None
    damaged: bool = False
    took_last_bought: bool = False
    names_items: bool = False
    barred_by: tuple[str, ...] = ()
    taken_by: tuple[str, ...] = ()

    @property
    def pending(self) -> bool:
        return not self.final and not self.answered and bool(self.waiting)

    @property
    def waiting(self) -> list[Unit]:
        return [u for u in self.part if u.alive]


class Timeline:
    """The state of an order after all facts that are known; `at` names the instant while it is walked through."""

    def __init__(
        self, facts: Facts, terms: Terms, watermark: int, records: dict[str, int], cleared: dict[tuple[str, ...], int]
    ) -> None:
        self.facts, self.terms, self.watermark, self.records = facts, terms, watermark, records
        self.cleared_before, self.cleared = cleared, set[tuple[str, ...]]()
        assert facts.placed is not None
        self.placed = facts.placed
        self.start = facts.start
        self.units = self._make_units()
        self.unpriced = not self._priced()
        first = Quote.of(self.placed, self.start)
        first.covered = list(self.units)
        self.quotes: list[Quote] = [first]
        self.plan = self.placed.data.get("payment_plan")
        self.accepted: Fact | None = None
        self.effective_at: int | None = None
        self.ended: Ending | None = None
        self.last_ending: Ending | None = None
        self.agreement_end: tuple[str, str] | None = None
        self.purchases: dict[str, Purchase] = {}
        self.refused_purchases: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.requests: dict[tuple[str, str, str], Request] = {}
        self.objections: dict[str, dict[str, Any]] = {}
        self.verdicts: dict[str, str] = {}
        self.receipts: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.any_receipt = False
        self.customs = False
        self.disclosed: list[tuple[int, list[str]]] = []
        self.unavailability: dict[str, str] = {}
        self.ignored: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.obligation_at: int | None = None
        self.at_obligation: dict[str, Any] = {}
        self.complete_at: int | None = None
        self.confirmed_at: int | None = None
        self.deemed_at: int | None = None
        self.period_start: int | None = None
        self.took_back: set[str] = set()
        self.deadlines: set[int] = set()
        self._walk()

    # units

    def _make_units(self) -> list[Unit]:
        items = self.placed.data.get("items") or [{}]
        units = []
        for place, item in enumerate(items, 1):
            name = item.get("item_id", str(place))
            price = (item.get("unit_price") or {}).get("value", 0)
            units += [Unit(name, n, price) for n in range(1, item.get("quantity", 1) + 1)]
        return units

    def _priced(self) -> bool:
        items = self.placed.data.get("items") or []
        return bool(items) and all(i.get("unit_price") for i in items) and sum(u.price for u in self.units) > 0

    def weight(self, units: Iterable[Unit]) -> int:
        return sum(1 if self.unpriced else u.price for u in units)

    def share_of(self, part: Iterable[Unit], whole: Iterable[Unit]) -> tuple[int, int]:
        """The weights of both; where the whole would weigh nothing every unit weighs 1."""
        part, whole = list(part), list(whole)
        if self.weight(whole) == 0:
            return len(part), len(whole)
        return self.weight(part), self.weight(whole)

    @property
    def quote(self) -> Quote:
        return self.quotes[-1]

    def alive(self) -> list[Unit]:
        return [u for u in self.units if u.alive]

    def bought(self) -> list[Unit]:
        return [u for u in self.units if u.state == "bought"]

    def named(self, refs: list[dict[str, Any]] | None) -> list[Unit]:
        """All units of the items that a list names, whatever the quantity."""
        if refs is None:
            return list(self.units)
        ids = {r["item_id"] for r in refs}
        return [u for u in self.units if u.item in ids]

    def pick(self, refs: list[dict[str, Any]], key: Any, fits: Any) -> list[Unit]:
        """Of each item that is named as many as its quantity says of those that fit, in the order of the key."""
        found: list[Unit] = []
        for ref in refs:
            candidates = sorted((u for u in self.units if u.item == ref["item_id"] and fits(u)), key=key)
            found += candidates[: ref.get("quantity", len(candidates))]
        return found

    # the walk

    def _walk(self) -> None:
        steps = schedule(self.facts)
        days = self.terms.acceptance_days
        self.acceptance = None if days is None else self.terms.last_instant(self.start, days)
        revised = [q.data.get("payment_plan") for q in self.facts.of("quote_revised") if q.readable]
        self.balances = {
            part["due_at"]
            for plan in [self.plan, *revised]
            for part in plan or []
            if part["part"] == "balance" and part.get("due_at") is not None
        }
        instants = {s.at for s in steps} | {d for d in self.balances if d >= self.start}
        if self.acceptance is not None:
            instants.add(self.acceptance)
        while instants:
            self.now = min(instants)
            instants.discard(self.now)
            self._apply([s for s in steps if s.at == self.now])
            self._cover()
            self._deadlines()
            self._after_instant()
            due = self._receipt_due()
            if due == self.now:
                self._deem()
            elif due is not None and due > self.now:
                instants.add(due)

    def _apply(self, steps: list[Step]) -> None:
        """Apply the facts of an instant; the agreement is tested where there are any."""
        tested = not steps
        for step in steps:
            if step.rank > TEST_AFTER and not tested:
                self._test()
                tested = True
            getattr(self, f"_on_{step.name}")(step.what)
            self._after_step()
        if not tested:
            self._test()
            self._after_step()

    # rank 1 to 3

    def _on_placed(self, placed: Fact) -> None:
        if not placed.data.get("mandate") and not placed.data["determinable"]:
            self._end_order(Ending("invalid", ("1(2)",), self.now))
        elif self.terms.refuse_prohibited and {"prohibited", "infringing"} & set(placed.data["categories"]):
            self._end_order(Ending("refused", ("14",), self.now))

    def _on_quote(self, fact: Fact) -> None:
        if self.ended:
            self._ignore(fact.message, "order_ended")
            return
        quote = Quote.of(fact, self.now)
        quote.items = fact.data.get("items")
        quote.provisional = True
        self.quotes.append(quote)
        if fact.data.get("payment_plan"):
            self.plan = fact.data["payment_plan"]
        self._cover()

    def _cover(self) -> None:
        """Set what the quotes of this instant cover: the units that have not ended once its facts are applied (R4)."""
        for quote in self.quotes:
            if not quote.provisional or quote.instant != self.now:
                continue
            if quote.items is None:
                quote.covered = self.alive()
            else:
                quote.covered = self.pick(
                    quote.items, key=lambda u: (u.state != "bought", u.number), fits=lambda u: u.alive
                )

    def _on_issue(self, fact: Fact) -> None:
        self.disclosed.append((self.now, fact.data["grounds"]))

    def _on_purchase(self, fact: Fact) -> None:
        refs = fact.data.get("items")
        if self.ended:
            self._ignore_all(fact, "order_ended", self.closing_clauses())
        elif refs is not None and not any(u.alive for u in self.named(refs)):
            self._ignore_all(fact, "no_units", ())
        else:
            if refs is None:
                units = [u for u in self.units if u.state == "open"]
            else:
                units = self.pick(refs, key=lambda u: u.number, fits=lambda u: u.state == "open")
            for u in units:
                self._buy(u, fact.data["purchase_id"])
            self.purchases[fact.data["purchase_id"]] = Purchase(fact, units)

    def _buy(self, u: Unit, purchase: str | None) -> None:
        u.state = "bought"
        u.purchase = purchase
        if u.bought_at is None:
            u.bought_at = self.now

    def _ignore_all(self, fact: Fact, ground: str, clauses: tuple[str, ...]) -> None:
        self.refused_purchases[fact.data["purchase_id"]] = (ground, clauses)
        for m in fact.messages:
            self.ignored[m.id] = (ground, clauses)

    def _on_purchase_again(self, what: tuple[Fact, Message]) -> None:
        fact, m = what
        purchase = self.purchases.get(fact.data["purchase_id"])
        if purchase is None:
            return
        ids = None if m.data.get("items") is None else m.data["items"]
        rescinded = [u for u in purchase.units if u.state == "rescinded"]
        if ids is not None:
            rescinded = self.pick(ids, key=lambda u: u.number, fits=lambda u: u in rescinded)
        for u in rescinded:
            self._revive(u)

    def _revive(self, u: Unit, state: str = "bought") -> None:
        """Make a unit again what it was. An order that ended by R3, withdrawal or lapse stays ended, and so does it."""
        u.state, u.ending = ("void", self.ended) if self._terminal() else (state, None)

    def _terminal(self) -> bool:
        return self.ended is not None and self.ended.outcome in TERMINAL

    # rank 4

    def _parts(self, store: dict[str, dict[str, Any]], name: str, id_: str, fact: Fact) -> None:
        """Receive or deliver what a message names; `name` is the mark that the units get."""
        entry = store.setdefault(id_, {"final": False, "named": {}, "objections": 0})
        refs, final = fact.data.get("items"), fact.data.get("final")
        for ref in refs or ():
            self._mark(self._part(entry["named"], name, ref), name)
        if final is None:
            final = refs is None or all(getattr(u, name) for u in self.bought())
        if final:
            rest = self.bought()
            if not rest and refs is None:
                rest = [u for u in self.units if u.state == "rescinded"]
                rest = rest or [u for u in self.units if u.state == "open"]
            self._mark(rest, name)
        entry["final"] |= final
        entry["objections"] = len(fact.data.get("objections") or [])

    def _part(self, named: dict[str, int], name: str, ref: dict[str, Any]) -> list[Unit]:
        """The units of one item that a part gets, beyond what earlier messages of its id named."""
        item, quantity = ref["item_id"], ref.get("quantity")
        earlier = named.get(item, 0)
        states = ("bought", "rescinded", "open")
        todo = [u for u in self.units if u.item == item and u.state in states and not getattr(u, name)]
        todo.sort(key=lambda u: (states.index(u.state), u.number))
        if quantity is None:
            # Named again, an item adds what was bought since.
            again = item in named
            got = [u for u in todo if u.state == ("bought" if again else todo[0].state)]
            named[item] = earlier + len(got)
        else:
            got = todo[: max(0, quantity - earlier)]
            named[item] = max(earlier, quantity)
        return got

    def _mark(self, units: list[Unit], name: str) -> None:
        for u in units:
            if u.state == "rescinded":
                self._revive(u)
            setattr(u, name, True)

    def _on_goods_received(self, fact: Fact) -> None:
        self.any_receipt = True
        self._parts(self.receipts, "received", fact.data["receipt_id"], fact)

    def _on_package_delivered(self, fact: Fact) -> None:
        self._parts(self.packages, "delivered", fact.data["package_id"], fact)

    def _barrable(self) -> list[Unit]:
        return self.bought() if self.purchases else list(self.units)

    def _on_customs_cleared(self, _: Fact) -> None:
        self.customs = True
        for u in self._barrable():
            u.cleared = True

    def _on_receipt_confirmed(self, _: Fact) -> None:
        if self.deemed_at is None:
            self.confirmed_at = self.now
        for u in self._barrable():
            u.confirmed = True

    def _on_objection_raised(self, fact: Fact) -> None:
        self.objections[fact.data["objection_id"]] = {"scope": fact.data["scope"], "withdrawn": False}

    def _on_objection_verified(self, fact: Fact) -> None:
        id_ = fact.data["objection_id"]
        self.verdicts[id_] = fact.data["attributable_to"]
        if self._is_package_by_logistics(id_):
            for r in self.requests.values():
                if r.pending:
                    r.final = True
                    r.cited.add("17")
                    for u in r.waiting:
                        r.fate[id(u)] = "not"

    def _on_objection_withdrawn(self, fact: Fact) -> None:
        self.objections[fact.data["objection_id"]]["withdrawn"] = True

    def _is_package_by_logistics(self, id_: str) -> bool:
        o = self.objections.get(id_)
        return o is not None and o["scope"] == "package" and not o["withdrawn"] and self.verdicts.get(id_) == LOGISTICS

    def _package_by_logistics(self) -> bool:
        return any(self._is_package_by_logistics(id_) for id_ in self.objections)

    def objection_stands(self) -> bool:
        return any(
            not o["withdrawn"] and self.verdicts.get(i) not in ("none", LOGISTICS) for i, o in self.objections.items()
        )

    # rank 5 to 7

    def _on_unavailable(self, fact: Fact) -> None:
        if self.ended:
            self._ignore(fact.message, "order_ended")
            return
        refs = fact.data.get("items")

        def fits(u: Unit) -> bool:
            return u.state == "open" or (u.state == "bought" and not u.received and not u.cleared)

        if refs is not None:
            units = self.pick(refs, key=lambda u: (u.state != "open", -u.number), fits=fits)
        else:
            units = [u for u in self.units if u.state == "open"]
            if not units and not any(u.was_unavailable for u in self.units):
                units = [u for u in self.units if fits(u)]
        if not units:
            out = any(u.state == "bought" and (u.received or u.cleared) for u in self.named(refs))
            self._ignore(fact.message, "received" if out else "no_units")
            return
        self.unavailability[fact.message.id] = "rescinded" if any(u.state == "bought" for u in units) else "ended"
        ending = Ending("unavailable", ("9", "10"), self.now)
        for u in units:
            self._end(u, "unavailable" if u.state == "open" else "rescinded", ending)

    def _end(self, u: Unit, state: str, ending: Ending) -> None:
        u.before, u.state, u.ending = u.state, state, ending
        u.was_unavailable |= state == "unavailable"
        if u.before == "bought" and state != "cancelled_after" and not self.bought():
            for r in self.requests.values():
                r.took_last_bought = False
        self.last_ending = ending

    def _on_refused(self, fact: Fact) -> None:
        if self.ended:
            self._ignore(fact.message, "order_ended")
        elif self.purchases:
            self._ignore(fact.message, "purchased")
        else:
            clause = {"special_request": "3", "prohibited": "14", "restricted": "15(5)"}.get(fact.data["ground"], "2")
            if clause == "2" and self.effective_at is not None:
                charged = shares_on_purchase(self.facts, self.now, not_attributable=True)
                clause = "22" if charged else "24"
            self._end_order(Ending("refused", (clause,), self.now))

    def _on_accepted(self, fact: Fact) -> None:
        if self.ended:
            self._ignore(fact.message, "order_ended")
        else:
            self.accepted = fact

    def _on_money(self, _: Fact) -> None:
        pass

    def money_there(self, at: int) -> int:
        captured = sum(total(f) for f in self.facts.of("captured", by=at))
        back = shares_on_purchase(self.facts, at)
        elsewhere = sum(
            f.values["amount"] for f in self.facts.of("refunded_elsewhere", by=at) if f.data["line"] == "purchase"
        )
        return captured - back - elsewhere

    def _test(self) -> None:
        """Test whether the agreement becomes effective at this instant (R1)."""
        if self.effective_at is not None or self.ended:
            return
        self._cover()
        there = self.money_there(self.now)
        if self.purchases and there > 0:
            self.effective_at = self.now
            return
        if not self.accepted or there < self.needed():
            return
        obstacle = None if self.purchases else self._obstacle()
        if obstacle:
            self._end_order(Ending("invalid", (obstacle,), self.now))
        else:
            self.effective_at = self.now

    def needed(self) -> int:
        money = settle(self, self.now)
        needed = money.keep + money.quote_third
        if self.plan:
            needed = min(needed, sum(p["amount"]["value"] for p in self.plan if p["part"] == "deposit"))
        return needed

    def _obstacle(self) -> str | None:
        d = self.placed.data

        def blank(text: Any) -> bool:
            return text is None or not str(text).strip()

        if not d["determinable"]:
            items = d.get("items") or []
            if not items or blank(d.get("domestic_address")):
                return "1(1)"
            for i in items:
                if i.get("quantity") is None or any(blank(i.get(n)) for n in ("link", "seller_name", "specification")):
                    return "1(1)"
        assert self.accepted is not None
        named = (d.get("logistics_provider_id"), self.accepted.data.get("logistics_provider_id"))
        return "5" if all(blank(n) for n in named) else None

    # rank 8

    def barred_by_record(self, matter: tuple[str, ...], *topics: str) -> bool:
        """Whether a record in quarantine bars it: one that arrived after it was decided does not undo it (F5).

        A record counts from its arrival, and so for what is decided at that instant.
        """
        barring = [since for topic, since in self.records.items() if topic in topics]
        decided_at = self.cleared_before.get(matter)
        if decided_at is not None and (matter[0] != REQUESTED or not barring or decided_at < min(barring)):
            self.cleared.add(matter)
            return False
        if barring:
            return True
        if matter[0] == REQUESTED or self.now < self.watermark:
            self.cleared.add(matter)
        return False

    def unclear(self, what: str, *request: str) -> bool:
        """F5, first row and the one of captured payments: `cancellation`, `withdrawal` or `lapse`, as of now."""
        if self.any_receipt and not self.purchases:
            return True
        named: dict[str, int] = {}
        for entry in self.receipts.values():
            for item, n in entry["named"].items():
                named[item] = named.get(item, 0) + n
        for item, n in named.items():
            units = [u for u in self.units if u.item == item]
            if units and n > sum(u.bought_at is not None for u in units):
                return True
        if what != "cancellation" and unread_captures(self.facts, self.now):
            return True
        topics = ["seller-response", "warehouse-receipt"] + (["order"] if what == "lapse" else [])
        return self.barred_by_record(("lapse",) if what == "lapse" else (REQUESTED, *request), *topics)

    def _on_cancellation(self, fact: Fact) -> None:
        d = fact.data
        refs = d.get("items")
        r = Request("cancellation", d["request_id"], d["channel"], fact, self.now, names_items=refs is not None)
        self.requests[("cancellation", r.id, r.channel)] = r
        named = [u for u in self.named(refs) if u.alive]
        deadline = self.placed.data.get("cancellation_deadline")
        if d["channel"] != "platform":
            r.row, r.outcome, r.clauses = 1, "refused", ("12(2)",)
        elif named and all(u.barred for u in named):
            r.row, r.outcome, r.clauses = 2, "refused", self._bars(named)
        elif self.effective_at is not None and deadline is not None and self.now > deadline:
            r.row, r.outcome, r.clauses = 3, "refused", ("12(2)",)
        elif self.effective_at is not None and self._package_by_logistics():
            r.row, r.outcome, r.clauses = 4, "refused", ("17",)
        elif not named:
            r.row, r.outcome, r.clauses = 5, "moot", self._endings_of(refs, "12")
        else:
            self._concern(r, refs, named)
            if self.effective_at is None:
                r.row = 6
                if self.unclear("withdrawal", r.id):
                    r.part = [u for u in r.asked if not u.barred]
                else:
                    r.part = [u for u in r.asked if not u.barred]
                    self._withdraw(r)
            else:
                r.row = 7
                self._cancel_open(r)

    def _bars(self, units: list[Unit]) -> tuple[str, ...]:
        found = []
        if any(u.cleared for u in units):
            found.append("12(7)")
        if any(u.confirmed for u in units):
            found.append("18")
        return tuple(found)

    def _endings_of(self, refs: list[dict[str, Any]] | None, otherwise: str) -> tuple[str, ...]:
        if refs is None and self.ended:
            return self.closing_clauses()
        clauses: list[str] = []
        for u in self.named(refs):
            if u.ending:
                clauses += [c for c in unit_clauses(u) if c not in clauses]
        return tuple(clauses) or (otherwise,)

    def _concern(self, r: Request, refs: list[dict[str, Any]] | None, named: list[Unit]) -> None:
        """The units that a cancellation asks for: those that it gets first, and barred ones beyond them."""
        if refs is None:
            r.asked = named
        else:
            others = [o for o in self.requests.values() if o is not r and o.kind == "cancellation" and o.pending]
            theirs = {id(u) for o in others for u in o.waiting}

            def key(u: Unit) -> tuple[Any, ...]:
                return (
                    u.barred,
                    id(u) in theirs,
                    u.state != "open",
                    u.received if u.state == "bought" else False,
                    -u.number,
                )

            r.asked = self.pick(refs, key=key, fits=lambda u: u.alive)
        barred = [u for u in r.asked if u.barred]
        r.barred_by = self._bars(barred)
        for u in barred:
            r.fate[id(u)] = "not"

    def _withdraw(self, r: Request) -> None:
        """Row 6: the order, or the units that are named, end before the agreement was effective."""
        r.withdrawal, r.final = True, True
        ending = Ending("withdrawn", ("2",), self.now, r)
        whole = not r.names_items and not any(u.barred for u in self.alive())
        for u in r.waiting:
            r.fate[id(u)] = "withdrawn"
            if not whole:
                self._end(u, "unavailable", ending)
        if whole:
            self._end_order(ending)

    def _cancel_open(self, r: Request) -> None:
        waiting = [u for u in r.asked if not u.barred]
        opened = [u for u in waiting if u.state == "open"]
        if opened and self.unclear("cancellation", r.id):
            opened = []
        if opened:
            ending = Ending("cancelled", (), self.now, r)
            for u in opened:
                self._end(u, "cancelled_before", ending)
                r.fate[id(u)] = "cancelled"
            r.cancelled_at_once = True
            r.effect_at = self.now
        r.part = [u for u in waiting if u not in opened]

    def _on_dissolution(self, fact: Fact) -> None:
        d = fact.data
        refs = d.get("items")
        r = Request("dissolution", d["request_id"], "platform", fact, self.now, names_items=refs is not None)
        self.requests[("dissolution", r.id, "platform")] = r
        named = [u for u in self.named(refs) if u.alive]
        concerned = [u for u in named if u.state == "bought"] or named
        days = self.placed.data.get("dissolution_period_days")
        known = set(self.placed.data["disclosed_issues"])
        for at, grounds in self.disclosed:
            if self.obligation_at is None or at <= self.obligation_at:
                known |= set(grounds)
        late = (
            days is not None
            and self.complete_at is not None
            and self.now > self.terms.last_instant(self.complete_at, days)
        )
        if self.effective_at is None:
            r.row, r.outcome, r.clauses = 1, "refused", ("2",)
        elif not d["inspected"] or not d["evidence"]:
            r.row, r.outcome, r.clauses = 2, "refused", ("13(1)",)
        elif late:
            r.row, r.outcome, r.clauses = 3, "refused", ("13(2)",)
        elif d["ground"] in known:
            r.row, r.outcome, r.clauses = 4, "refused", ("13(3)",)
        elif named and all(u.confirmed for u in concerned):
            r.row, r.outcome, r.clauses = 5, "refused", ("18",)
        elif self._package_by_logistics():
            r.row, r.outcome, r.clauses = 6, "refused", ("17",)
        elif not named:
            r.row, r.outcome, r.clauses = 7, "moot", self._endings_of(refs, "13")
        else:
            r.row = 8
            free = [u for u in concerned if not u.confirmed]
            state = free[0].state
            if refs is None:
                r.asked = free
            else:
                others = [o for o in self.requests.values() if o is not r and o.kind == "dissolution" and o.pending]
                theirs = {id(u) for o in others for u in o.waiting}
                r.asked = self.pick(
                    refs,
                    key=lambda u: (id(u) in theirs, not u.received, -u.number),
                    fits=lambda u: u.state == state and not u.confirmed,
                )
            r.part = list(r.asked)

    # rank 9 and 10

    def _on_answer(self, what: tuple[str, Fact]) -> None:
        kind, fact = what
        id_ = fact.data["request_id"]
        r = self.requests.get((kind, id_, "platform"))
        if r is None:
            other = self.requests.get((kind, id_, "other"))
            self.ignored[fact.message.id] = ("request_ended", ("REQUEST", kind, id_, "other" if other else ""))
            return
        agreed = fact.type.endswith("agreed")
        if r.row < (6 if kind == "cancellation" else 8) or r.final or not (r.pending or r.answered):
            self._ignore_answer(fact, r)
            return
        if kind == "cancellation":
            self._answer_cancellation(r, fact, agreed=agreed)
        else:
            self._answer_dissolution(r, fact, agreed=agreed)

    def _ignore_answer(self, fact: Fact, r: Request) -> None:
        self.ignored[fact.message.id] = ("request_ended", ("REQUEST", r.kind, r.id, r.channel))

    def _answer_cancellation(self, r: Request, fact: Fact, *, agreed: bool) -> None:
        if not agreed:
            if r.agreed:
                self._undo(r)
            r.answered, r.agreed = True, False
            r.penalty, r.amount = 0, None
            r.damaged = fact.data["reason"] == "damaged_in_return"
            for u in r.part:
                if u.alive:
                    r.fate[id(u)] = "not"
            return
        penalty, amount = fact.values.get("penalty", 0), fact.values.get("amount")
        if r.agreed:
            r.penalty, r.amount = penalty, amount
            return
        later = r.answered
        units = [u for u in r.part if u.alive and not u.barred]
        if later and (not units or (self.effective_at is not None and self._package_by_logistics())):
            self._ignore_answer(fact, r)
            return
        if later:
            kept = self._bars([u for u in r.part if u.alive and u.barred])
            r.barred_by = tuple(dict.fromkeys([*r.barred_by, *kept]))
        r.answered, r.damaged = True, False
        if self.effective_at is None:
            r.part = units
            self._withdraw(r)
            return
        r.agreed = True
        r.penalty, r.amount = penalty, amount
        if r.effect_at is None:
            r.effect_at = self.now
        had_bought = any(u.state == "bought" for u in units)
        ending = Ending("cancelled", (), self.now, r)
        for u in units:
            self._end(u, "cancelled_after" if u.state == "bought" else "cancelled_before", ending)
            r.fate[id(u)] = "cancelled"
        if had_bought and not self.bought():
            r.took_last_bought = True

    def _undo(self, r: Request) -> None:
        ending_units = [u for u in r.part if u.ending is not None and u.ending.request is r]
        for u in ending_units:
            self._revive(u, u.before)
            r.fate[id(u)] = "not"
        r.took_last_bought = False
        if not r.cancelled_at_once:
            r.effect_at = None

    def _answer_dissolution(self, r: Request, fact: Fact, *, agreed: bool) -> None:
        if not agreed:
            if r.agreed:
                self._undo(r)
            r.answered, r.agreed = True, False
            return
        if r.agreed:
            return
        units = [u for u in r.part if u.alive]
        if r.answered and (not units or self._package_by_logistics()):
            self._ignore_answer(fact, r)
            return
        r.answered = r.agreed = True
        r.effect_at = self.now
        ending = Ending("dissolved", ("13(5)", "13(7)"), self.now, r)
        for u in units:
            self._end(u, "dissolved", ending)
            r.fate[id(u)] = "dissolved"

    def _on_take_back(self, what: tuple[str, Fact, Fact]) -> None:
        kind, asked, fact = what
        r = self.requests[(kind, asked.data["request_id"], asked.data.get("channel", "platform"))]
        if r.pending:
            r.final = True
            r.cited.add("12" if kind == "cancellation" else "13")
            if not r.cancelled_at_once:
                r.outcome = "withdrawn_by_buyer"
            for u in r.waiting:
                r.fate[id(u)] = "not"
            self.took_back = self.took_back | {fact.message.id}
            self.ignored.pop(fact.message.id, None)
        elif fact.message.id not in self.took_back and (kind == "cancellation" or fact.message.id not in self.ignored):
            # Of a cancellation and a dissolution with one id, the cancellation's decision is cited.
            self.ignored[fact.message.id] = ("request_ended", ("REQUEST", r.kind, r.id, r.channel))

    # what follows from any step

    def _after_step(self) -> None:
        """Reopen or end the order (R20), and end what is pending without an answer (R8, R9)."""
        if self.ended and not self._terminal() and self.alive():
            self.ended = None
        if self.ended is None and not self.alive():
            assert self.last_ending is not None
            self.ended = self.last_ending
        for r in self.requests.values():
            if r.part and not r.final and not r.answered:
                self._close_request(r)

    def _close_request(self, r: Request) -> None:
        if not r.waiting:
            r.final = True
            ended = [u for u in r.asked if u.ending and u.ending.request is not r]
            r.taken_by = tuple(dict.fromkeys(clause for u in ended for clause in unit_clauses(u)))
        elif r.kind == "cancellation":
            barred = [u for u in r.waiting if u.barred]
            r.barred_by = tuple(dict.fromkeys(r.barred_by + self._bars(barred)))
            for u in barred:
                r.fate[id(u)] = "not"
            r.part = [u for u in r.part if u not in barred]
            r.final = not r.waiting

    def _end_order(self, ending: Ending) -> None:
        self.ended = ending
        for u in self.units:
            if u.alive:
                self._end(u, "void", ending)
        self.last_ending = ending
        if ending.outcome in ("refused", "invalid"):
            self.agreement_end = (ending.outcome, ending.clauses[0])

    # deadlines and what is judged after an instant

    def _passed(self) -> bool:
        """Whether the service's clock is beyond this instant; if not, the instant is a deadline to come back for."""
        if self.now < self.watermark:
            return True
        self.deadlines.add(self.now)
        return False

    def _deadlines(self) -> None:
        if self.acceptance == self.now and self._may_lapse() and self._passed() and not self.unclear("lapse"):
            self._end_order(Ending("lapsed", ("2",), self.now))
            self._after_step()
        if self._balance_is_due() and self._passed() and self._balance_fails():
            self._end_for_balance()
            self._after_step()
        if self._receipt_due() == self.now:
            self._judge_standing()
            self._deem()

    def _may_lapse(self) -> bool:
        return not (self.accepted or self.effective_at is not None or self.ended or self.purchases)

    def money_unread(self) -> bool:
        """F5: a captured or an outstanding payment, or a chargeback, cannot be read."""
        return any(not f.readable for f in self.facts.of("captured", "outstanding_paid", "opened", "closed"))

    def _balance_is_due(self) -> bool:
        """Whether this is the last instant of a balance of the plan in force, of an order that is carried out."""
        due = any(p["part"] == "balance" and p.get("due_at") == self.now for p in self.plan or [])
        return due and self.effective_at is not None and not self.ended

    def _balance_fails(self) -> bool:
        plan = self.plan or []
        d = self.now
        if self.any_receipt or self.customs:
            return False
        if any(p.fact.values.get("deposit", 0) <= 0 for p in self.purchases.values()):
            return False
        due = sum(
            p["amount"]["value"]
            for p in plan
            if p["part"] == "deposit" or (p.get("due_at") is not None and p["due_at"] <= d)
        )
        captured = sum(total(f) for f in self.facts.of("captured", by=d))
        if captured >= due or settle(self, d).outstanding <= 0:
            return False
        return not (self.money_unread() or self.barred_by_record(("balance", str(d)), "payment", "chargeback"))

    def _end_for_balance(self) -> None:
        r = Request("balance", "", "", None, self.now, row=7, answered=True, agreed=True, effect_at=self.now)
        self.requests[("balance", "", "")] = r
        ending = Ending("balance_unpaid", ("15(2)",), self.now, r)
        had_bought = bool(self.bought())
        r.part = r.asked = self.alive()
        for u in r.part:
            self._end(u, "cancelled_after" if u.state == "bought" else "cancelled_before", ending)
            r.fate[id(u)] = "cancelled"
        r.took_last_bought = had_bought
        self.ended = ending

    def _after_instant(self) -> None:
        no_open = not (self.purchases and any(u.state == "open" for u in self.units))
        bought = self.bought()
        if (
            self.obligation_at is None
            and any(e["final"] for e in self.receipts.values())
            and all(u.received for u in bought)
            and no_open
            and not any(
                e["objections"] and self.verdicts.get(i) not in ("none", LOGISTICS) for i, e in self.receipts.items()
            )
        ):
            self.obligation_at = self.now
            self.at_obligation = {
                "effective": self.effective_at is not None,
                "bought": list(bought),
                "purchases": list(self.purchases),
            }
        if (
            self.complete_at is None
            and any(e["final"] for e in self.packages.values())
            and all(u.delivered for u in bought)
            and no_open
        ):
            self.complete_at = self.now
        self._judge_standing()

    def _judge_standing(self) -> None:
        if self.complete_at is None:
            return
        stands = self.objection_stands() or any(r.kind == "dissolution" and r.pending for r in self.requests.values())
        if stands:
            self.period_start = None
        elif self.period_start is None:
            self.period_start = self.now

    def _receipt_due(self) -> int | None:
        if self.period_start is None or self.confirmed_at is not None or self.deemed_at is not None:
            return None
        days = max(self.terms.deemed_confirmation_days, self.placed.data.get("dissolution_period_days") or 0)
        return self.terms.last_instant(self.period_start, days)

    def _deem(self) -> None:
        if self._receipt_due() != self.now or self.ended or not self._passed():
            return
        if self.barred_by_record(("receipt", str(self.now)), "order"):
            return
        self.deemed_at = self.now
        for u in self._barrable():
            u.confirmed = True
        self._after_step()

    # telling

    def _ignore(self, m: Message, ground: str) -> None:
        clauses = self.closing_clauses() if ground == "order_ended" else ("16",) if ground == "received" else ()
        self.ignored[m.id] = (ground, clauses)

    def closing_clauses(self) -> tuple[str, ...]:
        if self.ended is None:
            return ()
        if self.ended.request is not None and self.ended.outcome in ("cancelled", "balance_unpaid", "dissolved"):
            return ("ENDING", self.ended.request.kind, self.ended.request.id, self.ended.request.channel)
        return self.ended.clauses


def total(f: Fact) -> int:
    return sum(f.values.values())


def unit_clauses(u: Unit) -> tuple[str, ...]:
    assert u.ending is not None
    if u.state == "cancelled_before":
        return ("15(2)",) if u.ending.outcome == "balance_unpaid" else ("12(1)A",)
    if u.state == "cancelled_after":
        return ("15(2)",) if u.ending.outcome == "balance_unpaid" else ("12(1)B",)
    if u.state == "dissolved":
        return ("13(5)", "13(6)")
    return u.ending.clauses
