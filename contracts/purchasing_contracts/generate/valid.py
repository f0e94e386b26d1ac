"""The valid examples: each message with as little and with as much as it may have, and what is tolerated besides.

An example is the CloudEvent in structured form; `*.record` is a whole record in binary mode, as `kcat -J` prints it.
"""

from typing import Any

from pydantic_core import from_json, to_json

from purchasing_contracts.base import MessageData, instant_of
from purchasing_contracts.envelope import Event, Publication, encode_structured
from purchasing_contracts.generate.samples import EVENTS, FURTHER, PUBLISHED, Json
from purchasing_contracts.records import STRUCTURED_HEADERS, Record, notation_of, record_of
from purchasing_contracts.topics import class_of, topic_of

ORDER = "ord-1001"
TIME = "2026-03-02T09:00:00Z"
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def valid_examples(type_: str) -> dict[str, Json]:
    """Return the valid examples of a type by name. Raises `LookupError` for a type that has no sample."""
    if type_ in EVENTS:
        return _of_event(type_)
    if type_ in PUBLISHED:
        return _of_publication(type_)
    raise LookupError(f"{type_} has no sample: add one to EVENTS or PUBLISHED in generate/samples.py")


def record(type_: str, value: Any, key: str | None = ORDER) -> Json:
    """A record on the type's topic, in structured mode, as `kcat -J` prints it. A value that is no text is JSON."""
    text = value if isinstance(value, str) else to_json(value).decode()
    made = Record(
        topic_of(_class(type_)).name, None if key is None else key.encode(), text.encode(), STRUCTURED_HEADERS
    )
    return notation_of(made)


def minimal_event(type_: str) -> Json:
    """An event with nothing but what is required. Where the data has no required member it is `{}`."""
    required, _ = EVENTS[type_]
    return {
        "specversion": "1.0",
        "id": "evt-1",
        "source": f"/{type_.split('.')[1]}",
        "type": type_,
        "subject": ORDER,
        "time": TIME,
        "data": required,
    }


def _of_event(type_: str) -> dict[str, Json]:
    required, optional = EVENTS[type_]
    minimal = minimal_event(type_)
    whole = {**minimal, "datacontenttype": "application/json", "traceparent": _TRACEPARENT}
    data = {**required, **optional}
    built: Any = _class(type_).model_validate_json(to_json(data))
    event = Event("evt-1", minimal["source"], type_, ORDER, instant_of(TIME), built)
    return {
        "minimal": minimal,
        "whole": {**_without_data(whole), "data": data},
        "tolerated": _tolerated(type_),
        "binary-mode.record": notation_of(record_of(event, "binary")),
        **{name: {**_without_data(minimal), "data": data} for name, data in FURTHER.get(type_, {}).items()},
    }


def _tolerated(type_: str) -> Json:
    """Return an event with everything that is accepted and not usual."""
    required, _ = EVENTS[type_]
    members = _class(type_).model_fields
    absent = {name: None for name, member in members.items() if not member.is_required() and member.default is None}
    return {
        **_without_data(minimal_event(type_)),
        "time": "2026-03-02T17:00:00.123456789+08:00",
        "datacontenttype": "application/json; charset=utf-8",
        "partitionkey": "an extension that nobody reads",
        "data": {**required, **absent, "a_member_of_the_future": {"nobody": "reads it"}},
    }


def _of_publication(type_: str) -> dict[str, Json]:
    required, optional = PUBLISHED[type_]
    examples = {"minimal": _published(type_, required)}
    examples |= {"whole": _published(type_, {**required, **optional}, _TRACEPARENT)}
    return examples | {name: _published(type_, data) for name, data in FURTHER.get(type_, {}).items()}


def _published(type_: str, data: Json, traceparent: str | None = None) -> Json:
    """Return the data as our own encoder writes it."""
    built = _class(type_).model_validate_json(to_json(data))
    id_ = data.get("command_id", "5d0c4f0e-1f0a-5b1c-8a55-6b1d0e8f2a01")
    published = Publication(id_, data.get("order_id", ORDER), instant_of(TIME), built, traceparent)
    made: Json = from_json(encode_structured(published))
    return made


def _without_data(event: Json) -> Json:
    return {name: value for name, value in event.items() if name != "data"}


def _class(type_: str) -> type[MessageData]:
    found = class_of(type_)
    assert found is not None, type_
    return found
