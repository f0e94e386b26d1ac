"""The languages of the pages: English and zh-CN. A page's sentences are translated when it is rendered."""

from __future__ import annotations

from datetime import UTC
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
        self._catalogue = _CATALOGUES[code]
        self._may_search = may_search

    def template(self, template: str) -> Markup:
        """Return the template in this language, or in English and marked as such."""
        found = self._catalogue.get(template)
        if found is None and self.code != "en" and any(letter.isalpha() for letter in template):
            return Markup('<span lang="en">') + escape(template) + Markup("</span>")
        return escape(template if found is None else found)

    def plain(self, text: object) -> Markup:
        """Return an argument as HTML."""
        if isinstance(text, Markup):
            return text
        if isinstance(text, Amount):
            return Markup('<span class="amount">{}</span>').format(str(text))
        if isinstance(text, Timestamp):
            return time_element(text.at, self._zone)
        if isinstance(text, Id) and self._may_search:
            return Markup('<a class="id" href="{}"><bdi>{}</bdi></a>').format(search_link(text), str(text))
        if isinstance(text, str):
            return Markup("<bdi>{}</bdi>").format(str(text))
        return escape(text)

    def enumeration(self, parts: list[Any]) -> Markup:
        """Join the members."""
        return escape(_SEPARATORS[self.code]).join(parts)

    def translate(self, text: str) -> Markup:
        """Return a sentence in this language."""
        translated: Markup = translate(text, self)
        return translated

    def translate_published(self, words: str) -> Markup:
        """Return words that were published, such as a `because`: known ones in this language."""
        found = self._catalogue.get(words)
        if found is None and self.code != "en":
            return Markup('<span lang="en"><bdi>{}</bdi></span>').format(words)
        return Markup("<bdi>{}</bdi>").format(words) if found is None else escape(found)


def time_element(at: datetime, zone: tzinfo) -> Markup:
    """Return an instant in a zone, with its offset, and in UTC: there without the date if it is the same."""
    local = at.astimezone(zone)
    offset = f"{local:%z}"
    offset = f"{offset[:3]}:{offset[3:5]}"
    utc = f"{at:%H:%M:%S}" if at.date() == local.date() else f"{at:%Y-%m-%d %H:%M:%S}"
    if offset == "+00:00":
        return Markup('<time datetime="{}">{} <span class="offset">+00:00</span></time>').format(
            text_of(at), f"{local:%Y-%m-%d %H:%M:%S}"
        )
    return Markup(
        '<time datetime="{}">{} <span class="offset">{}</span> <span class="utc">({} UTC)</span></time>'
    ).format(text_of(at), f"{local:%Y-%m-%d %H:%M:%S}", offset, utc)


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
