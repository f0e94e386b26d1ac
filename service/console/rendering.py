"""Turns answers into responses: HTML by Jinja2 (everything escaped, nothing undefined), or JSON."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from service.console.access import Right
from service.console.language import NAMES, time_element
from service.console.links import clause_link, order_link, search_link
from service.operations.sentence import Amount, Id, sentence
from service.operations.wording import amount_in_words

if TYPE_CHECKING:
    from datetime import datetime

    from service.console.visit import Answer, Visit

STATIC = {
    name: (files("service.console").joinpath("static", name).read_bytes(), kind)
    for name, kind in (("console.css", "text/css"), ("icon.svg", "image/svg+xml"))
}
"""The files that pages use: content and type."""

VERSIONS = {name: sha256(content).hexdigest()[:16] for name, (content, _) in STATIC.items()}
"""By name, what changes with the content: in the address, so that a browser may keep the file."""

PAGE_BYTES_MAX = 20_000_000
"""No page is larger; most have a few thousand."""


_CODE = re.compile("`([^`]*)`")


def templates_of(package: str) -> Environment:
    """The templates of a package: values are escaped, and a name without a value is an error."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _templates() -> Environment:
    """The templates, each compiled once in a process, at its first use."""
    environment = templates_of("service.console")
    environment.globals.update(
        order_link=order_link,
        search_link=search_link,
        clause_link=clause_link,
        static=lambda name: f"/static/{name}?v={VERSIONS[name]}",
        Right=Right,
        Id=Id,
        languages=NAMES,
    )
    return environment


class Renderer:
    """The templates."""

    def response(self, answer: Answer, visit: Visit) -> web.Response:
        """Return the page or the JSON object, whichever was asked for."""
        headers = {"Content-Language": visit.language, "Vary": "Accept, Accept-Language, Cookie", **answer.headers}
        if visit.wants_json:
            body = answer.model(visit.text).model_dump_json().encode()
            kind = "application/json" if answer.status < 400 else "application/problem+json"
        else:
            body = self.html(answer, visit).encode("utf-8", "replace")
            kind = "text/html"
        return web.Response(
            body=body,
            status=answer.status,
            headers=headers,
            content_type=kind,
            charset=None if visit.wants_json else "utf-8",
        )

    def html(self, answer: Answer, visit: Visit) -> str:
        """Return the page."""

        def t(template: str, **arguments: object) -> Markup:
            return visit.page.fill_in(template, arguments)

        def p(template: str) -> str:
            return visit.text.translate(sentence(template))

        def when(at: datetime) -> Markup:
            return time_element(at, visit.zone)

        def money(value: int, currency: str | None) -> Markup:
            return visit.page.plain(Amount(amount_in_words(value, currency)))

        def prose(text: str) -> Markup:
            # Of markup, `sub` makes markup by a `join` that escapes what is put in.
            return Markup(_CODE.sub(r"<code>\1</code>", str(visit.page.translate(text))))  # noqa: S704 - escaped already

        page: str = (
            _templates()
            .get_template(answer.template)
            .render(
                answer.context,
                t=t,
                p=p,
                translate=visit.page.translate,
                prose=prose,
                because=visit.page.translate_published,
                when=when,
                money=money,
                title=answer.title,
                visit=visit,
                person=visit.person,
                may=visit.may,
                in_language=lambda code: _with_query(visit, "lang", code),
            )
        )
        return page


def _with_query(visit: Visit, name: str, value: Any) -> str:
    """Return the address of this page with another value of a parameter."""
    return str(visit.request.rel_url.update_query({name: value}))
