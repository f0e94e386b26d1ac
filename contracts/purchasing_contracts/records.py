"""Kafka records, independent of a client library."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from purchasing_contracts.binding import Headers
from purchasing_contracts.envelope import encode_binary, encode_structured
from purchasing_contracts.messages import Message
from purchasing_contracts.topics import topic_of

Mode = Literal["structured", "binary"]

STRUCTURED_HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", b"application/cloudevents+json"),)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a topic. `partition` and `offset` are -1 before it is written."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int = -1
    offset: int = -1


def record_of(message: Message, mode: Mode = "structured") -> Record:
    """Return the record for a message: on the topic of its type, with the order's id as key.

    Raises `ValueError` for text with lone surrogates, and `KeyError` for data of no message.
    """
    topic, key = topic_of(type(message.data)).name, message.subject.encode()
    if mode == "binary":
        headers, value = encode_binary(message)
        return Record(topic, key, value, headers)
    return Record(topic, key, encode_structured(message), STRUCTURED_HEADERS)


def from_notation(noted: Mapping[str, Any]) -> Record:
    """Return the record of a JSON object as `kcat -C -J` prints it.

    It has `topic`, `key`, `headers` (a list of name, value, name, value and so on) and `payload`. Raises `ValueError`
    for other objects.
    """
    topic, key, value = noted.get("topic"), noted.get("key"), noted.get("payload")
    headers = noted.get("headers") or []
    texts_fit = isinstance(topic, str) and all(text is None or isinstance(text, str) for text in (key, value))
    if not texts_fit or not isinstance(headers, list) or len(headers) % 2:
        raise ValueError("not a record as kcat -J prints it: topic, key, headers and payload are strings")
    names, contents = headers[::2], headers[1::2]
    if not all(isinstance(name, str) for name in names) or not all(
        content is None or isinstance(content, str) for content in contents
    ):
        raise ValueError("not a record as kcat -J prints it: headers are a list of names and values, in turn")
    pairs = tuple((name, _bytes(content)) for name, content in zip(names, contents, strict=True))
    return Record(str(topic), _bytes(key), _bytes(value), pairs)


def notation_of(record: Record) -> dict[str, Any]:
    """Return a record as such a JSON object. Raises `UnicodeDecodeError` if its bytes are not UTF-8."""
    headers: list[str | None] = []
    for name, content in record.headers:
        headers += [name, _text(content)]
    return {"topic": record.topic, "key": _text(record.key), "headers": headers, "payload": _text(record.value)}


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode()
