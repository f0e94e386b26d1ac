"""The contract with other teams: topics, each message with its members and examples, and what each version changed."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.changes import changes_between, releases
from purchasing_contracts.schema import schema_of
from purchasing_contracts.shipped import examples
from purchasing_contracts.topics import TOPICS, class_of, topic_of
from purchasing_contracts.versions import NOTES

from service.console.contract_models import (
    ChangeModel,
    ContractModel,
    ExampleModel,
    MessageModel,
    ShortMessageModel,
    TopicModel,
    VersionModel,
)
from service.console.problems import not_here
from service.console.visit import Answer
from service.operations.sentence import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.console.parts import Parts
    from service.console.visit import Visit

CONTRACTS = "purchasing-contracts"
"""The package that other teams install."""
RECORD = ".record"
"""The end of the name of an example that is a whole record, with key and headers."""


class Member(NamedTuple):
    """A member of a message's data, by its place such as `items[].item_id`."""

    place: str
    kind: str
    is_required: bool
    is_private: bool
    description: str


async def contract(_console: Parts, _visit: Visit) -> Answer:
    """List the topics with their messages, and what each version changed."""
    topics = [
        TopicModel(
            name=topic.name,
            direction=topic.direction,
            partitions=topic.partitions,
            messages=[ShortMessageModel(type=one.TYPE, description=_description(one.TYPE)) for one in topic.messages],
        )
        for topic in TOPICS
        if topic.messages
    ]
    found = ContractModel(version=version(CONTRACTS), topics=topics, versions=list(_versions()))
    return Answer("contract.html", sentence("The contract"), {"contract": found}, lambda _language: found)


async def contract_message(_console: Parts, visit: Visit) -> Answer:
    """Show one message: its members, its schema, and examples that are valid and that are not."""
    type_ = visit.request.match_info["message_type"]
    if class_of(type_) is None:
        return not_here(404)
    found = _message(type_)
    context = {
        "message": found,
        "members": list(members(found.json_schema)),
        "schema": json.dumps(found.json_schema, indent=2, ensure_ascii=False),
        "text_of": lambda content: json.dumps(content, indent=2, ensure_ascii=False),
    }
    return Answer("contract_message.html", sentence("Message {type}", type=type_), context, lambda _language: found)


def example_of(type_: str, name: str) -> str | None:
    """Return the value of a valid example, to be tried; None: there is none of this name."""
    if class_of(type_) is None or name.endswith(RECORD) or name not in examples(type_):
        return None
    return examples(type_)[name].read_text("utf-8")


def members(schema: Mapping[str, Any]) -> Iterator[Member]:
    """Yield the members of a message's data, those of inner objects after their holder."""
    definitions = schema["$defs"]
    yield from _members(_shape(schema["properties"]["data"], definitions), definitions, "")


def _members(shape: Mapping[str, Any], definitions: Mapping[str, Any], before: str) -> Iterator[Member]:
    for name, member in shape.get("properties", {}).items():
        inner = _shape(member, definitions)
        items = _shape(inner["items"], definitions) if "items" in inner else None
        described = member.get("description") or inner.get("description", "")
        is_required = name in shape.get("required", ())
        kind = f"list of {_kind(items)}" if items is not None else _kind(inner)
        yield Member(f"{before}{name}", kind, is_required, bool(member.get("x-private")), described)
        holder = inner if items is None else items
        # Every amount has the same two members.
        if holder.get("title") != "Money":
            yield from _members(holder, definitions, f"{before}{name}{'' if items is None else '[]'}.")


def _shape(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, and leave out null."""
    for branch in [*schema.get("anyOf", ()), *schema.get("allOf", ())]:
        if branch != {"type": "null"}:
            return _shape(branch, definitions)
    if "$ref" in schema:
        found: Mapping[str, Any] = definitions[schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _kind(shape: Mapping[str, Any]) -> str:
    if "enum" in shape:
        return " | ".join(map(str, shape["enum"]))
    if shape.get("x-open-enumeration"):
        return f"{' | '.join(shape['examples'])} | others to come"
    if shape.get("format") == "date-time":
        return "time"
    if shape.get("type") == "object":
        return str(shape.get("title", "object"))
    limits = {"maxLength": "≤ {} characters", "minimum": "≥ {}", "maximum": "≤ {}"}
    return " ".join(
        [
            str(shape.get("type", "anything")),
            *(words.format(shape[one]) for one, words in limits.items() if one in shape),
        ]
    )


@cache
def _message(type_: str) -> MessageModel:
    message = class_of(type_)
    assert message is not None
    topic = topic_of(message)
    found = []
    for is_valid in (True, False):
        for name, path in examples(type_, "valid" if is_valid else "invalid").items():
            content = json.loads(path.read_text("utf-8"))
            refused = None if is_valid else content["refused"]
            found.append(
                ExampleModel(
                    name=name,
                    is_valid=is_valid,
                    about=None if is_valid else content["about"],
                    reason=None if refused is None else refused["reason"],
                    place=None if refused is None else refused["place"],
                    content=content if is_valid else content["records"],
                )
            )
    return MessageModel(
        type=type_,
        topic=topic.name,
        direction=topic.direction,
        description=_description(type_),
        json_schema=schema_of(message),
        examples=found,
    )


@cache
def _description(type_: str) -> str:
    message = class_of(type_)
    assert message is not None
    return str(schema_of(message)["description"])


@cache
def _versions() -> tuple[VersionModel, ...]:
    """Return the versions, the newest first, each with what it changed."""
    known: dict[str, Mapping[str, Any]] = dict(releases())
    known[version(CONTRACTS)] = {one.TYPE: schema_of(one) for topic in TOPICS for one in topic.messages}
    names = list(known)
    found = []
    for before, name in zip([None, *names], names, strict=False):
        changes = [] if before is None else changes_between(known[before], known[name])
        notes = [" ".join(one.split()) for one in NOTES.get(name, "").split("\n- ")]
        found.append(
            VersionModel(
                version=name,
                notes=[one.removeprefix("- ") for one in notes if one],
                changes=[ChangeModel(type=one.type, place=one.place, words=one.words) for one in changes],
            )
        )
    return tuple(reversed(found))
