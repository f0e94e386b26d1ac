"""The codec: Kafka records to events, and messages to records. CloudEvents 1.0, structured and binary mode.

Reasons for refusing a record, in order of precedence. A record with several faults gets the first of them:

- `too_large`: more than 1,000,000 bytes of key, value and headers.
- `not_json`: no value, or a value that is not JSON in UTF-8 (NaN and a byte order mark are not), or JSON beyond our
  limits: nested deeper than 200, a number of more than 4,300 digits. In binary mode the value is only the data.
- `not_cloudevent`: not a JSON object, or without what CloudEvents requires: `specversion` "1.0", then non-empty strings
  `id`, `source` and `type`.
- `unknown_type`: no message has this type.
- `wrong_topic`: the type belongs to another topic, or is one that the service publishes.
- `schema`: another violation of the schema. Attributes first, then members in the order of their model. Null is
  accepted for a member marked `?`, not for one with a default.
- `mixed_currencies`: two currencies. The place is the first that differs from the first one.
- `key_mismatch`: no key, or a key that differs from the subject.

Unknown members and headers are ignored, whatever they contain. Of equal names in an object the last counts. The frame
of a schema registry before the JSON (a zero byte and four bytes of the schema's id) is skipped, because a message names
its type itself.
"""

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from purchasing_contracts.attributes import ANY_EVENT, ANY_PUBLISHED, ENVELOPES, EVENT_TOPICS
from purchasing_contracts.base import MessageData, text_of
from purchasing_contracts.binding import RECORD_SIZE_MAX, Headers, binary_attributes, header_of, size_of, unframed
from purchasing_contracts.examination import event_of, examine, structured
from purchasing_contracts.messages import SOURCE, Event, Message, Publication, Refusal
from purchasing_contracts.money import is_mixed

__all__ = [
    "SOURCE",
    "Event",
    "Headers",
    "Message",
    "Publication",
    "Refusal",
    "decode",
    "decode_published",
    "encode_binary",
    "encode_structured",
    "read_published",
]


def decode(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Event | Refusal:
    """Return the event in a record of a topic that the service reads, or the refusal. Never raises.

    A record is in binary mode if it has a header `ce_specversion` and no content type of CloudEvents' own; else its
    value is a whole event. `data` may be absent or null if none of its members is required. JSON in `data_base64`,
    where there is no `data`, is read as if it stood there. A list of events (batched mode) is refused as a whole.
    """
    return _decode_fast(topic, key, value, headers) or examine(topic, key, value, headers)


_validate = ANY_EVENT.validator.validate_json


def _decode_fast(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Event | None:
    """Return the event of a faultless record, in one pass; None otherwise."""
    if size_of(key, value, headers) > RECORD_SIZE_MAX:
        return None
    attributes = binary_attributes(headers) if headers else None
    text = unframed(value) if attributes is None else structured(attributes, value)
    # The parser accepts NaN in an unknown member.
    if not isinstance(text, bytes) or b"NaN" in text or b"Infinity" in text:
        return None
    try:
        event = event_of(_validate(text))
    except ValidationError:
        return None
    fits = EVENT_TOPICS[event.type] == topic and key == event.subject.encode() and not is_mixed(event.data)
    return event if fits else None


def decode_published(value: bytes) -> tuple[dict[str, str], MessageData]:
    """Return attributes and data of a published message in structured mode.

    Raises `ValueError`, without the content, for any other value.
    """
    found = read_published(value)
    return _attributes(found), found.data


def read_published(value: bytes) -> Publication:
    """Return a published message in structured mode. Raises like `decode_published`."""
    found = _published_fast(value) or _published(value)
    return Publication(found.id, found.subject, found.time, found.data, found.traceparent, found.source)


_validate_published = ANY_PUBLISHED.validator.validate_json


def _published_fast(value: bytes) -> Any:
    """Return the envelope of a faultless message, in one pass; None otherwise."""
    # The parser accepts NaN in an unknown member.
    if b"NaN" in value or b"Infinity" in value:
        return None
    try:
        return _validate_published(value)
    except ValidationError:
        return None


def _published(value: bytes) -> Any:
    """Return the envelope of a message, or raise the error that says what is wrong with it."""
    parsed = from_json(value, allow_inf_nan=False)
    type_ = parsed.get("type") if isinstance(parsed, dict) else None
    if not isinstance(type_, str) or type_ not in ENVELOPES or type_ in EVENT_TOPICS:
        raise ValueError("not a message of a type that the purchasing service publishes")
    return ENVELOPES[type_].model_validate_json(value)


def encode_structured(message: Message) -> bytes:
    """Return a message as the value of a record in structured mode: compact JSON in UTF-8, without None.

    Its header is `content-type: application/cloudevents+json`. Raises `ValueError` for text with lone surrogates.
    """
    event: dict[str, Any] = _attributes(message)
    event["data"] = message.data
    return to_json(event, exclude_none=True)


def encode_binary(message: Message) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return a message as headers and value of a record in binary mode. Raises like `encode_structured`."""
    headers = [(header_of(name), text.encode()) for name, text in _attributes(message).items()]
    return headers, to_json(message.data, exclude_none=True)


def _attributes(message: Message) -> dict[str, str]:
    attributes = {
        "specversion": "1.0",
        "id": message.id,
        "source": message.source,
        "type": message.data.TYPE,
        "subject": message.subject,
        "time": text_of(message.time),
        "datacontenttype": "application/json",
    }
    if message.traceparent is not None:
        attributes["traceparent"] = message.traceparent
    return attributes
