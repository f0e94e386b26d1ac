"""Advice for people about a fault: the description of the member, and common causes."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from purchasing_contracts.messages import Refusal
from purchasing_contracts.quarantine import Reason
from purchasing_contracts.schema import schema_of
from purchasing_contracts.topics import TOPICS, class_of, topic_of

Json = dict[str, Any]

_ADVICE: dict[Reason, str] = {
    "too_large": "Send references instead of contents; key, value and headers may have 1,000,000 bytes together.",
    "not_json": "The value must be one JSON text in UTF-8 without a byte order mark; NaN and Infinity are no JSON.",
    "not_cloudevent": 'A CloudEvent has "specversion": "1.0", and an "id", "source" and "type" that are not empty.',
    "conflict": "An id names one message for ever: send it again unchanged, or make a new id for new content.",
    "in_the_future": "`time` is when it happened, with the right offset; look at the sender's clock and time zone.",
    "too_many_facts": "Look for a loop that sends the same facts under new ids.",
    "mixed_currencies": "All money in one message has one currency.",
    "key_mismatch": "Set the record's key to the order's id, the same text as `subject`, in UTF-8.",
}


@dataclass(frozen=True, slots=True)
class Warned:
    """A remark for the writer of a message. `place` is a JSON pointer."""

    place: str
    because: str


def advice_on(refusal: Refusal) -> str:
    """Return what to do about a refusal; empty if there is nothing to add to its text."""
    if refusal.reason == "unknown_type":
        return "`purchasing-contracts schema` lists the types there are."
    if refusal.reason == "wrong_topic" and refusal.type is not None:
        cls = class_of(refusal.type)
        return "" if cls is None else f"It belongs on {topic_of(cls).name}."
    if refusal.reason == "schema" and refusal.type is not None:
        return _meaning(refusal.type, refusal.place)
    return _ADVICE.get(refusal.reason, "")


def warnings_of(event: object) -> tuple[Warned, ...]:
    """Return remarks on an event: unknown members, deprecated members, a typing error in a type."""
    type_ = event.get("type") if isinstance(event, dict) else None
    if not isinstance(type_, str):
        return ()
    schema = _schema(type_)
    if schema is not None:
        ending = schema.get("x-deprecated")
        remarks = [Warned("/type", f"ends on {ending['ends']}; write {ending['instead']} instead")] if ending else []
        return (*remarks, *_unread(event, schema, schema["$defs"], ""))
    close = difflib.get_close_matches(type_, types(), 1, 0.8)
    return tuple(Warned("/type", f"is `{one}` meant?") for one in close)


@cache
def _schema(type_: str) -> Json | None:
    """Return the schema of a type. Cached; the number of types is fixed."""
    cls = class_of(type_)
    return None if cls is None else schema_of(cls)


def types() -> list[str]:
    """Return all types, in the order of the registry."""
    return [message.TYPE for topic in TOPICS for message in topic.messages]


def _meaning(type_: str, place: str) -> str:
    """Return the description of the member at a place, or of its nearest parent that has one."""
    schema = _schema(type_)
    if schema is None:
        return ""
    found, member = "", ""
    at: Json = schema
    for step in place.split("/")[1:]:
        at = _resolved(at, schema["$defs"])
        at = at.get("items", {}) if step.isdigit() else at.get("properties", {}).get(step, {})
        if "description" in at:
            found, member = at["description"], step
    choices = _resolved(at, schema["$defs"]).get("enum")
    one_of = f" One of {', '.join(choices)}." if choices else ""
    return f"`{member}`: {found}{one_of}" if found else ""


def _unread(value: object, schema: Json, definitions: Json, place: str) -> Iterator[Warned]:
    shape = _resolved(schema, definitions)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unread(item, shape.get("items", {}), definitions, f"{place}/{index}")
    elif isinstance(value, dict) and "properties" in shape:
        for name, member in value.items():
            if name in shape["properties"]:
                if shape["properties"][name].get("deprecated"):
                    yield Warned(f"{place}/{name}", "is deprecated")
                yield from _unread(member, shape["properties"][name], definitions, f"{place}/{name}")
            elif warned := _stranger(name, list(shape["properties"]), place):
                yield warned


def _stranger(name: str, known: list[str], place: str) -> Warned | None:
    """Return a remark on an unknown member. Extension attributes only if they look like typing errors."""
    close = difflib.get_close_matches(name.lower(), known, 1, 0.75)
    if not place and not close:
        return None
    meant = f"; is `{close[0]}` meant?" if close else ""
    return Warned(f"{place}/{name}", f"no member of this name is read{meant}")


def _resolved(schema: Json, definitions: Json) -> Json:
    """Resolve a reference, or the one branch that is not null, and keep the description given there."""
    for branch in schema.get("anyOf", []):
        if branch != {"type": "null"}:
            return _resolved(branch, definitions)
    if "$ref" in schema:
        shape: Json = definitions[schema["$ref"].rpartition("/")[2]]
        return shape
    return schema
