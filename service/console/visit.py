"""One request: who asks, in which language and time zone, for a page or for JSON; and what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from aiohttp import web

from service.console.access import Right
from service.console.bounds import BODY_BYTES
from service.console.language import PageLanguage, PlainLanguage, language_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from service.console.access import Access, Person
    from service.console.models import Model
    from service.operations.sentence import Sentence

LANGUAGE_COOKIE = "lang"
ZONE_COOKIE = "zone"
ZONES = frozenset(available_timezones())
JSON = "application/json"
HTML = "text/html"


@dataclass(slots=True)
class Trace:
    """Findings of a handler about its request, for the audit."""

    about: str | None = None
    """Id of the proposal that it is about."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request."""

    request: web.Request
    person: Person | None
    access: Access
    language: str
    zone: ZoneInfo
    wants_json: bool
    page: PageLanguage
    text: PlainLanguage
    trace: Trace = field(default_factory=Trace)

    def may(self, right: Right) -> bool:
        """Return whether the visitor has a right."""
        return self.access.may(self.person, right)


@dataclass(frozen=True, slots=True)
class Answer:
    """A page, and the same as JSON. The one that was asked for is made."""

    template: str
    title: Sentence
    context: Mapping[str, Any]
    model: Callable[[PlainLanguage], Model]
    status: int = 200
    known_id: str | None = None
    """The id that it is about, for the log of looks: only one that messages brought, never what else a person typed."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Parameter(NamedTuple):
    """A parameter in the query."""

    name: str
    description: str
    is_required: bool = False


class Route(NamedTuple):
    """One address: who may ask for it, what answers. `right` has no default: every route decides."""

    method: str
    path: str
    right: Right
    handler: Callable[[Any, Visit], Awaitable[Answer | web.StreamResponse]]
    summary: str
    model: type[Model] | None = None
    """The model of its answer as JSON; None: not part of the API."""
    parameters: tuple[Parameter, ...] = ()
    body: type[Model] | None = None
    """The model of its JSON body."""
    body_bytes: int = BODY_BYTES
    """Most bytes of a request's body."""
    seconds: float | None = None
    """Within which the answer is made; None: as every page's."""
    content: tuple[str, ...] = ()
    """The media types of its answer in place of JSON."""
    leads_to: str = ""
    """Of a form that does something and is part of the API: the page that follows."""
    not_done: type[Model] | None = None
    """The model of its answer as JSON if the form can't be taken as it is."""
    only_computes: bool = False
    """Of a form: that nothing is done or kept."""

    @property
    def acts(self) -> bool:
        """Whether it is a form by which somebody does something, for the audit."""
        return self.method == "POST" and self.right is not Right.SIGNED_IN and not self.only_computes


def visit_of(request: web.Request, person: Person | None, access: Access, zone: str) -> Visit:
    """Return what a request says of language, time zone and format; `zone` is the one where it says none."""
    language = language_of(
        request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language")
    )
    for asked in (request.query.get("zone"), request.cookies.get(ZONE_COOKIE)):
        if asked in ZONES:
            zone = str(asked)
            break
    where = ZoneInfo(zone)
    return Visit(
        request,
        person,
        access,
        language,
        where,
        wants_json(request.headers.get("Accept", "")),
        PageLanguage(language, where, may_search=access.may(person, Right.SEARCH)),
        PlainLanguage(language),
    )


def wants_json(accept: str) -> bool:
    """Return whether a client prefers JSON to a page. Of equals, the first one; without a preference, a page."""
    best, found = 0.0, HTML
    for part in accept[:1000].split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = next((_quality(one) for one in parameters if one.startswith("q=")), 1.0)
        if name in (JSON, "application/problem+json", HTML) and quality > best:
            best, found = quality, HTML if name == HTML else JSON
    return found == JSON


def _quality(parameter: str) -> float:
    try:
        return float(parameter.removeprefix("q="))
    except ValueError:
        return 0.0


class BadRequestError(Exception):
    """The request can't be understood. Its text is a sentence that the catalogue knows."""


def order_of(request: web.Request) -> str:
    """Return the id of the order that a request is about."""
    given = request.match_info.get("order_id", "")
    return request.query.get("id", given) if given == "by-id" else given


def see_other(link: str) -> web.Response:
    """Return a redirect within the console, or to the identity provider."""
    return web.Response(status=303, headers={"Location": link})
