"""The runbook (service/docs/runbook.md) as pages: a section each, its tables and commands as HTML."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markdown_it.token import Token

_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]+)"')


class Section(NamedTuple):
    """A section of the runbook."""

    slug: str
    """As in the address of the section in the document."""
    title: str
    html: Markup


@lru_cache(maxsize=1)
def sections() -> Mapping[str, Section]:
    """Return the sections by slug, in the runbook's order."""
    text = files("service").joinpath("docs", "runbook.md").read_text("utf-8")
    # Between two sections stands a heading of the document.
    pieces = _SECTION.split(text.replace("\n# Procedures\n", "\n"))[1:]
    titles = {title.strip(): slug_of(title) for title in pieces[::2]}
    parser = _parser(titles)
    return {
        slug: Section(slug, title, Markup(parser.render(body)))  # noqa: S704 - the service's own text, HTML in it escaped
        for (title, slug), body in zip(titles.items(), pieces[1::2], strict=True)
    }


def slug_of(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", title.strip().lower()).replace(" ", "-")


def _parser(titles: Mapping[str, str]) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")

    def text(tokens: Sequence[Token], index: int, _options: Any, _environment: Any) -> str:
        return _with_links(tokens[index].content, titles)

    def table(*_: Any) -> str:
        return '<div class="scroll" tabindex="0"><table>'

    parser.renderer.rules.update(  # type: ignore[attr-defined]
        text=text,
        table_open=table,
        table_close=lambda *_: "</table></div>",
        # A link of the document leads to a file of the repository, which the console doesn't have.
        link_open=lambda *_: "<cite>",
        link_close=lambda *_: "</cite>",
    )
    return parser


def _with_links(text: str, titles: Mapping[str, str]) -> str:
    """Return a text as HTML, in which titles of sections in double quotes lead to these sections."""
    parts = []
    at = 0
    for found in _QUOTED.finditer(text):
        slug = titles.get(found[1])
        if slug is not None:
            parts += [escape(text[at : found.start()]), Markup('<a href="/runbook/{}">{}</a>').format(slug, found[1])]
            at = found.end()
    return str(Markup("").join([*parts, escape(text[at:])]))
