"""The pages: each handler reads what its page shows, and says what the same is as JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web
from purchasing_contracts.base import instant_of

from service.console.access import NEED_A_ROLE, Right, Role
from service.console.language import as_sentence
from service.console.letter import letter_of
from service.console.links import order_link
from service.console.models import (
    AccountModel,
    BasisModel,
    ClauseModel,
    ClausesModel,
    HitModel,
    LetterModel,
    ParagraphModel,
    QuarantineHitModel,
    RightModel,
    SearchModel,
)
from service.console.presentation import context_of, order_model
from service.console.problems import RIGHT_NAMES, ROLE_NAMES, not_here, unknown_order
from service.console.rendering import STATIC, VERSIONS
from service.console.state_pages import state
from service.console.stories import Story, UnknownOrder
from service.console.visit import Answer, BadRequestError, order_of, see_other
from service.operations.sentence import sentence
from service.rules.catalogue import catalogue
from service.runtime.errors import describe
from service.store.errors import StoreError
from service.store.search import ROWS_MAX

if TYPE_CHECKING:
    from datetime import datetime

    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.rules.catalogue import Entry

KEEP_A_YEAR = "public, max-age=31536000, immutable"
SHORT_ZONES = ("Asia/Shanghai", "UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles")


async def livez(_console: Parts, _visit: Visit) -> web.Response:
    """Say that the process answers."""
    return web.Response(text="alive\n")


async def readyz(console: Parts, _visit: Visit) -> web.Response:
    """Say whether the database can be read, and if not, why."""
    try:
        await console.stories.clock()
    except StoreError as error:
        return web.Response(status=503, text=f"{describe(error)}\n")
    return web.Response(text="ready\n")


async def static(_console: Parts, visit: Visit) -> Answer | web.Response:
    """Return a file that pages use; one with its version in the address may be kept for ever."""
    name = visit.request.match_info["name"]
    if name not in STATIC:
        return not_here(404)
    content, kind = STATIC[name]
    is_this_version = visit.request.query.get("v") == VERSIONS[name]
    headers = {"Cache-Control": KEEP_A_YEAR if is_this_version else "no-cache"}
    return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)


async def home(console: Parts, visit: Visit) -> Answer:
    """Begin: how the service stands, for those who look after it; the search for the others."""
    if visit.may(Right.STATE):
        return await state(console, visit)
    clock = await console.stories.clock()
    return Answer(
        "home.html",
        sentence("Orders"),
        {"clock": clock},
        lambda language: _account(console, visit, clock.watermark, language),
    )


async def account(console: Parts, visit: Visit) -> Answer:
    """Say who is signed in, what they may do, and which group would give them more."""
    clock = console.stories.last_clock
    assert visit.person is not None
    rights = [(RIGHT_NAMES[right], visit.may(right), console.access.lack(right)) for right in NEED_A_ROLE]
    context = {
        "rights": rights,
        "roles": [ROLE_NAMES[role] for role in Role if role in visit.person.roles],
        "role_names": ROLE_NAMES,
        "zones": sorted({*SHORT_ZONES, console.settings.console_time_zone, visit.zone.key}),
    }
    watermark = None if clock is None else clock.watermark
    return Answer(
        "account.html",
        sentence("What I may do"),
        context,
        lambda language: _account(console, visit, watermark, language),
    )


def _account(console: Parts, visit: Visit, watermark: datetime | None, _language: PlainLanguage) -> AccountModel:
    assert visit.person is not None
    lacks = [console.access.lack(right) for right in NEED_A_ROLE]
    return AccountModel(
        name=visit.person.name,
        roles=sorted(visit.person.roles),
        rights=[
            RightModel(
                right=lack.right, granted=visit.may(lack.right), roles=list(lack.roles), groups=list(lack.groups)
            )
            for lack in lacks
        ],
        watermark=watermark,
    )


async def search(console: Parts, visit: Visit) -> Answer | web.Response:
    """Show which orders an id leads to. An order's id alone leads to its page at once."""
    given = visit.request.query.get("q", "").strip()
    if not given:
        if visit.wants_json:
            raise BadRequestError("Give the id that is searched for as the parameter q.")
        return see_other("/")
    found = await console.stories.search(given)
    if not visit.wants_json and visit.may(Right.ORDERS) and [hit.what for hit in found.hits] == ["order"]:
        return see_other(order_link(given))
    kinds = {hit.what for hit in found.hits}
    has_more = any(sum(hit.what == kind for hit in found.hits) >= ROWS_MAX for kind in kinds)

    def model(_language: PlainLanguage) -> SearchModel:
        return SearchModel(
            given=given,
            hits=[HitModel(what=one.what, order_id=one.order_id, at=one.at, type=one.type) for one in found.hits],
            in_quarantine=[QuarantineHitModel(**one._asdict()) for one in found.in_quarantine],
            has_more=has_more,
            watermark=found.clock.watermark,
            has_archive=found.has_archive,
        )

    context = {"given": given, "found": found, "has_more": has_more, "what": _WHAT}
    return Answer("search.html", sentence("Search"), context, model, known_id=given if found.hits else None)


