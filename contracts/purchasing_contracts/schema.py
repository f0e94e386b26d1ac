"""The JSON Schema (2020-12) of each message, made from its model.

A schema describes the whole CloudEvent in structured form; its `data` is `$defs/<class>`, which by itself describes the
value of a record in binary mode. Schemas of messages that the service reads say what it accepts. Schemas of messages
that it publishes say what it writes: members that are always present are required, and nothing is ever null. All are
open: the service ignores unknown members, and so must you. Enumerations of published messages are open
(`x-open-enumeration`): the values known today are their `examples`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from purchasing_contracts.attributes import ENVELOPES
from purchasing_contracts.base import MessageData
from purchasing_contracts.messages import SOURCE
from purchasing_contracts.quarantine import RecordQuarantined
from purchasing_contracts.topics import topic_of
from purchasing_contracts.versions import DEPRECATED, Deprecation

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

BEYOND = (
    "Beyond what a schema can say: the record's key equals `subject`; all money in one message has one currency, but "
    "for what is marked `x-own-currency`; a list names each item once; an order's payment plan has a deposit; whole "
    "numbers are written without point and exponent (not 129900.0, not 1e5); days exist and years in UTC are 2000 to "
    "2199; no string has a lone surrogate; a `source` of more than 128 characters is ASCII; key, value and headers of "
    "a record have at most 1,000,000 bytes."
)

_ORDER = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "traceparent", "data")
_KEYWORDS = ("$ref", "title", "description", "type", "const", "enum", "anyOf", "x-private", "default", "required")
_TRACEPARENT = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?$"


def schema_of(message: type[MessageData], deprecated: Mapping[str, Deprecation] = DEPRECATED) -> Json:
    """Return the schema of a message's class. Raises `KeyError` for a class of no message."""
    topic = topic_of(message)
    raw = ENVELOPES[message.TYPE].model_json_schema()
    published = topic.direction == "out"
    body = _tidy(raw)
    definitions = {name: _tidy(shape) | {"title": name} for name, shape in raw["$defs"].items()}
    if published:
        body = _written_envelope(_written(body), message)
        definitions = {name: _written(shape) for name, shape in definitions.items()}
    body["properties"]["type"]["description"] = "Which message this is, and its version."
    body["properties"]["data"].setdefault("description", "What the message says.")
    head: Json = {
        "$schema": DIALECT,
        "$id": f"urn:purchasing:schema:{message.TYPE}",
        "$comment": BEYOND,
        "title": message.TYPE,
        "description": " ".join((message.__doc__ or "").split()),
        "x-topic": topic.name,
        "x-direction": topic.direction,
    }
    if ending := deprecated.get(message.TYPE):
        head |= {"deprecated": True, "x-deprecated": asdict(ending)}
    shapes = {name: _arranged(shape) for name, shape in definitions.items()}
    return head | _ordered(body) | {"$defs": shapes}


def _tidy(schema: Json) -> Json:
    """Remove pydantic's titles of members and defaults that are null."""
    kept = {
        name: value
        for name, value in schema.items()
        if name not in ("title", "$defs") and not (name == "default" and value is None)
    }
    if "description" in kept:
        kept["description"] = " ".join(kept["description"].split())
    if "properties" in kept:
        kept["properties"] = {name: _tidy(member) for name, member in kept["properties"].items()}
    if "anyOf" in kept:
        kept["anyOf"] = [_tidy(branch) for branch in kept["anyOf"]]
    if "items" in kept:
        kept["items"] = _tidy(kept["items"])
    return kept


def _written(shape: Json) -> Json:
    """Describe a shape as written: members with a default are always present, None is left out."""
    members = {name: _never_null(member) for name, member in shape.get("properties", {}).items()}
    always = [name for name, member in members.items() if "default" in member]
    members = {
        name: {key: value for key, value in member.items() if key != "default"}
        for name, member in members.items()
        if member.get("type") != "null"
    }
    required = [name for name in members if name in shape.get("required", []) or name in always]
    return {**shape, "properties": members, "required": required}


def _never_null(member: Json) -> Json:
    branches = [branch for branch in member.get("anyOf", []) if branch != {"type": "null"}]
    if len(branches) != 1:
        return member
    only: Json = branches[0]
    return only | {name: value for name, value in member.items() if name != "anyOf"}


def _written_envelope(body: Json, message: type[MessageData]) -> Json:
    members = body["properties"]
    members["time"]["description"] = "When it was decided: RFC 3339, in UTC."
    if message is RecordQuarantined:
        members["subject"]["description"] = (
            "The order's id where it could be read, else `{topic}/{partition}/{offset}`; also the record's key."
        )
    members["source"] = {"type": "string", "const": SOURCE, "description": members["source"]["description"]}
    members["datacontenttype"] = {
        "type": "string",
        "const": "application/json",
        "description": "The data is JSON.",
    }
    members["traceparent"] = {"type": "string", "pattern": _TRACEPARENT, "description": "W3C trace context."}
    return {**body, "required": [*body["required"], "datacontenttype"]}


def _ordered(body: Json) -> Json:
    """Sort the members in the usual order of an event."""
    members = body["properties"]
    names = [name for name in _ORDER if name in members] + [name for name in members if name not in _ORDER]
    required = [name for name in names if name in body["required"]]
    return {
        "type": "object",
        "required": required,
        "properties": {name: _arranged(members[name]) for name in names},
    }


def _arranged(schema: Json) -> Json:
    """Sort the keywords of a schema in the usual order."""
    names = [name for name in _KEYWORDS if name in schema] + [name for name in schema if name not in _KEYWORDS]
    arranged = {name: schema[name] for name in names}
    if "properties" in arranged:
        arranged["properties"] = {name: _arranged(member) for name, member in arranged["properties"].items()}
    return arranged
