"""Read the input of `simulate`: a case document, a JSON array or JSON lines of CloudEvents, unchanged byte for byte.

Events are passed on as written, because only the codec decides whether `129900.0` or `1e5` is a whole number.
"""

from __future__ import annotations

import json
from typing import NamedTuple

WHITESPACE = " \t\n\r"

# Numbers stay text: the codec refuses one of ten thousand digits.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


class InputError(Exception):
    """The input is not a document of events. The text says where it is broken."""


class InputEvent(NamedTuple):
    """One event as written, and its place in the input, for people."""

    where: str
    value: bytes


class Input(NamedTuple):
    """The events in order, and the end of the clock that a case document states (RFC 3339; None: none)."""

    events: list[InputEvent]
    until: str | None


def read_input(raw: bytes) -> Input:
    """Split the input into events. Raises InputError for a broken document; a broken line is an event."""
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
        raise InputError(f"the input begins like one JSON document, but is not valid JSON{place}") from None
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
    """Return the elements of the well-formed array that begins there."""
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
    """Return where the last member of this name begins, in the object that begins there and has one."""
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