_WHAT = {
    "order": sentence("order"),
    "payment": sentence("payment"),
    "chargeback": sentence("chargeback"),
    "request": sentence("request"),
    "command": sentence("command"),
    "decision": sentence("decision"),
    "message": sentence("message"),
    "account": sentence("account"),
    "provider": sentence("provider"),
}


async def order(console: Parts, visit: Visit) -> Answer:
    """Show an order's story."""
    found = await console.stories.of(order_of(visit.request))
    return unknown_order(found) if isinstance(found, UnknownOrder) else _story(found, None)


async def order_at(console: Parts, visit: Visit) -> Answer:
    """Show what was known of an order at an instant."""
    try:
        instant = instant_of(visit.request.match_info["instant"].strip())
    except ValueError:
        raise BadRequestError("Give the instant as in RFC 3339, such as 2026-03-02T09:00:00Z.") from None
    clock = await console.stories.clock()
    if instant > clock.now:
        raise BadRequestError("This instant has not come yet.")
    found = await console.stories.of(order_of(visit.request), instant)
    return unknown_order(found) if isinstance(found, UnknownOrder) else _story(found, instant)


def _story(story: Story, at: datetime | None) -> Answer:
    title = sentence("Order {order}", order=story.explanation.order_id)
    context = context_of(story) | {"at": at}
    return Answer(
        "order.html",
        title,
        context,
        lambda language: order_model(story, language),
        known_id=story.explanation.order_id,
    )


async def letter(console: Parts, visit: Visit) -> Answer:
    """Show a letter to the buyer: what was decided and what it comes to, without ids and internal words."""
    found = await console.stories.of(order_of(visit.request))
    if isinstance(found, UnknownOrder):
        return unknown_order(found)
    paragraphs = letter_of(found, visit.zone)

    def model(language: PlainLanguage) -> LetterModel:
        return LetterModel(
            order_id=found.explanation.order_id,
            language=language.code,
            paragraphs=[ParagraphModel(kind=one.kind, text=language.translate(one.text)) for one in paragraphs],
        )

    context = {"explanation": found.explanation, "paragraphs": paragraphs, "plain": visit.text.translate}
    return Answer("letter.html", sentence("Letter to the buyer"), context, model, known_id=found.explanation.order_id)


async def clauses(_console: Parts, _visit: Visit) -> Answer:
    """List the clauses, and what the service does about each."""
    entries = catalogue()
    return Answer(
        "clauses.html",
        sentence("The agreement"),
        {"entries": entries, "as_sentence": as_sentence},
        lambda language: ClausesModel(clauses=[_clause(one, language) for one in entries]),
    )


async def clause(_console: Parts, visit: Visit) -> Answer:
    """Show one clause: its text, what the service does about it, what messages cite."""
    entries = {str(one.number): one for one in catalogue()}
    entry = entries.get(visit.request.match_info["number"])
    if entry is None:
        return not_here(404)
    context = {
        "entry": entry,
        "passages": passages(entry),
        "as_sentence": as_sentence,
        "last": max(one.number for one in entries.values()),
    }
    title = sentence("Clause {number}", number=entry.number)
    return Answer("clause.html", title, context, lambda language: _clause(entry, language))


def passages(entry: Entry) -> list[tuple[str | None, str]]:
    """Return the paragraphs of a clause's text, each with its address if the text itself numbers it: `12(1)A`."""
    found: list[tuple[str | None, str]] = []
    above = str(entry.number)
    for paragraph in entry.text.split("\n\n"):
        numbered = _NUMBERED.match(paragraph)
        address = None
        if numbered is not None and numbered[1]:
            address = above = f"{entry.number}{numbered[1]}"
        elif numbered is not None:
            address = f"{above}{numbered[2]}"
        found.append((address, paragraph))
    return found


_NUMBERED = re.compile(r"(\(\d+\))|([A-Z])\.")


def _clause(entry: Entry, language: PlainLanguage) -> ClauseModel:
    return ClauseModel(
        number=entry.number,
        title=language.translate(as_sentence(entry.title)),
        does=language.translate(as_sentence(entry.does)),
        text=entry.text,
        grounds=[
            BasisModel(clause=clause, because=language.translate_published(because))
            for clause, because in entry.grounds
        ],
    )
