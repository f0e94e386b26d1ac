"""The orders that a quarantined record may concern: every order id that can be read from it, even if it is garbled.

Senders' libraries write ids as paths ("/orders/q-1"), URNs ("urn:order:q-1") or names ("order-q-1"), add quotes, spaces
and line ends, percent-encode them, or change their case. Each order that the record may concern waits until a person
has resolved the record. A candidate too many makes an order wait; a missing candidate takes a deposit from a buyer who
paid. Any record may be hostile, so the search and its result are bounded.
"""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from itertools import combinations, islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

from purchasing_contracts.binding import unframed

from service.store.order_hash import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CANDIDATES_MAX = 128
"""Most ids per record."""
SCANNED = 32_768
"""Bytes at each end of a value that are searched for members."""
MEMBERS_MAX = 8
"""Most members read at each end of an event."""
LIST_SCANNED = 1_000_000
"""Bytes of a list that are searched for the events in it: all that a record may have."""

_ID_LENGTH_MAX = 128
_TEXT_LENGTH_MAX = 512
_WORDS_AT_EITHER_END = 6
_PERCENT_DECODINGS = 2
_PREFIXES = 3

_HEADERS = frozenset({"subject", "ce_subject", "ce-subject", "order_id", "ce_orderid", "ce_order_id"})
# The pattern needs no closing quote: it also reads truncated values, and never backtracks, so it is linear in time.
_MEMBER = re.compile(
    r'"(?:subject|order(?:[-_ ]?(?:id|no|number|ref|reference))?)"\s*:\s*'
    rf'(?:"((?:[^"\\]|\\.){{1,{_TEXT_LENGTH_MAX}}})|([0-9]{{1,{_ID_LENGTH_MAX}}}))',
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"[\w.~-]+")
_PREFIX = re.compile(r"[^\W\d_]+[-_.~](?=.)")


def candidate_ids(
    named: str | None, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
) -> tuple[str, ...]:
    """Return the ids of the orders that a record may concern, folded, likeliest first, at most CANDIDATES_MAX.

    `named` is the order that the codec read, or None. Never raises.
    """
    texts = list(dict.fromkeys(text for one in _sources(named, key, value, headers) for text in _readings(one)))
    found = (fold(one) for one in _ids(texts) if 0 < len(one) <= _ID_LENGTH_MAX)
    return tuple(islice(dict.fromkeys(found), CANDIDATES_MAX))


def _sources(
    named: str | None, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
) -> Iterator[str]:
    """Yield the texts in which an order id is expected."""
    if named is not None:
        yield named
    if key is not None:
        yield from _ends(_text(key))
    for name, content in headers:
        if content is not None and name.lower() in _HEADERS:
            yield from _ends(_text(content))
    value = unframed(value)
    if value is None:
        return
    if value.lstrip()[:1] == b"[":
        # A batch: every event in it may be another order's.
        yield from _members(_text(value[:LIST_SCANNED]), CANDIDATES_MAX)
        return
    for piece in dict.fromkeys((value[:SCANNED], value[-SCANNED:])):
        text = _text(piece)
        yield from _members(text)
        if '\\"' in text:
            # An event in a string of JSON.
            yield from _members(text.replace('\\"', '"'))


def _members(text: str, most: int = MEMBERS_MAX) -> Iterator[str]:
    """Yield the values of members named like an order id, from valid or broken JSON."""
    for found in islice(_MEMBER.finditer(text), most):
        written, number = found.groups()
        yield number or _unescaped(written)


def _unescaped(written: str) -> str:
    try:
        return str(json.loads(f'"{written}"', strict=False))
    except ValueError:
        return str(written)


def _text(raw: bytes) -> str:
    """Decode bytes; undecodable bytes become a replacement character, which no id contains."""
    encoding = "utf-16" if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    return raw.decode(encoding, "replace")


def _ends(text: str) -> Iterable[str]:
    """Return the text, or its two ends if it is too long."""
    return (text,) if len(text) <= _TEXT_LENGTH_MAX else (text[:_TEXT_LENGTH_MAX], text[-_TEXT_LENGTH_MAX:])


def _readings(text: str) -> Iterator[str]:
    """Yield the text, its percent-decoded forms, and the normalized and case-changed forms of text beyond ASCII."""
    for _ in range(_PERCENT_DECODINGS + 1):
        yield text
        if not text.isascii():
            plain = unicodedata.normalize("NFKC", text)
            yield from (plain, plain.lower(), plain.upper())
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded


def _ids(texts: Sequence[str]) -> Iterator[str]:
    """Yield possible ids: whole texts, then single words, then the span from each word to each later word."""
    for text in texts:
        yield text
        yield text.strip()
    words = [_words(text) for text in texts]
    for text, spans in zip(texts, words, strict=True):
        for begin, end in spans:
            yield from _word(text[begin:end])
    for text, spans in zip(texts, words, strict=True):
        for (begin, _), (_, end) in combinations(spans, 2):
            yield text[begin:end]


def _word(word: str) -> Iterator[str]:
    """Yield a word, and the word without prefixes such as `order-`."""
    yield word
    yield word.strip(".~-_")
    for _ in range(_PREFIXES):
        prefix = _PREFIX.match(word)
        if prefix is None:
            return
        word = word[prefix.end() :]
        yield word


def _words(text: str) -> list[tuple[int, int]]:
    """Return the start and end of the first and the last words."""
    spans = [found.span() for found in _WORD.finditer(text)]
    if len(spans) <= 2 * _WORDS_AT_EITHER_END:
        return spans
    return [*spans[:_WORDS_AT_EITHER_END], *spans[-_WORDS_AT_EITHER_END:]]
