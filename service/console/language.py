"""The languages of the pages: English and zh-CN. A page's sentences are translated when it is rendered."""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from string import Formatter
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape
from purchasing_contracts.base import text_of

from service.console.links import search_link
from service.console.words import ZH_CN
from service.operations.sentence import Amount, Id, Sentence, Timestamp, translate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

LANGUAGES = ("en", "zh-CN")
NAMES = {"en": "English", "zh-CN": "中文"}
_CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": {}, "zh-CN": ZH_CN}
_SEPARATORS = {"en": ", ", "zh-CN": "、"}
KEPT = 5_000
"""Templates and instants whose HTML is kept; there are a thousand templates."""
ACCEPT_LENGTH_MAX = 500
"""Of an Accept-Language, so much is read."""


class PlainLanguage:
    """A language as plain text: for JSON, and for the letter."""

    def __init__(self, code: str) -> None:
        """Take one of LANGUAGES."""
        self.code = code
        self._catalogue = _CATALOGUES[code]

    def template(self, template: str) -> str:
        """Return the template in this language."""
        return self._catalogue.get(template, template)

    def plain(self, text: object) -> Any:
        """Return an argument as it is."""
        return text

    def filled(self, template: str, arguments: Mapping[str, Any]) -> str:
        """Put the arguments in."""
        return template.format(**arguments)

    def enumeration(self, parts: list[Any]) -> str:
        """Join the members."""
        return _SEPARATORS[self.code].join(map(str, parts))

    def translate(self, text: str) -> str:
        """Return a sentence in this language."""
        return str(translate(text, self))

    def translate_published(self, words: str) -> str:
        """Return words that were published, such as a `because`: known ones in this language."""
        return self._catalogue.get(words, words)


class PageLanguage:
    """A language as HTML. Whatever came with a message is escaped, and isolated from the direction of the text."""

    def __init__(self, code: str, zone: tzinfo = UTC, *, may_search: bool = False) -> None:
        """Take one of LANGUAGES, the zone of instants, and whether ids lead to the search."""
        self.code = code
        self._zone = zone
        self._may_search = may_search

    def template(self, template: str) -> Markup:
        """Return the template in this language, or in English and marked as such."""
        return _template(self.code, template)

    def plain(self, text: object) -> Markup:
        """Return an argument as HTML."""
        if isinstance(text, Markup):
            return text
        if isinstance(text, Amount):
            return Markup(f'<span class="amount">{escape(str(text))}</span>')  # noqa: S704 - escaped
        if isinstance(text, Timestamp):
            return time_element(text.at, self._zone)
        if isinstance(text, Id) and self._may_search:
            return Markup(f'<a class="id" href="{escape(search_link(text))}">{_isolated(text)}</a>')  # noqa: S704 - escaped
        if isinstance(text, str):
            return _isolated(text)
        return escape(text)

    def filled(self, template: Markup, arguments: Mapping[str, Markup]) -> Markup:
        """Put the arguments in, which `plain` made HTML: for that, `Markup.format` takes ten times as long."""
        return Markup("".join([arguments[piece] if is_name else piece for is_name, piece in _pieces(template)]))  # noqa: S704 - escaped

    def enumeration(self, parts: list[Any]) -> Markup:
        """Join the members."""
        return escape(_SEPARATORS[self.code]).join(parts)

    def translate(self, text: str) -> Markup:
        """Return a sentence in this language."""
        translated: Markup = translate(text, self)
        return translated

    def fill_in(self, template: str, arguments: Mapping[str, object]) -> Markup:
        """Return what `translate` does of the sentence that these make, without its English text."""
        found = _template(self.code, template)
        if not arguments:
            return found
        ready = {
            name: self.translate(value) if isinstance(value, str) else self.plain(value)
            for name, value in arguments.items()
        }
        return self.filled(found, ready)

    def translate_published(self, words: str) -> Markup:
        """Return words that were published, such as a `because`: known ones in this language."""
        found = _CATALOGUES[self.code].get(words)
        if found is not None:
            return escape(found)
        return _isolated(words) if self.code == "en" else Markup(f'<span lang="en">{_isolated(words)}</span>')  # noqa: S704 - escaped


@lru_cache(maxsize=KEPT)
def _template(code: str, template: str) -> Markup:
    found = _CATALOGUES[code].get(template)
    if found is None and code != "en" and any(letter.isalpha() for letter in template):
        return Markup('<span lang="en">') + escape(template) + Markup("</span>")
    return escape(template if found is None else found)


@lru_cache(maxsize=KEPT)
def _pieces(template: str) -> tuple[tuple[bool, str], ...]:
    """Return a template's texts, and the names of the arguments between them: whether it is one, and which."""
    found: list[tuple[bool, str]] = []
    for text, name, format_, conversion in Formatter().parse(template):
        if text:
            found.append((False, text))
        if name is not None:
            assert name.isidentifier(), template
            assert not format_, template
            assert conversion is None, template
            found.append((True, name))
    return tuple(found)


def _isolated(text: str) -> Markup:
    return Markup(f"<bdi>{escape(str(text))}</bdi>")  # noqa: S704 - escaped


@lru_cache(maxsize=KEPT)
def time_element(at: datetime, zone: tzinfo) -> Markup:
    """Return an instant in a zone, with its offset, and in UTC: there without the date if it is the same."""
    local = at.astimezone(zone)
    offset = f"{local:%z}"
    offset = f"{offset[:3]}:{offset[3:5]}"
    utc = f"{at:%H:%M:%S}" if at.date() == local.date() else f"{at:%Y-%m-%d %H:%M:%S}"
    if offset == "+00:00":
        shown = f'<span class="offset">{offset}</span>'
    else:
        shown = f'<span class="offset">{offset}</span> <span class="utc">({utc} UTC)</span>'
    return Markup(f'<time datetime="{text_of(at)}">{local:%Y-%m-%d %H:%M:%S} {shown}</time>')  # noqa: S704 - digits


def language_of(asked: str | None, kept: str | None, accepted: str | None) -> str:
    """Return the language of a page: the one asked for in the URL, else that of the cookie, else the browser's."""
    for code in (asked, kept):
        if code in LANGUAGES:
            return str(code)
    wanted = []
    for place, part in enumerate((accepted or "")[:ACCEPT_LENGTH_MAX].split(",")):
        name, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            quality = 0.0
        wanted.append((-quality, place, name.strip().lower()))
    for negative, _, name in sorted(wanted):
        if negative < 0 and name.split("-")[0] in ("zh", "en"):
            return "zh-CN" if name.startswith("zh") else "en"
    return "en"


def as_sentence(text: str) -> Sentence:
    """Return a text of the service as a sentence, so that a catalogue may know it."""
    return text if isinstance(text, Sentence) else Sentence(text)
