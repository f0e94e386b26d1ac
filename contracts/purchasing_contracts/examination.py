"""The slow path of the codec: check a record step by step, in order of precedence, to find the fault and its place.

`envelope.decode` calls it for records that its fast path refused. Most are faulty; a few are valid, such as one with a
lone surrogate in an unknown member.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from purchasing_contracts.attributes import ENVELOPES, EVENT_TOPICS, trace_context
from purchasing_contracts.base import NO_NUL
from purchasing_contracts.binding import RECORD_SIZE_MAX, Headers, binary_attributes, is_framed, size_of, unframed
from purchasing_contracts.messages import Event, Refusal
from purchasing_contracts.money import currencies
from purchasing_contracts.quarantine import Reason
from purchasing_contracts.topics import class_of

_IDENTIFIER_LENGTH_MAX = 128
_READ = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")

# Matches every escape of a JSON text, with surrogate pairs whole; only a lone surrogate is in the group.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)

BATCH = "the JSON is a list, as a batch of events is: send each event in a record of its own"
ENCODED_TWICE = "the JSON is a string that holds JSON: send the event itself, encoded once"
HTTP_HEADERS = "its attributes are in headers ce-…, as over HTTP: in Kafka they begin with ce_"
DATA_ENCODED_TWICE = "Input should be an object, and is a string: encode the data once"
NO_JSON_IN_BASE64 = "should be base 64 (RFC 4648) of the JSON data, without `data` beside it"


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of a record, before its order is known."""

    reason: Reason
    place: str
    because: str


def examine(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    carried: Mapping[str, str] = EVENT_TOPICS,
) -> Event | Refusal:
    """Return the event in a record, or its first fault in the order of `envelope.decode`.

    `carried` maps the accepted types to their topics.
    """
    attributes = binary_attributes(headers)
    members: dict[str, Any] = {**attributes} if attributes is not None else {}
    if size_of(key, value, headers) > RECORD_SIZE_MAX:
        fault = Fault("too_large", "", f"the record has more than {RECORD_SIZE_MAX:,} bytes")
        return _refusal(fault, key, members)
    text = structured(attributes, value)
    # Parse again, because the data of binary mode may be nested too deeply for the whole event.
    parsed = text if isinstance(text, Fault) else _parsed(text)
    if isinstance(parsed, Fault):
        return _refusal(parsed, key, members)
    if not isinstance(parsed, dict):
        return _refusal(Fault("not_cloudevent", "", _no_object(parsed)), key, members)
    decoded = _event(topic, key, cast("bytes", text), parsed, carried)
    if isinstance(decoded, Event):
        return decoded
    if decoded.reason == "not_cloudevent" and attributes is None and _has_http_headers(headers):
        decoded = replace(decoded, because=f"{decoded.because}; {HTTP_HEADERS}")
    return _refusal(decoded, key, parsed)


def structured(attributes: dict[str, str] | None, value: bytes | None) -> bytes | Fault:
    """Return the whole event as valid JSON."""
    text = _structured(attributes, unframed(value))
    if isinstance(text, Fault) and is_framed(value):
        behind = "after the frame of a schema registry (a zero byte and four of an id)"
        return Fault(text.reason, text.place, f"{behind}: {text.because}")
    return text


def _structured(attributes: dict[str, str] | None, value: bytes | None) -> bytes | Fault:
    if attributes is None:
        return _json(value)
    if not value:
        return to_json(attributes)
    data = _json(value)
    return data if isinstance(data, Fault) else _with_data(attributes, data)


def _with_data(attributes: Mapping[str, Any], data: bytes) -> bytes:
    """Return an event in structured form, from its attributes and the JSON text of its data."""
    return to_json(attributes, inf_nan_mode="null")[:-1] + b',"data":' + data + b"}"


def _json(value: bytes | None) -> bytes | Fault:
    """Return the text if it is JSON, with NUL for every lone surrogate; known members may contain neither."""
    if value is None:
        return Fault("not_json", "", "the record has no value")
    text = _ESCAPE.sub(lambda found: b"\\u0000" if found[1] else found[0], value) if b"\\u" in value else value
    parsed = _parsed(text)
    return parsed if isinstance(parsed, Fault) else text


def _parsed(text: bytes) -> Any | Fault:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        # The parser's message has the expectation and the position, never the content.
        return Fault("not_json", "", f"not JSON in UTF-8: {error}")


