"""Notes and tickets about orders and quarantined records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.acts.models import NoteOfPersonModel, NotesModel
from service.console.acts.proposal_pages import who_of
from service.console.forms import form_token, refusal_of, sent_form
from service.console.links import order_link
from service.console.problems import not_here, refused
from service.console.quarantine_pages import place_of
from service.console.visit import Answer, order_of, see_other
from service.operations.sentence import sentence
from service.runtime.console_url import record_path
from service.store.operators.holds import halt_of
from service.store.operators.notes import add_note, notes_of_order, notes_of_record
from service.store.operators.quarantine import QuarantineFilter, page
from service.store.search import is_searchable

if TYPE_CHECKING:
    import asyncpg
    from aiohttp import web

    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence
    from service.store.operators.notes import Note
    from service.store.operators.quarantine import RecordLocation

NOTE_BYTES = 32 * 1024
TEXT_MAX = 4_000
TICKET_MAX = 100


async def order_notes(console: Parts, visit: Visit) -> Answer:
    """Show the notes about an order, and a form to add one."""
    return await _shown(console, visit)


async def record_notes(console: Parts, visit: Visit) -> Answer:
    """Show the notes about the records of a place, and a form to add one."""
    return await _shown(console, visit)


async def _shown(console: Parts, visit: Visit) -> Answer:
    about = _about(visit)
    found = None if about is None else await _notes_there(console, about)
    if about is None or found is None:
        return not_here(404)
    filled = {name: visit.request.query.get(name, "") for name in ("text", "ticket")}
    return _page(console, visit, about, found, None, filled)


async def new_order_note(console: Parts, visit: Visit) -> Answer | web.Response:
    """Store a note about an order; the same form twice is one note."""
    return await _stored(console, visit)


async def new_record_note(console: Parts, visit: Visit) -> Answer | web.Response:
    """Store a note about the records of a place; the same form twice is one note."""
    return await _stored(console, visit)


async def _stored(console: Parts, visit: Visit) -> Answer | web.Response:
    form = await sent_form(visit, NOTE_BYTES)
    if (foreign := refusal_of(console, visit, form)) is not None:
        return refused(403, foreign)
    about = _about(visit)
    found = None if about is None else await _notes_there(console, about)
    if about is None or found is None:
        return not_here(404)
    text, ticket = form.get("text", "").strip(), " ".join(form.get("ticket", "").split())
    problem = _problem(text, ticket, form.get("key", ""))
    if problem is not None:
        return _page(console, visit, about, found, problem, {"text": text, "ticket": ticket})
    async with console.sessions.connection() as connection:
        await add_note(connection, about, who_of(visit), form["key"], ticket or None, text)
    return see_other(_link(about, "notes"))


def _problem(text: str, ticket: str, key: str) -> Sentence | None:
    if not text and not ticket:
        return sentence("Give a note or a ticket.")
    if len(text) > TEXT_MAX or "\0" in text or any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        return sentence("A note has at most {number} characters.", number=TEXT_MAX)
    if len(ticket) > TICKET_MAX or not ticket.isprintable():
        return sentence("A ticket has at most 100 characters.")
    return None if 8 <= len(key) <= 100 else sentence("The form has no key. Open its page again.")


def _about(visit: Visit) -> str | RecordLocation | None:
    if "topic" in visit.request.match_info:
        return place_of(visit.request.match_info)
    order_id = order_of(visit.request)
    return order_id if is_searchable(order_id) else None


async def _notes_there(console: Parts, about: str | RecordLocation) -> list[Note] | None:
    """Return the notes about an order or a place; None if there is no such order or no record of that place."""
    async with console.stories.readers.histories() as histories:
        if not await _is_known(histories.connection, about):
            return None
        return await _notes(histories.connection, about)


async def _is_known(connection: asyncpg.Connection[asyncpg.Record], about: str | RecordLocation) -> bool:
    if isinstance(about, str):
        return await halt_of(connection, about) is not None
    return bool(await page(connection, QuarantineFilter(places=(about,), resolved=None), None, 1))


async def _notes(connection: asyncpg.Connection[asyncpg.Record], about: str | RecordLocation) -> list[Note]:
    if isinstance(about, str):
        return await notes_of_order(connection, about)
    return await notes_of_record(connection, about)


def _link(about: str | RecordLocation, below: str = "") -> str:
    if isinstance(about, str):
        return order_link(about, None, below)
    return record_path(*about[:3]) + (f"/{below}" if below else "")


def _page(
    console: Parts,
    visit: Visit,
    about: str | RecordLocation,
    found: list[Note],
    problem: Sentence | None,
    filled: dict[str, str],
) -> Answer:
    form = form_token(console, visit)
    is_order = isinstance(about, str)
    title = sentence("Notes about order {order}", order=about) if is_order else sentence("Notes about a record")
    context = {
        "notes": found,
        "back": _link(about),
        "action": _link(about, "notes"),
        "form": form,
        "problem": problem,
        "filled": filled,
    }

    def model(language: PlainLanguage) -> NotesModel:
        return NotesModel(
            notes=[NoteOfPersonModel(**one._asdict()) for one in found],
            problem=None if problem is None else language.translate(problem),
            form_token=form.token,
            key=form.key,
        )

    known = about if isinstance(about, str) else None
    status = 200 if problem is None else 422
    return Answer("notes.html", title, context, model, status, known_id=known, headers=form.headers)
