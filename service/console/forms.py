"""Forms that do something: a token that only our pages know, and a key with which the same form counts once."""

from __future__ import annotations

import hmac
import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from service.console.visit import JSON, BadRequestError
from service.operations.sentence import sentence

if TYPE_CHECKING:
    from aiohttp import web

    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence

BYTES = 32
MOST_BYTES = 256 * 1024
LINK_LENGTH_MAX = 1_900
NOT_IN_ADDRESSES = frozenset({"form_token", "key", "value", "key_text"})
"""Fields that no address gets: what was typed to repair a record may be private."""
_OF_BROWSERS = ("Cookie", "Origin", "Sec-Fetch-Site")
FOREIGN_FORM = sentence("This form doesn't come from the console, or it is too old. Open its page again.")


class FormToken(NamedTuple):
    """The fields that a page puts into its forms, and the header that sets the browser's cookie, if it has none."""

    token: str
    key: str
    headers: dict[str, str]


def form_token(console: Parts, visit: Visit) -> FormToken:
    """Return what a form of this person's has to bring back."""
    cookie, headers = visit.request.cookies.get(_cookie(console), ""), {}
    if not cookie.isascii() or len(cookie) < BYTES:
        cookie = secrets.token_urlsafe(BYTES)
        secure = "; Secure" if console.door.is_secure else ""
        headers = {"Set-Cookie": f"{_cookie(console)}={cookie}; Path=/; HttpOnly; SameSite=Lax{secure}"}
    return FormToken(_token(cookie, visit), secrets.token_urlsafe(16), headers)


async def sent_form(visit: Visit, most_bytes: int) -> dict[str, str]:
    """Return the fields of a form, sent by a browser or as JSON. Raises BadRequestError."""
    request = visit.request.clone(client_max_size=most_bytes)
    if request.content_type == JSON:
        try:
            sent = json.loads(await request.read())
        except (ValueError, RecursionError):
            sent = None
        if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
            raise BadRequestError("Give an object whose members are texts.")
        return sent
    return {name: text for name, text in (await request.post()).items() if isinstance(text, str)}


def refusal_of(console: Parts, visit: Visit, form: dict[str, str]) -> Sentence | None:
    """Return why a form is not taken; None: it is.

    A program with a bearer token has no form. A browser may send such a header too, by itself or by a proxy before the
    console, also with a form of another site: it is known by what only browsers send.
    """
    headers = visit.request.headers
    is_bearer = headers.get("Authorization", "").lower().startswith("bearer ")
    if is_bearer and not any(name in headers for name in _OF_BROWSERS):
        return None
    cookie = visit.request.cookies.get(_cookie(console), "")
    is_ours = bool(cookie) and hmac.compare_digest(
        _token(cookie, visit).encode(), form.get("form_token", "").encode("utf-8", "replace")
    )
    return None if is_ours and comes_from_here(console, visit.request) else FOREIGN_FORM


async def page_of_form(visit: Visit) -> str | None:
    """Return the page of a form that was sent by a browser whose session has ended, filled in as far as an address can
    hold it; None: this is no such form."""
    request = visit.request
    if request.content_type != "application/x-www-form-urlencoded":
        return None
    form = await sent_form(visit, MOST_BYTES)
    if "form_token" not in form:
        return None
    page, _, last = request.rel_url.raw_path.rpartition("/")
    if last in ("confirm", "continue", "stop"):
        return page
    filled = {name: text for name, text in form.items() if text and name not in NOT_IN_ADDRESSES}
    link = f"{request.rel_url.raw_path}?{urlencode(filled)}"
    return link if len(link) <= LINK_LENGTH_MAX else request.rel_url.raw_path


def comes_from_here(console: Parts, request: web.Request) -> bool:
    """Whether the browser says that a form stood on a page of the console."""
    origin = request.headers.get("Origin")
    is_own = origin in (f"{request.scheme}://{request.host}", console.settings.console_url or None)
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin" and (origin is None or is_own)


def _cookie(console: Parts) -> str:
    return "__Host-form" if console.door.is_secure else "form"


def _token(cookie: str, visit: Visit) -> str:
    assert visit.person is not None
    return hmac.new(cookie.encode(), visit.person.subject.encode("utf-8", "replace"), sha256).hexdigest()