def _event(
    topic: str, key: bytes | None, text: bytes, parsed: dict[str, Any], carried: Mapping[str, str]
) -> Event | Fault:
    fault = _not_cloudevent(parsed) or _misplaced(topic, parsed["type"], carried)
    if fault is not None:
        return fault
    if parsed.get("data_base64") is not None:
        text = _from_base64(parsed) or text
    try:
        envelope = ENVELOPES[parsed["type"]].model_validate_json(text)
    except ValidationError as error:
        return _violation(error.errors(include_url=False, include_input=False)[0], parsed)
    event = event_of(envelope)
    return _mixed(event) or _mismatch(event, key) or event


def _from_base64(parsed: dict[str, Any]) -> bytes | None:
    """Return the event with the JSON of its `data_base64` as `data`; None where there is none, or `data` beside it."""
    encoded = parsed["data_base64"]
    if not isinstance(encoded, str) or parsed.get("data") is not None:
        return None
    try:
        data = _json(binascii.a2b_base64(encoded.encode(), strict_mode=True))
    except ValueError:
        return None
    if isinstance(data, Fault):
        return None
    attributes = {name: parsed[name] for name in _READ if name in parsed}
    if isinstance(trace := parsed.get("traceparent"), str):
        attributes["traceparent"] = trace
    text = _with_data(attributes, data)
    # The data may be nested too deeply for the whole event.
    return None if isinstance(_parsed(text), Fault) else text


def event_of(envelope: Any) -> Event:
    """Return the event of a validated envelope."""
    data = envelope.data
    if data is None:
        empty: Any = class_of(envelope.type)
        data = empty()
    return Event(
        envelope.id,
        envelope.source,
        envelope.type,
        envelope.subject,
        envelope.time,
        data,
        trace_context(envelope.traceparent) if envelope.traceparent is not None else None,
    )


def _not_cloudevent(parsed: dict[str, Any]) -> Fault | None:
    """Check what CloudEvents itself requires of the members that we read; the schema checks the rest."""
    if parsed.get("specversion") != "1.0":
        return Fault("not_cloudevent", "/specversion", 'should be the string "1.0"')
    for name in ("id", "source", "type"):
        value = parsed.get(name)
        if not isinstance(value, str) or not value:
            return Fault("not_cloudevent", f"/{name}", "should be a string that is not empty")
    return None


def _no_object(parsed: object) -> str:
    """Return what is wrong with a value that is no object, for the ways in which senders wrap events."""
    if isinstance(parsed, list):
        return BATCH
    if isinstance(parsed, str) and isinstance(_parsed(parsed.encode()), dict):
        return ENCODED_TWICE
    return "the JSON is no object"


def _has_http_headers(headers: Headers) -> bool:
    """Return whether attributes are in headers `ce-*`, as CloudEvents' HTTP binding has them, and not Kafka's."""
    return any(name.lower() == "ce-specversion" for name, _ in headers)


def _misplaced(topic: str, type_: str, carried: Mapping[str, str]) -> Fault | None:
    if class_of(type_) is None:
        return Fault("unknown_type", "/type", "no message has this type")
    if carried.get(type_) != topic:
        return Fault("wrong_topic", "/type", f"{type_} does not come on this topic")
    return None


def _violation(error: ErrorDetails, parsed: dict[str, Any]) -> Fault:
    place = "".join(f"/{step}" for step in error["loc"])
    if error["type"] == "string_pattern_mismatch" and error.get("ctx", {}).get("pattern") == NO_NUL:
        return Fault("schema", place, "should hold neither NUL nor a lone surrogate")
    if place == "/data_base64":
        return Fault("schema", place, NO_JSON_IN_BASE64)
    if place == "/data" and isinstance(parsed.get("data"), str):
        return Fault("schema", place, DATA_ENCODED_TWICE)
    # Pydantic's messages contain the expectation, not the content.
    return Fault("schema", place, error["msg"])


def _mixed(event: Event) -> Fault | None:
    named = list(currencies(event.data, "/data"))
    for place, currency in named:
        if currency != named[0][1]:
            return Fault("mixed_currencies", place, f"is another currency than at {named[0][0]}")
    return None


def _mismatch(event: Event, key: bytes | None) -> Fault | None:
    if key is None:
        return Fault("key_mismatch", "/subject", "the record has no key; it should equal the subject")
    if key != event.subject.encode():
        return Fault("key_mismatch", "/subject", "the record's key should equal the subject, as UTF-8")
    return None


def _refusal(fault: Fault, key: bytes | None, members: dict[str, Any]) -> Refusal:
    type_ = members.get("type")
    return Refusal(
        fault.reason,
        fault.place,
        _identifier(members.get("subject")) or _identifier(key),
        fault.because,
        type_ if isinstance(type_, str) and class_of(type_) is not None else None,
    )


def _identifier(value: object) -> str | None:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return None
    fits = isinstance(value, str) and 0 < len(value) <= _IDENTIFIER_LENGTH_MAX and "\0" not in value
    return str(value) if fits else None
