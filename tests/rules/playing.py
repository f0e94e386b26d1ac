"""Plays a history of plain CloudEvents to the rules, with the virtual clock of `simulate`."""

import json
from fractions import Fraction
from typing import Any

from purchasing_contracts.base import instant_of
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.money import currency_of
from purchasing_contracts.privacy import masked
from purchasing_contracts.topics import class_of, topic_of

from service.rules.bookmark import Bookmark
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import decide
from service.rules.facts import Fact, micros
from service.rules.ledger import Ledger, Output
from service.rules.terms import PLATFORM, TermsBook, TermsSet

Event = dict[str, Any]
Plain = dict[str, Any]


def fact(event: Event) -> Fact[Any]:
    """The fact that a CloudEvent adds to its order."""
    cls = class_of(event["type"])
    assert cls is not None
    data = masked(cls.model_validate_json(json.dumps(event["data"])))
    return Fact(micros(instant_of(event["time"])), event["source"], event["id"], data, currency_of(data))


def book(terms: dict[str, Any]) -> TermsBook:
    """A terms book in which the platform declared these terms long ago."""
    rates = {name: Fraction(value) for name, value in terms.items() if name == "service_fee_rate"}
    values = tuple({**terms, **rates}.items())
    return TermsBook.of(TermsSet("declared", PLATFORM, 0, values)) if terms else TermsBook()


class Played:
    """One order, as the rules see it."""

    def __init__(self, order_id: str, terms: dict[str, Any] | None = None) -> None:
        self.order_id, self.terms = order_id, book(terms or {})
        self.facts: dict[tuple[str, str], Fact[Any]] = {}
        self.ledger, self.outputs = Ledger.EMPTY, list[Output]()
        self.clock = 0
        self.due_at: int | None = None
        self.records: list[QuarantinedRecord] = []
        self.bookmark = Bookmark()
        self.again: list[Output] = []
        """Outputs that a second look at the same facts would have published: none, ever."""

    def receive(self, *events: Event) -> list[Output]:
        """Publish what follows from a batch of events; deadlines strictly before its latest instant fire before it."""
        new = [fact(event) for event in events]
        published = self.until(max([self.clock, *(one.at for one in new)]))
        for one in new:
            known = self.facts.setdefault((one.source, one.id), one)
            if known != one:
                self.records.append(QuarantinedRecord(topic_of(type(one.data)).name, self.clock))
        return published + self.look(self.clock, self.clock)

    def until(self, instant: int) -> list[Output]:
        """Publish what follows from deadlines strictly before an instant."""
        published: list[Output] = []
        while self.due_at is not None and self.due_at < instant:
            published += self.look(self.due_at, self.due_at + 1)
        self.clock = max(self.clock, instant)
        return published

    def look(self, now: int, watermark: int) -> list[Output]:
        facts = sorted(self.facts.values(), key=lambda one: one.key)
        clock = Clock(now, watermark, tuple(self.records))
        anew = decide(self.order_id, facts, self.ledger, self.terms, clock)
        ruling = decide(self.order_id, facts, self.ledger, self.terms, clock, self.bookmark)
        assert ruling == anew, "a bookmark changes nothing"
        self.ledger = self.ledger.after(ruling.outputs)
        self.outputs += ruling.outputs
        self.again += decide(self.order_id, facts, self.ledger, self.terms, clock, self.bookmark).outputs
        # As the service has it: what has passed already is no reason to look again.
        passed = ruling.due_at is None or ruling.due_at < watermark
        self.due_at = None if passed else ruling.due_at
        return list(ruling.outputs)


def plain(output: Output) -> Plain:
    """A command or a decision in the form of the oracle."""
    data = output.data
    members = json.loads(data.model_dump_json(exclude_none=True))
    found: Plain = {"clauses": sorted({basis.clause for basis in data.basis})}
    if isinstance(data, DecisionMade):
        found |= {"kind": "decision", "what": data.kind}
    else:
        found["kind"] = type(data).TYPE.removeprefix("purchasing.").removesuffix(".v1")
    names = ("ref", "outcome", "line", "destination", "payment_id", "source", "purpose", "deduction_id", "hold_id")
    found |= {name: members[name] for name in (*names, "scope", "promoter_id") if name in members}
    if "amount" in members:
        found["amount"] = members["amount"]["value"]
    if "due_at" in members:
        found["due_at"] = micros(instant_of(members["due_at"]))
    return found
