"""An explanation as lines of text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from service.operations.wording import amount_in_words
from service.rules.chargebacks import PURCHASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from service.operations.explain.explanation import Explanation, Line, SettlementTerms

WIDTH = 110


def text_of(explanation: Explanation) -> Iterator[str]:
    """Yield the lines."""
    yield f"Order {explanation.order_id}"
    if explanation.provider_id is not None:
        terms = f"terms {explanation.terms_version}, {explanation.currency}"
        yield f"  account {explanation.account_id}, provider {explanation.provider_id}, {terms}"
    if explanation.archived_at is not None:
        yield f"  from the archive: since {_when(explanation.archived_at)}, exported to {explanation.archive_file}"
    yield from ("", "What happened")
    for one in explanation.happened:
        late = " (late)" if one.late else ""
        yield f"  {_when(one.at)}  {one.words}"
        yield f"{'':23}received as number {one.nth}, {_when(one.received_at)}{late}"
    yield from ("", "What was decided")
    for made in explanation.decided:
        unpublished = "" if made.published else "  [not published yet]"
        yield f"  {_when(made.at)}  {made.version}. {made.words}{unpublished}"
        for clause, because in made.basis:
            yield from textwrap.wrap(
                f"clause {clause}: {because}", WIDTH, initial_indent=" " * 26, subsequent_indent=" " * 28
            )
    yield from ("", "The money")
    for line in explanation.lines:
        yield f"  {line.line}: {words_of_line(line, explanation.currency)}"
        terms = words_of_line_terms(line, explanation.currency)
        if line.line == PURCHASE and explanation.purchase is not None:
            terms = words_of_terms(explanation.purchase, explanation.currency)
        yield from textwrap.wrap(terms, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 6)
    if explanation.waiting:
        yield from ("", "Waiting for")
    for waiting in explanation.waiting:
        since = "overdue since" if waiting.is_overdue else "until"
        until = "" if waiting.until is None else f", {since} {_when(waiting.until)}"
        of = "" if waiting.of is None else f"from {_parties(waiting.of)}: "
        yield f"  {of}{waiting.what}{until}"


def _parties(of: str) -> str:
    """Return who something is awaited from, as a sentence names them."""
    return " or ".join([f"the {_PARTIES.get(party, party)}" for party in of.split(", ")])


_PARTIES = {"logistics": "logistics provider"}
"""The parties of R21 whose name in a sentence is another."""


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def words_of_line(line: Line, currency: str | None) -> str:
    """Return how a line stands, without what is nothing: what is due, and what was done about it."""
    parts = (
        ("paid in", line.captured),
        ("due", line.due),
        ("taken back by the institution", line.charged_back),
        ("due besides that", line.entitled),
        ("commanded", line.commanded),
        ("failed", line.failed),
        ("succeeded", line.succeeded),
        ("refunded elsewhere", line.elsewhere),
        ("paid back", line.repaid),
        ("withheld", line.withheld),
        ("demanded back", line.demanded),
        ("set off", line.set_off),
        ("not commanded yet", line.to_command),
    )
    is_reduced = line.entitled != line.due
    always = ("due", "commanded", "due besides that") if is_reduced else ("due", "commanded")
    shown = [(name, value) for name, value in parts if name in always or (value and name != "due besides that")]
    return ", ".join([f"{name} {amount_in_words(value, currency)}" for name, value in shown])


def words_of_line_terms(line: Line, currency: str | None) -> str:
    """Return how the amount due on a line comes about; nothing if nothing was paid, found or owed."""
    parts = [
        f"{'less ' if term.amount < 0 else ''}{term.name} {amount_in_words(abs(term.amount), currency)}"
        for term in line.terms
    ]
    return "; ".join([*parts, f"due {amount_in_words(line.due, currency)}"]) if parts else ""


def words_of_terms(terms: SettlementTerms, currency: str | None) -> str:
    """Return the terms of R6 in its words and order, with the amounts that each term leaves out, if any."""

    def shown(amount: int) -> str:
        return amount_in_words(amount, currency)

    def besides(words: str, amount: int) -> str:
        return f"; {words} {shown(amount)}" if amount else ""

    captured = f"captured {shown(terms.captured)}, third parties' fees in it {shown(terms.third_party_fees)}; "
    return (
        (captured if terms.third_party_fees else "")
        + f"paid {shown(terms.paid)}; kept for: price {shown(terms.price)}, reserved {shown(terms.reserved)}, "
        f"fee {shown(terms.fee)}, own fees {shown(terms.own_fees)}"
        + besides("of that beyond the order amount and not kept", terms.not_kept)
        + besides("of that not paid yet", terms.not_paid)
        + besides("given by the seller beyond what it charges", terms.from_seller)
        + besides("of that waiting for confirmation", terms.unconfirmed)
        + f"; charged back {shown(terms.charged_back)}"
        + besides("of that beyond what was the buyer's", terms.charged_beyond)
        + f"; costs {shown(terms.costs)}; penalties {shown(terms.penalties)}"
        + besides("of these beyond what there was", terms.beyond_money)
        + f"; deposit {shown(terms.deposit)}; due {shown(terms.due)}"
    )
