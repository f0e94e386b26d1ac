"""JSON files from people: one message, an array, or one message per line; split without changing a byte.

Messages are passed on as written, because only the codec decides whether `129900.0` or `1e5` is a whole number.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from purchasing_contracts.records import Record, from_notation
from purchasing_contracts.topics import TOPICS, class_of, topic_of

WHITESPACE = " \t\n\r"

# Numbers stay text: the codec refuses one of ten thousand digits.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


class Found(NamedTuple):
    """One message as written, and its place in the file. `key` is None if it came without a record."""

    where: str
    record: Record


def read_documents(raw: bytes, topic: str | None = None) -> Iterator[Found]:
    """Return the messages in a file.

    The file has CloudEvents, records as `kcat -J` prints them, or an invalid example of this package: one, an array, or
    one per line. A CloudEvent by itself becomes a record in structured mode with its subject as key, on the topic of
    its type unless another is given. Raises `ValueError` for a malformed record.
    """
    for where, text in _pieces(raw):
        yield from _found(where, text, topic)


def _pieces(raw: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield from _lines(raw)
        return
    start = _skip(text, 0)
    try:
        document, end = _decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        yield from _lines(raw)
        return
    if _skip(text, end) < len(text):
        yield from _lines(raw)
    elif isinstance(document, list):
        yield from _array(text, start)
    else:
        yield "the file", text[start:end].encode("utf-8", "surrogatepass")


def _lines(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Return one message per line; if no line is a message by itself, the file is one broken message."""
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and not any(_is_message(line) for _, line in lines):
        yield "the file", raw
        return
    for number, line in lines:
        yield f"line {number}", line


def _is_message(line: bytes) -> bool:
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(parsed, dict) and ("specversion" in parsed or "payload" in parsed)


def _array(text: str, start: int) -> Iterator[tuple[str, bytes]]:
    """Return the elements of the well-formed array that begins there."""
    at, number = _skip(text, start + 1), 0
    while text[at] != "]":
        _, end = _decoder.raw_decode(text, at)
        number += 1
        yield f"message {number}", text[at:end].encode("utf-8", "surrogatepass")
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in WHITESPACE:
        at += 1
    return at


def _found(where: str, text: bytes, topic: str | None) -> Iterator[Found]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict) and "specversion" not in parsed:
        if isinstance(parsed.get("records"), list) and isinstance(parsed.get("refused"), dict):
            for number, noted in enumerate(written_out(parsed), 1):
                yield Found(f"{where}, record {number}", from_notation(noted))
            return
        if "payload" in parsed and "topic" in parsed:
            yield Found(where, from_notation(parsed))
            return
    yield Found(where, _by_itself(text, parsed, topic))


def written_out(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the records of an invalid example.

    `append_spaces` is a number of spaces after a payload. `times` is how often a record comes, with `{n}` in it
    replaced by 1, 2, 3 and so on. So a megabyte or a thousand messages need no file of that size.
    """
    for noted in example["records"]:
        payload = noted["payload"] + " " * example.get("append_spaces", 0)
        for n in range(1, example.get("times", 1) + 1):
            yield {**noted, "payload": payload.replace("{n}", str(n))}


def _by_itself(text: bytes, parsed: Any, topic: str | None) -> Record:
    """Return the record for a CloudEvent."""
    members = parsed if isinstance(parsed, dict) else {}
    subject, type_ = members.get("subject"), members.get("type")
    cls = class_of(type_) if isinstance(type_, str) else None
    own = topic_of(cls).name if cls is not None else TOPICS[0].name
    key = subject.encode("utf-8", "surrogatepass") if isinstance(subject, str) else None
    return Record(topic or own, key, text, ())
