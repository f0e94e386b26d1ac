"""Private members of an order: shown with a reason and a ticket, for minutes, and with who saw them before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from service.console.acts.models import DisclosureModel, PrivateMembersModel, PrivateModel
from service.console.acts.planning import reason_of
from service.console.acts.plans import PlanError
from service.console.acts.proposal_pages import who_of
from service.console.forms import form_token, refusal_of, sent_form
from service.console.links import order_link
from service.console.problems import not_here, refused
from service.console.visit import Answer, order_of
from service.operations.sentence import sentence
from service.store.operators.holds import halt_of
from service.store.operators.notes import disclose, disclosures_of
from service.store.search import is_searchable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence
    from service.store.operators.notes import Disclosure, PrivateMembers

MINUTES = 10
FORM_BYTES = 16 * 1024


async def private_form(console: Parts, visit: Visit) -> Answer:
    """Show who saw the private members of an order before, and ask for a reason and a ticket."""
    before = await _seen_before(console, visit)
    return not_here(404) if before is None else _page(console, visit, before, filled=visit.request.query)


async def private(console: Parts, visit: Visit) -> Answer:
    """Show the private members of an order to a person who gives a reason and a ticket; the database records it
    first."""
    assert console.acts is not None
    form = await sent_form(visit, FORM_BYTES)
    if (foreign := refusal_of(console, visit, form)) is not None:
        return refused(403, foreign)
    before = await _seen_before(console, visit)
    if before is None:
        return not_here(404)
    try:
        why, ticket = reason_of(form)
    except PlanError as error:
        return _page(console, visit, before, problem=error.reason, filled=form)
    key = form.get("key", "")
    if ticket is None or not 8 <= len(key) <= 100:
        return _page(console, visit, before, problem=sentence("Give a reason and a ticket."), filled=form)
    async with console.acts.private.connection() as connection:
        shown = await disclose(connection, order_of(visit.request), who_of(visit), key, why, ticket, MINUTES)
    if shown is None:
        return _page(
            console, visit, before, problem=sentence("This was shown for minutes only. Give the reason again.")
        )
    return _page(console, visit, before, shown=shown)


async def _seen_before(console: Parts, visit: Visit) -> list[Disclosure] | None:
    """Return who saw them before; None: the order is not known."""
    order_id = order_of(visit.request)
    if not is_searchable(order_id):
        return None
    async with console.stories.readers.histories() as histories:
        if await halt_of(histories.connection, order_id) is None:
            return None
        return await disclosures_of(histories.connection, order_id)


def _page(
    console: Parts,
    visit: Visit,
    before: Sequence[Disclosure],
    *,
    problem: Sentence | None = None,
    filled: Mapping[str, str] | None = None,
    shown: tuple[datetime, list[PrivateMembers]] | None = None,
) -> Answer:
    order_id, form = order_of(visit.request), form_token(console, visit)
    until, found = (None, []) if shown is None else shown
    members = [(one, json.loads(one.data)) for one in found]
    context = {
        "order_id": order_id,
        "back": order_link(order_id),
        "action": order_link(order_id, None, "private"),
        "before": before,
        "until": until,
        "members": [(one, json.dumps(data, ensure_ascii=False, indent=2)) for one, data in members],
        "form": form,
        "problem": problem,
        "filled": {name: (filled or {}).get(name, "") for name in ("why", "ticket")},
        "minutes": MINUTES,
    }

    def model(language: PlainLanguage) -> PrivateModel:
        return PrivateModel(
            order_id=order_id,
            seen_before=[DisclosureModel(**one._asdict()) for one in before],
            until=until,
            members=[PrivateMembersModel(source=one.source, id=one.id, data=data) for one, data in members],
            problem=None if problem is None else language.translate(problem),
            form_token=form.token,
            key=form.key,
        )

    title = sentence("Private members of order {order}", order=order_id)
    status = 200 if problem is None else 422
    return Answer("private.html", title, context, model, status, known_id=order_id, headers=form.headers)
