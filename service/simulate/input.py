"""What `simulate` reads: a case document, a JSON array or JSON lines of CloudEvents, split without changing a byte.

Events are handed on as they were written: whether `129900.0` or `1e5` is a whole number is for the codec to say, and a
parser that had read them already would have hidden it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

WHITESPACE = " \t\n\r"

# Numbers stay text: one of ten thousand digits is the codec's to refuse.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


class InputError(Exception):
    """The input is no document of events; the text says where it stops being one."""


class InputEvent(NamedTuple):
    """One event as it was written, and where it stands, for people."""

    where: str
    value: bytes


class Input(NamedTuple):
    """The events in their order, and the end that a case document names for itself (RFC 3339; None: none)."""

    events: list[InputEvent]
    until: str | None


def read_input(raw: bytes) -> Input:
    """Split what was read. Raises InputError for a document that is broken as a whole; a broken line is an event."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Input(_lines(raw), None)
    start = _skip(text, 0)
    if start == len(text):
        return Input([], None)
    try:
        document, end = _decoder.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        first_line = text[start:].split("\n", 1)[0].strip()
        if first_line not in ("{", "["):
            return Input(_lines(text.encode()), None)
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"the input begins like one JSON document and isn't one{place}") from None
    if _skip(text, end) < len(text):
        return Input(_lines(text.encode()), None)
    if isinstance(document, list):
        return Input(_array(text, start), None)
    if isinstance(document, dict) and isinstance(document.get("events"), list):
        until = document.get("until")
        return Input(_array(text, _place_of(text, start, "events")), until if isinstance(until, str) else None)
    return Input([InputEvent("event 1", text[start:end].encode())], None)


def _lines(raw: bytes) -> list[InputEvent]:
    return [InputEvent(f"line {nth}", line) for nth, line in enumerate(raw.split(b"\n"), 1) if line.strip()]


def _array(text: str, start: int) -> list[InputEvent]:
    """The elements of the array that begins there; it is known to be well formed."""
    items: list[InputEvent] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        _, end = _decoder.raw_decode(text, at)
        items.append(InputEvent(f"event {len(items) + 1}", text[at:end].encode()))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return items


def _place_of(text: str, start: int, name: str) -> int:
    """Where the last member of this name begins in the object that begins there; it is known to have one."""
    found = start
    at = _skip(text, start + 1)
    while text[at] != "}":
        member, end = _decoder.raw_decode(text, at)
        value = _skip(text, _skip(text, end) + 1)
        if member == name:
            found = value
        _, end = _decoder.raw_decode(text, value)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in WHITESPACE:
        at += 1
    return at
