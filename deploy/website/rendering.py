"""Markdown as HTML: headings with anchors, links between documents as links between pages, files shown as they are."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import escape

from service.console.runbook import slug_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_WORD = re.compile(r"\w+")
_ELSEWHERE = re.compile(r"[a-z]+:")
_QUOTED = re.compile(r'"([^"]+)"')
_INCLUDE = "include "


class Section(NamedTuple):
    """A heading with what stands below it."""

    anchor: str
    title: str
    level: int
    words: frozenset[str]


class Parsed(NamedTuple):
    """A document, parsed: its tokens, with an anchor at each heading."""

    path: PurePosixPath
    tokens: Sequence[Token]
    sections: tuple[Section, ...]

    @property
    def title(self) -> str:
        """Its first heading."""
        return self.sections[0].title

    @property
    def anchors(self) -> frozenset[str]:
        """All places of it that a link can lead to."""
        return frozenset(section.anchor for section in self.sections)


def parse(path: PurePosixPath, text: str, file: Callable[[str], str]) -> Parsed:
    """Parse a document; `file` returns the text of a file that it shows."""
    tokens = _markdown().parse(text)
    heads: list[tuple[str, str, int]] = []
    words: list[set[str]] = []
    for index, token in enumerate(tokens):
        if token.type == "fence" and token.info.startswith(_INCLUDE):
            token.content = file(token.info.removeprefix(_INCLUDE).strip())
        if token.type == "th_open" and not tokens[index + 1].content:
            # A column without a name has no heading.
            token.tag = tokens[index + 2].tag = "td"
        if token.type == "heading_open":
            title = _text(tokens[index + 1])
            if heads and token.tag == "h1":
                # A page has one title; a part of a document is as high as its sections.
                token.tag = tokens[index + 2].tag = "h2"
            anchor = _free(slug_of(title), [head[0] for head in heads])
            token.attrSet("id", anchor)
            token.meta["title"] = title
            heads.append((anchor, title, int(token.tag[1:])))
            words.append(set())
        elif token.content and words:
            words[-1].update(_WORD.findall(token.content.lower()))
    sections = (Section(*head, frozenset(found)) for head, found in zip(heads, words, strict=True))
    return Parsed(path, tokens, tuple(sections))


class Links(NamedTuple):
    """The targets of a document's links, as addresses on the site."""

    follow: Callable[[PurePosixPath, str], str]
    """Of a link in a document."""
    mention: Callable[[str], str | None]
    """Of a path that a document mentions as code."""


def render(parsed: Parsed, links: Links) -> str:
    """Return a parsed document as HTML."""
    titles = {section.title: section.anchor for section in parsed.sections}
    for token in parsed.tokens:
        if token.type == "inline":
            token.children = list(_linked(parsed, token.children or [], titles, links))
    return str(_markdown().renderer.render(parsed.tokens, _markdown().options, {}))


def resolved(document: PurePosixPath, link: str) -> tuple[PurePosixPath, str]:
    """Return the path from the root, and the anchor, that a link of a document names."""
    path, _, anchor = link.partition("#")
    there = posixpath.normpath(posixpath.join(document.parent.as_posix(), path)) if path else document.as_posix()
    return PurePosixPath(there), anchor


def is_elsewhere(link: str) -> bool:
    """Return whether a link leads out of the repository."""
    return _ELSEWHERE.match(link) is not None


def _linked(parsed: Parsed, tokens: Sequence[Token], titles: dict[str, str], links: Links) -> Iterator[Token]:
    """Yield the pieces of a text with their links resolved, and with links at what names a document or a section."""
    within = 0
    for token in tokens:
        within += (token.type == "link_open") - (token.type == "link_close")
        if token.type in ("link_open", "image"):
            name = "href" if token.type == "link_open" else "src"
            link = str(token.attrGet(name))
            token.attrSet(name, link if is_elsewhere(link) else links.follow(parsed.path, link))
            if is_elsewhere(link):
                token.attrSet("rel", "noreferrer")
        if token.type == "code_inline" and not within and (target := links.mention(token.content)):
            yield from _link_around(target, token)
        elif token.type == "text" and not within:
            yield from _titles_linked(token, titles)
        else:
            yield token


def _titles_linked(token: Token, titles: dict[str, str]) -> Iterator[Token]:
    """Yield a text in pieces: titles of sections in double quotes lead to these sections."""
    at = 0
    for found in _QUOTED.finditer(token.content):
        if found[1] in titles:
            yield Token("text", "", 0, content=token.content[at : found.start()])
            yield from _link_around(f"#{titles[found[1]]}", Token("text", "", 0, content=found[1]))
            at = found.end()
    yield Token("text", "", 0, content=token.content[at:])


def _link_around(target: str, token: Token) -> Iterator[Token]:
    yield Token("link_open", "a", 1, attrs={"href": target})
    yield token
    yield Token("link_close", "a", -1)


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [])


def _free(anchor: str, taken: Sequence[str]) -> str:
    """Return an anchor as GitHub makes it where the same title comes again."""
    number = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", one) is not None for one in taken)
    return f"{anchor}-{number}" if anchor in taken else anchor


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.renderer.rules.update(  # type: ignore[attr-defined]
        table_open=lambda *_: '<div class="scroll" tabindex="0"><table>',
        table_close=lambda *_: "</table></div>\n",
        heading_close=_heading_close,
        fence=_code,
        code_block=_code,
    )
    return made


def _code(tokens: Sequence[Token], index: int, *_: Any) -> str:
    return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'


def _heading_close(tokens: Sequence[Token], index: int, *_: Any) -> str:
    head = tokens[index - 2]
    if head.tag == "h1":
        return "</h1>\n"
    label = escape(f"Link to: {head.meta['title']}")
    return f' <a class="anchor" href="#{escape(str(head.attrGet("id")))}" aria-label="{label}">#</a></{head.tag}>\n'
