"""An explanation as the pages and the API show it. Nothing is computed here that `explain` computes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from service.console.models import BasisModel, FactModel, OrderModel, OutputModel, WaitModel
from service.operations.sentence import Sentence, listed, sentence, word
from service.rules.decisions import SUPERSEDED

if TYPE_CHECKING:
    from datetime import datetime

    from service.console.language import PlainLanguage
    from service.console.stories import Story
    from service.operations.explain.explanation import Decided, Explanation, Happened, Line, SettlementTerms


class Entry(NamedTuple):
    """One instant of a story: the facts received, and the outputs that followed from them or from time passing."""

    at: datetime
    happened: list[Happened]
    decided: list[Decided]


def entries_of(explanation: Explanation) -> list[Entry]:
    """Return the story in the order in which facts were received and outputs decided."""
    entries: dict[datetime, Entry] = {}
    for fact in sorted(explanation.happened, key=lambda one: one.nth):
        entries.setdefault(fact.received_at, Entry(fact.received_at, [], [])).happened.append(fact)
    for made in explanation.decided:
        entries.setdefault(made.at, Entry(made.at, [], [])).decided.append(made)
    return [entries[at] for at in sorted(entries)]


def awaited_from(of: str | None) -> Sentence | None:
    """Return whom something is awaited from; the rules separate several by commas."""
    return None if of is None else listed(word(one.strip()) for one in of.split(","))


def outcome_of(explanation: Explanation) -> str | None:
    """Return what stands of the order as a whole: how it ended, else how it was concluded; None: nothing is decided."""
    latest = {one.kind: one for one in explanation.decided}
    standing = [latest[kind] for kind in ("closing", "agreement") if kind in latest]
    return next((one.words for one in standing if one.outcome != SUPERSEDED), None)


class Term(NamedTuple):
    """One term of a sum, in minor units."""

    sign: str
    """`+`, `−`, `=`; empty for the first."""
    name: Sentence
    amount: int


def terms_of(purchase: SettlementTerms) -> list[Term]:
    """Return how what is due on the line `purchase` comes about (R6), without the terms that are nothing."""
    terms = [
        Term("", sentence("paid"), purchase.paid),
        Term("−", sentence("price"), purchase.price),
        Term("−", sentence("reserved for what is still to be bought"), purchase.reserved),
        Term("−", sentence("service fee"), purchase.fee),
        Term("−", sentence("other fees of the provider"), purchase.own_fees),
        Term("+", sentence("of these beyond the order amount, not kept"), purchase.not_kept),
        Term("+", sentence("of these not paid in yet"), purchase.not_paid),
        Term("+", sentence("given back by the seller"), purchase.from_seller),
        Term("−", sentence("waits for confirmation"), purchase.unconfirmed),
        Term("−", sentence("charged back"), purchase.charged_back),
        Term("+", sentence("of this beyond what was the buyer's"), purchase.charged_beyond),
        Term("−", sentence("costs"), purchase.costs),
        Term("−", sentence("penalties"), purchase.penalties),
        Term("+", sentence("of these beyond what there was"), purchase.beyond_money),
        Term("−", sentence("the seller's deposit"), purchase.deposit),
    ]
    shown = [one for one in terms if one.amount or not one.sign]
    if purchase.third_party_fees:
        captured = Term("", sentence("captured"), purchase.captured)
        fees = Term("−", sentence("fees of third parties"), purchase.third_party_fees)
        shown = [captured, fees, shown[0]._replace(sign="="), *shown[1:]]
    return [*shown, Term("=", sentence("due"), purchase.due)]


def terms_of_line(line: Line) -> list[Term]:
    """Return how what is due on another line comes about."""
    if not line.terms:
        return []
    signed = [Term("−" if one.amount < 0 else "+", Sentence(one.name), abs(one.amount)) for one in line.terms]
    first = signed[0]._replace(sign="" if signed[0].sign == "+" else "−")
    return [first, *signed[1:], Term("=", sentence("due"), line.due)]


def balance_of(line: Line) -> list[Term]:
    """Return how a line stands, without what is nothing: what is due, and what was done about it."""
    terms = [
        Term("", sentence("paid in"), line.captured),
        Term("", sentence("due"), line.due),
        Term("", sentence("taken back by the institution"), line.charged_back),
        Term("", sentence("due besides that"), line.entitled),
        Term("", sentence("commanded"), line.commanded),
        Term("", sentence("failed"), line.failed),
        Term("", sentence("confirmed"), line.succeeded),
        Term("", sentence("refunded elsewhere"), line.elsewhere),
        Term("", sentence("paid back"), line.repaid),
        Term("", sentence("withheld"), line.withheld),
        Term("", sentence("demanded back"), line.demanded),
        Term("", sentence("set off"), line.set_off),
        Term("", sentence("not commanded yet"), line.to_command),
    ]
    is_reduced = line.entitled != line.due
    always = ("due", "commanded", "due besides that") if is_reduced else ("due", "commanded")
    return [one for one in terms if one.name in always or (one.amount and one.name != "due besides that")]


def context_of(story: Story) -> dict[str, Any]:
    """Return what the templates need to show a story."""
    explanation = story.explanation
    return {
        "story": story,
        "explanation": explanation,
        "entries": entries_of(explanation),
        "outcome": outcome_of(explanation),
        "terms": [] if explanation.purchase is None else terms_of(explanation.purchase),
        "balance_of": balance_of,
        "terms_of_line": terms_of_line,
        "awaited_from": awaited_from,
    }


def order_model(story: Story, language: PlainLanguage) -> OrderModel:
    """Return an order's story for programs, its words in a language."""
    explanation = story.explanation
    return OrderModel(
        order_id=explanation.order_id,
        account_id=explanation.account_id,
        provider_id=explanation.provider_id,
        terms_version=explanation.terms_version,
        currency=explanation.currency,
        known_at=story.clock.now,
        watermark=story.clock.watermark,
        facts=[
            FactModel(
                at=one.at,
                received_at=one.received_at,
                nth=one.nth,
                late=one.late,
                type=one.type,
                source=one.source,
                id=one.id,
                words=language.translate(one.words),
            )
            for one in explanation.happened
        ],
        outputs=[output_model(one, language) for one in explanation.decided],
        lines=[_line_in_words(line, language) for line in explanation.lines],
        purchase=explanation.purchase,
        awaited=[
            WaitModel(
                of=one.of, what=language.translate(one.what), until=one.until, is_overdue=one.is_overdue, row=one.row
            )
            for one in explanation.waiting
        ],
        archived_at=explanation.archived_at,
        archive_file=explanation.archive_file,
    )


def _line_in_words(line: Line, language: PlainLanguage) -> Line:
    """Return a line with the names of its terms in a language."""
    terms = [replace(one, name=language.translate(one.name)) for one in line.terms]
    return replace(line, terms=tuple(terms))


def output_model(made: Decided, language: PlainLanguage) -> OutputModel:
    """Return a decision or a command for programs, its words in a language."""
    basis = [BasisModel(clause=clause, because=language.translate_published(because)) for clause, because in made.basis]
    return OutputModel(
        version=made.version,
        at=made.at,
        type=made.type,
        id=made.id,
        words=language.translate(made.words),
        amount=made.amount,
        currency=made.currency,
        kind=made.kind,
        ref=made.ref,
        outcome=made.outcome,
        audience=made.audience,
        due_at=made.due_at,
        line=made.line,
        basis=basis,
        published=made.published,
    )
