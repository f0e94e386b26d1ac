"""The documentation's pages within the console: the site that `make docs` writes, and that the image has.

The site is flat, so a page is found by its name among the files that are there. What a page has outside its main part,
such as the script of the search, is left out: the console leaves out what was not searched for itself.
"""

from __future__ import annotations

import re
import sys
from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from markupsafe import Markup, escape

import service
from service.console.problems import not_here
from service.console.state_models import SectionModel
from service.console.visit import Answer
from service.operations.sentence import sentence

if TYPE_CHECKING:
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence

PLACES = (Path(service.__file__).parents[1] / "build/site", Path(sys.prefix) / "share/purchasing/site")
"""Directories of the site, the first one there is: of a checkout, and of the image."""

_MAIN = re.compile(r'<main id="main" tabindex="-1">\n(.*)</main>', re.DOTALL)
_TITLE = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
_ENTRY = re.compile(r'<li data-words="([^"]*)">.*\n')
_WORD = re.compile(r"\w+")


async def documentation(_console: Parts, visit: Visit) -> Answer | web.Response:
    """Show a page of the documentation; another file of it as it is."""
    name = visit.request.match_info["page"]
    directory = next((place for place in PLACES if place.is_dir()), None)
    if directory is None:
        return _answer(name, sentence("Documentation"), Markup(), is_there=False)
    found = next((path for path in directory.iterdir() if path.name == name), None)
    if found is None:
        return not_here(404)
    if found.suffix != ".html":
        kind = guess_type(name)[0] or "text/plain"
        return web.Response(body=found.read_bytes(), content_type=kind, charset="utf-8" if "text" in kind else None)
    (main,) = _MAIN.findall(found.read_text("utf-8"))
    title = Markup(_TITLE.findall(main)[0]).striptags().removesuffix(" #")  # noqa: S704 - only its text is taken
    html = Markup(_searched(main, visit.request.query.get("q", "")))  # noqa: S704 - of our own site
    return _answer(name, sentence("Documentation: {title}", title=title), html)


def _answer(name: str, title: Sentence, html: Markup, *, is_there: bool = True) -> Answer:
    return Answer(
        "docs.html",
        title,
        {"html": html, "is_there": is_there},
        lambda language: SectionModel(slug=name, title=language.translate(title), html=str(html)),
    )


def _searched(main: str, asked: str) -> str:
    """Return the search's page with the entries that have all these words, as its script would show it."""
    words = _WORD.findall(asked.lower())
    main = main.replace('id="words"', f'id="words" value="{escape(asked)}"', 1)
    return _ENTRY.sub(lambda entry: entry[0] if all(f" {word}" in entry[1] for word in words) else "", main)
