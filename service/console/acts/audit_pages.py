"""The audit as a page, as JSON, and as CSV: who looked at what, who did what, allowed and denied."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from purchasing_contracts.base import instant_of

from service.console.acts.models import AuditEntryModel, AuditModel
from service.console.acts.proposal_pages import uuid_of
from service.console.files import send_file
from service.console.problems import RIGHT_NAMES, busy
from service.console.visit import Answer, BadRequestError
from service.operations.money_export import as_text
from service.operations.sentence import Sentence, listed, sentence
from service.store.operators.audit import AuditFilter, AuditRow, entries
from service.store.search import is_searchable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from aiohttp import web

    from service.console.parts import Parts
    from service.console.visit import Visit

SHOWN = 100
EXPORTED_AT_ONCE = 5_000
NAMES = ("who", "what", "allowed", "id", "about", "since", "until")
"""The filter's parameters, all of them in the address."""
COLUMNS = ("nth", "at", "subject", "name", "way", "what", "allowed", "right", "path", "known_id", "about", "status")


async def audit(console: Parts, visit: Visit) -> Answer:
    """Show the entries that a filter selects, the latest first."""
    which, before = _filter(visit), _before(visit)
    async with console.stories.readers.histories() as histories:
        found = await entries(histories.connection, which, before, SHOWN)
    given = {name: visit.request.query[name] for name in NAMES if visit.request.query.get(name)}
    more = f"/audit?{urlencode(given | {'before': found[-1].nth})}" if len(found) == SHOWN else None
    context = {
        "found": found,
        "in_words": _in_words(given),
        "filled": {name: given.get(name, "") for name in NAMES},
        "next": more,
        "export": f"/audit.csv?{urlencode(given)}",
        "right_names": {right.value: name for right, name in RIGHT_NAMES.items()},
    }

    def model(_language: object) -> AuditModel:
        return AuditModel(entries=[_model(one) for one in found], next=more)

    return Answer("audit.html", sentence("Audit"), context, model)


async def audit_csv(console: Parts, visit: Visit) -> Answer | web.StreamResponse:
    """Return all entries that a filter selects as CSV, the latest first."""
    pieces = _lines(console, _filter(visit), _before(visit))
    if console.desk.exports.locked():
        return busy()
    async with console.desk.exports:
        return await send_file(visit.request, "audit.csv", "text/csv; charset=utf-8; header=present", pieces)


async def _lines(console: Parts, which: AuditFilter, before: int | None) -> AsyncIterator[bytes]:
    """Yield the file piece by piece. Entries that are added meanwhile come before its first, and are not in it."""
    rows: Sequence[Sequence[str]] = [COLUMNS]
    while True:
        async with console.stories.readers.histories() as histories:
            found = await entries(histories.connection, which, before, EXPORTED_AT_ONCE)
        rows = [*rows, *([_cell(value) for value in _model(one).model_dump(mode="json").values()] for one in found)]
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        yield text.getvalue().encode("utf-8", "replace")
        if len(found) < EXPORTED_AT_ONCE:
            return
        rows, before = [], found[-1].nth


def _filter(visit: Visit) -> AuditFilter:
    query = {name: visit.request.query.get(name, "").strip() for name in NAMES}
    if not all(is_searchable(text) for text in query.values() if text):
        raise BadRequestError("Give the filter as the page's form does.")
    if query["what"] not in ("", "look", "act") or query["allowed"] not in ("", "yes", "no"):
        raise BadRequestError("Give the filter as the page's form does.")
    about = uuid_of(query["about"]) if query["about"] else None
    if query["about"] and about is None:
        raise BadRequestError("Give the filter as the page's form does.")
    return AuditFilter(
        query["who"] or None,
        query["what"] or None,
        None if not query["allowed"] else query["allowed"] == "yes",
        query["id"] or None,
        about,
        _instant(query["since"]),
        _instant(query["until"]),
    )


def _instant(text: str) -> datetime | None:
    try:
        return instant_of(text) if text else None
    except ValueError:
        raise BadRequestError("Give the instant as in RFC 3339, such as 2026-03-02T09:00:00Z.") from None


def _before(visit: Visit) -> int | None:
    text = visit.request.query.get("before", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequestError("Give the filter as the page's form does.")
    return int(text) if text else None


def _in_words(given: Mapping[str, str]) -> Sentence:
    """Return the filter as a sentence."""
    words = {
        "who": sentence("of {who}", who=given.get("who", "")),
        "what": sentence("only looks") if given.get("what") == "look" else sentence("only acts"),
        "allowed": sentence("only denied") if given.get("allowed") == "no" else sentence("only allowed"),
        "id": sentence("about {id}", id=given.get("id", "")),
        "about": sentence("of the operation {id}", id=given.get("about", "")),
        "since": sentence("since {time}", time=given.get("since", "")),
        "until": sentence("before {time}", time=given.get("until", "")),
    }
    chosen: Sequence[Sentence] = [words[name] for name in NAMES if name in given]
    return listed(chosen) if chosen else sentence("Everything, the latest first.")


def _model(one: AuditRow) -> AuditEntryModel:
    entry = one.entry
    return AuditEntryModel(
        nth=one.nth,
        at=one.at,
        subject=entry.subject,
        name=entry.name,
        way=entry.way,
        what=entry.what,
        allowed=entry.allowed,
        right=entry.needed,
        path=entry.path,
        known_id=entry.known_id,
        about=None if entry.about is None else str(entry.about),
        status=entry.status,
    )


def _cell(value: object) -> str:
    """Return a value as a spreadsheet shows it, and never runs it: a name may begin like a formula."""
    return "" if value is None else as_text(str(value))
