"""The effects of other terms: who gets more or less, and the orders that differ most. Nothing is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from multidict import MultiDict
from pydantic import ValidationError

from service.console.desk import WORK_SECONDS
from service.console.finance.answers import bounded
from service.console.finance.filters import selection_of
from service.console.finance.models import (
    ChangeModel,
    OrderChangeModel,
    ProviderChangeModel,
    WhatIfModel,
    WhatIfRequest,
)
from service.console.models import ProblemModel
from service.console.visit import Answer, BadRequestError
from service.operations.sentence import sentence
from service.operations.what_if import Difference, TermsComparison, other_book
from service.rules.terms import PLATFORM
from service.store.driver_errors import translated
from service.store.money import placed_orders
from service.terms.files import TermsError, check_against_platform, terms_of
from service.terms.table import read_book

if TYPE_CHECKING:
    from service.console.finance.filters import Selection
    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.rules.terms import TermsBook
    from service.store.rows import StoreTime

TERMS_BYTES = 64 * 1024
ORDERS, ORDERS_MAX = 200, 2_000
TOP = 20
AT_ONCE = 50
"""Orders that are read and compared at a time: between them others have their turn."""
SECONDS = 4.0


class Compared(NamedTuple):
    """The result of the comparison."""

    difference: Difference
    selected: int
    has_more: bool
    selection: Selection
    took: float
    """Seconds."""


@bounded
async def what_if_form(console: Parts, visit: Visit) -> Answer:
    """Show the form."""
    async with console.desk.turn() as histories:
        clock = await histories.clock()
    selection = selection_of(visit.request.query, clock.now)
    sent = WhatIfRequest(terms="", first=selection.first.isoformat(), last=selection.last.isoformat())
    return _answer(sent, None, "", clock)


@bounded
async def what_if(console: Parts, visit: Visit) -> Answer:
    """Return what these terms would change for the latest orders of a range of days."""
    sent = await _sent(visit)
    if not 1 <= sent.orders <= ORDERS_MAX:
        raise BadRequestError("Compare 1 to 2000 orders.")
    async with console.desk.turn() as histories:
        clock = await histories.clock()
        selection = selection_of(MultiDict({"from": sent.first, "to": sent.last}), clock.now)
        async with translated():
            book = await read_book(histories.connection)
    try:
        after, providers = _other(book, sent.terms)
    except TermsError as error:
        return _answer(sent, None, str(error), clock)
    compared = await _compare(console, book, after, providers, selection, sent.orders, clock)
    return _answer(sent, compared, "", clock)


def _other(book: TermsBook, terms: str) -> tuple[TermsBook, list[str] | None]:
    """Return the book with these terms, and whose orders they concern (None: everybody's). Raises TermsError."""
    name = "terms.json" if terms.lstrip()[:1] in ("{", "[") and not terms.lstrip().startswith("[[") else "terms.toml"
    sets = [one.terms for one in terms_of(terms.encode("utf-8", "replace"), name)]
    after = other_book(book, sets)
    check_against_platform(after)
    providers = sorted({one.provider_id for one in sets})
    return after, None if PLATFORM in providers else providers


async def _compare(
    console: Parts,
    before: TermsBook,
    after: TermsBook,
    providers: list[str] | None,
    selection: Selection,
    orders: int,
    clock: StoreTime,
) -> Compared:
    """Compare orders until they, or the time, are at an end."""
    began = time.monotonic()
    comparison = TermsComparison(before, after, clock, top=TOP, provider=None)
    async with console.desk.turn() as histories:
        ids = await placed_orders(histories.connection, providers, selection.filter, orders + 1, SECONDS)
    chosen = ids[:orders]
    for begin in range(0, len(chosen), AT_ONCE):
        async with console.desk.turn() as histories:
            page = await histories.these(chosen[begin : begin + AT_ONCE])
        await console.desk.compute(comparison.add, page)
        if time.monotonic() - began > WORK_SECONDS:
            break
    took = time.monotonic() - began
    return Compared(comparison.found, len(chosen), len(ids) > orders, selection, took)


async def _sent(visit: Visit) -> WhatIfRequest:
    request = visit.request.clone(client_max_size=TERMS_BYTES)
    try:
        if request.content_type == "application/json":
            return WhatIfRequest.model_validate_json(await request.read())
        form = await request.post()
        fields = {name: form.get(name) for name in WhatIfRequest.model_fields if form.get(name) not in (None, "")}
        return WhatIfRequest.model_validate({"terms": ""} | fields)
    except ValidationError:
        raise BadRequestError("Give terms, and first, last and orders where they are others than usual.") from None


def _answer(sent: WhatIfRequest, compared: Compared | None, problem: str, clock: StoreTime) -> Answer:
    context = {
        "sent": sent,
        "compared": compared,
        "problem": problem.splitlines(),
        "clock": clock,
        "orders_max": ORDERS_MAX,
        "seconds": int(WORK_SECONDS),
    }
    status = 400 if problem else 200
    title = sentence("What other terms would change")

    def model(language: PlainLanguage) -> WhatIfModel | ProblemModel:
        if problem:
            return ProblemModel(title=language.translate(title), status=status, detail=problem)
        return _model(compared)

    return Answer("finance_what_if.html", title, context, model, status)


def _model(compared: Compared | None) -> WhatIfModel:
    found = Difference() if compared is None else compared.difference
    return WhatIfModel(
        compared=found.orders,
        selected=0 if compared is None else compared.selected,
        has_more=compared is not None and compared.has_more,
        differing=found.differing,
        unreadable=found.unreadable,
        totals=[
            ProviderChangeModel(provider_id=provider, currency=currency, line=line, before=before, after=after)
            for (provider, currency, line), (before, after) in sorted(found.totals.items())
        ],
        most=[
            OrderChangeModel(
                order_id=one.order_id,
                provider_id=one.provider_id,
                currency=one.currency,
                lines=[ChangeModel(line=line, before=was, after=is_) for line, (was, is_) in one.lines.items()],
            )
            for one in found.most
        ],
    )
