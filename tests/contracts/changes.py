"""Changes of a schema, with the verdict each must get: may a reader of the new one read what was written by the old one
(backward), and a reader of the old one what is written by the new one (forward)?
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

OK, BREAKS = True, False

BASE: Json = {
    "title": "example.tip.paid.v1",
    "type": "object",
    "required": ["type", "tip_id", "amount", "channel", "pieces", "share", "lines", "count_by_day"],
    "properties": {
        "type": {"type": "string", "const": "example.tip.paid.v1"},
        "tip_id": {"type": "string", "minLength": 1, "maxLength": 8},
        "amount": {"$ref": "#/$defs/Money"},
        "channel": {"type": "string", "enum": ["platform", "other"]},
        "pieces": {"type": "integer", "minimum": 0, "maximum": 1000, "multipleOf": 10},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "lines": {"type": "array", "items": {"type": "string", "enum": ["goods", "fee"]}, "minItems": 1, "maxItems": 3},
        "count_by_day": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
        "note": {"anyOf": [{"type": "string", "pattern": "^[a-z]*$"}, {"type": "null"}], "x-private": True},
        "final": {"type": "boolean", "default": True},
        "payer": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Payer"}]},
        "day": {"type": "string", "format": "date"},
    },
    "$defs": {
        "Money": {
            "type": "object",
            "required": ["currency", "value"],
            "properties": {
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
                "value": {"type": "integer", "minimum": 0, "maximum": 1000},
            },
        },
        "Payer": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "paid_by": {"$ref": "#/$defs/Payer"}},
        },
    },
}


@dataclass(frozen=True)
class Change:
    """A change of BASE. `meant_only`: a validator doesn't see it, but readers understand the message differently.
    `truth`: the real effect, where a break is reported because compatibility can't be shown.
    """

    name: str
    edit: Callable[[Json], Any]
    backward: bool
    forward: bool
    place: str = ""
    meant_only: bool = False
    truth: tuple[bool, bool] | None = None

    @property
    def seen_by_a_validator(self) -> tuple[bool, bool]:
        """The verdict by all possible messages, without their meaning."""
        return (True, True) if self.meant_only else self.truth or (self.backward, self.forward)

    @property
    def new(self) -> Json:
        schema = copy.deepcopy(BASE)
        self.edit(schema)
        return schema


def _at(schema: Json, pointer: str) -> Json:
    for step in pointer.split("/"):
        schema = schema["$defs"][step] if step in schema.get("$defs", {}) else schema["properties"][step]
    return schema


def put(pointer: str, **keywords: Any) -> Callable[[Json], Any]:
    """Set keywords of a member; `...` removes one. A `_` at the end of a keyword's name isn't part of it."""

    def edit(schema: Json) -> None:
        member = _at(schema, pointer)
        for name, value in keywords.items():
            key = {"ref": "$ref", "x_private": "x-private", "not_": "not"}.get(name, name)
            if value is ...:
                member.pop(key, None)
            else:
                member[key] = value

    return edit


def replace(pointer: str, new: Any) -> Callable[[Json], Any]:
    def edit(schema: Json) -> None:
        *way, last = pointer.split("/")
        holder = _at(schema, "/".join(way)) if way else schema
        holder["properties"][last] = new

    return edit


def add(name: str, member: Any, *, required: bool = False, shape: str = "") -> Callable[[Json], Any]:
    def edit(schema: Json) -> None:
        holder = schema["$defs"][shape] if shape else schema
        holder["properties"][name] = member
        if required:
            holder["required"].append(name)

    return edit


def remove(name: str) -> Callable[[Json], Any]:
    def edit(schema: Json) -> None:
        del schema["properties"][name]
        schema["required"] = [member for member in schema["required"] if member != name]

    return edit


def need(name: str, needed: bool = True) -> Callable[[Json], Any]:
    def edit(schema: Json) -> None:
        names = [member for member in schema["required"] if member != name]
        schema["required"] = [*names, name] if needed else names

    return edit


def both(*edits: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def edit(schema: Json) -> None:
        for one in edits:
            one(schema)

    return edit


def renamed_shape(schema: Json) -> None:
    schema["$defs"]["Sum"] = schema["$defs"].pop("Money")
    schema["properties"]["amount"] = {"$ref": "#/$defs/Sum"}


def turned_round(schema: Json) -> None:
    schema["properties"] = dict(reversed(schema["properties"].items()))
    schema["required"].reverse()
    schema["properties"]["channel"]["enum"] = ["other", "platform"]


_TEXT = {"type": "string"}
_PAYER = {"$ref": "#/$defs/Payer"}
_MONEY_INLINE = BASE["$defs"]["Money"]
_NOTE = BASE["properties"]["note"]["anyOf"][0]

CHANGES = [
    # What says nothing to a reader
    Change("nothing", lambda schema: None, OK, OK),
    Change("a description", put("tip_id", description="The tip."), OK, OK),
    Change("a title", lambda schema: schema.update(title="Tip"), OK, OK),
    Change("marked as deprecated", put("note", deprecated=True), OK, OK),
    Change("an extension keyword", lambda schema: schema.update({"x-topic": "tips"}), OK, OK),
    Change("the order of members and choices", turned_round, OK, OK),
    Change("a shape renamed", renamed_shape, OK, OK),
    Change("a shape written out in its place", replace("amount", _MONEY_INLINE), OK, OK),
    Change("null noted otherwise", replace("note", {**_NOTE, "type": ["string", "null"], "x-private": True}), OK, OK),
    Change("above -1 instead of from 0", put("pieces", minimum=..., exclusiveMinimum=-1), OK, OK),
    Change("a schema cut in two", replace("tip_id", {"allOf": [{**_TEXT, "minLength": 1}, {"maxLength": 8}]}), OK, OK),
    Change("oneOf where none overlap", put("payer", anyOf=..., oneOf=[_TEXT, _PAYER]), OK, OK),
    # Members come and go
    Change("an optional member more", add("tour", {"type": "integer"}), OK, OK),
    Change("an optional member with a default more", add("tour", {"type": "integer", "default": 1}), OK, OK),
    Change("an optional member more, deep down", add("rate", {"type": "integer"}, shape="Money"), OK, OK),
    Change("a required member more", add("tour", {"type": "integer"}, required=True), BREAKS, OK, "/tour"),
    Change(
        "a required member more, deep down",
        add("rate", {"type": "integer"}, required=True, shape="Money"), BREAKS, OK, "/amount/rate",
    ),
    Change("an optional member less", remove("payer"), OK, OK),
    Change("a required member less", remove("share"), OK, BREAKS, "/share"),
    Change("an optional member required", need("day"), BREAKS, OK, "/day"),
    Change("an optional member with a default required", need("final"), BREAKS, OK, "/final"),
    Change("a required member optional", need("share", needed=False), OK, BREAKS, "/share"),
    Change("a member renamed", both(remove("tip_id"), add("id", _TEXT, required=True)), BREAKS, BREAKS, "/id"),
    Change("a reader that refuses strangers", lambda schema: schema.update(additionalProperties=False), OK, OK),
    Change(
        "a reader that refuses strangers, and a member less",
        both(remove("payer"), lambda schema: schema.update(additionalProperties=False)), BREAKS, OK, "/payer",
    ),
    Change("a member that may not be there any more", replace("day", False), BREAKS, OK, "/day"),
    Change("a member that may be anything", replace("share", True), OK, BREAKS, "/share"),
    # Choices
    Change("a choice more", put("channel", enum=["platform", "other", "shop"]), OK, BREAKS, "/channel"),
    Change("a choice less", put("channel", enum=["platform"]), BREAKS, OK, "/channel"),
    Change("a choice renamed", put("channel", enum=["platform", "else"]), BREAKS, BREAKS, "/channel"),
    Change("choices opened to any text", put("channel", enum=...), OK, BREAKS, "/channel"),
    Change("text narrowed to choices", put("tip_id", enum=["a", "b"]), BREAKS, OK, "/tip_id"),
    Change("a number as a choice", put("channel", type=..., enum=["platform", "other", 1]), OK, BREAKS, "/channel"),
    Change("another version under the same name", put("type", const="example.tip.paid.v2"), BREAKS, BREAKS, "/type"),
    Change("one value opened to two", put("type", const=..., enum=["example.tip.paid.v1", "x"]), OK, BREAKS, "/type"),
    Change("a choice more in a list", put("lines", items={"enum": ["goods", "fee", "tip"]}), OK, BREAKS, "/lines/*"),
    Change("a flag that is always true", replace("final", {"const": True, "default": True}), BREAKS, OK, "/final"),
    Change("a flag by its two values", replace("final", {"enum": [False, True], "default": True}), OK, OK),
    # Kinds of value
    Change("a whole number widened to any", put("pieces", type="number", multipleOf=...), OK, BREAKS, "/pieces"),
    Change("any number narrowed to whole ones", put("share", type="integer"), BREAKS, OK, "/share"),
    Change("a number become text", replace("pieces", _TEXT), BREAKS, BREAKS, "/pieces"),
    Change("a list become a single value", replace("lines", _TEXT), BREAKS, BREAKS, "/lines"),
    Change("null allowed", put("day", type=["string", "null"]), OK, BREAKS, "/day"),
    Change("null no longer allowed", replace("note", {**_NOTE, "x-private": True}), BREAKS, OK, "/note"),
    Change("an alternative more", put("payer", anyOf=[_TEXT, _PAYER, {"type": "null"}]), OK, BREAKS, "/payer"),
    Change("an alternative less", put("payer", anyOf=[_TEXT]), BREAKS, OK, "/payer"),
    Change("a list for a map", replace("count_by_day", {"type": "array"}), BREAKS, BREAKS, "/count_by_day"),
    # Limits
    Change("longer texts", put("tip_id", maxLength=9), OK, BREAKS, "/tip_id"),
    Change("shorter texts", put("tip_id", maxLength=7), BREAKS, OK, "/tip_id"),
    Change("texts without an upper limit", put("tip_id", maxLength=...), OK, BREAKS, "/tip_id"),
    Change("empty texts", put("tip_id", minLength=0), OK, BREAKS, "/tip_id"),
    Change("texts of two characters at least", put("tip_id", minLength=2), BREAKS, OK, "/tip_id"),
    Change("a pattern more", put("tip_id", pattern="^[a-z]+$"), BREAKS, OK, "/tip_id"),
    Change("a pattern less", put("note", anyOf=[_TEXT, {"type": "null"}]), OK, BREAKS, "/note"),
    Change("another pattern", put("Money/currency", pattern="^[a-z]{3}$"), BREAKS, BREAKS, "/amount/currency"),
    Change(
        "the same in another pattern",
        put("Money/currency", pattern="^[A-Z][A-Z][A-Z]$"), BREAKS, BREAKS, "/amount/currency", truth=(OK, OK),
    ),
    Change("a format more", put("tip_id", format="date"), BREAKS, OK, "/tip_id"),
    Change("a format less", put("day", format=...), OK, BREAKS, "/day"),
    Change("larger amounts", put("Money/value", maximum=2000), OK, BREAKS, "/amount/value"),
    Change("smaller amounts", put("Money/value", maximum=999), BREAKS, OK, "/amount/value"),
    Change("amounts below zero", put("Money/value", minimum=-1), OK, BREAKS, "/amount/value"),
    Change("amounts without a lower limit", put("Money/value", minimum=...), OK, BREAKS, "/amount/value"),
    Change("shares without an upper limit", put("share", maximum=...), OK, BREAKS, "/share"),
    Change("amounts above zero only", put("Money/value", minimum=..., exclusiveMinimum=0), BREAKS, OK, "/amount/value"),
    Change("shares below one only", put("share", maximum=..., exclusiveMaximum=1), BREAKS, OK, "/share"),
    Change("pieces by five", put("pieces", multipleOf=5), OK, BREAKS, "/pieces"),
    Change("pieces by four", put("pieces", multipleOf=4), BREAKS, BREAKS, "/pieces"),
    Change("shares in hundredths", put("share", multipleOf=0.01), BREAKS, OK, "/share"),
    Change("lists that may be empty", put("lines", minItems=0), OK, BREAKS, "/lines"),
    Change("longer lists", put("lines", maxItems=4), OK, BREAKS, "/lines"),
    Change("lists without repetition", put("lines", uniqueItems=True), BREAKS, OK, "/lines"),
    Change(
        "maps of larger numbers only",
        put("count_by_day", additionalProperties={"type": "integer", "minimum": 1}), BREAKS, OK, "/count_by_day/*",
    ),
    Change("maps that aren't empty", put("count_by_day", minProperties=1), BREAKS, OK, "/count_by_day"),
    Change("a required key in a map", put("count_by_day", required=["total"]), BREAKS, OK, "/count_by_day/total"),
    Change("a shape that holds itself, narrowed", put("Payer/name", minLength=1), BREAKS, OK, "/payer/name"),
    # What only a reader sees
    Change("another default", put("final", default=False), BREAKS, BREAKS, "/final", meant_only=True),
    Change("a default less", put("final", default=...), BREAKS, BREAKS, "/final", meant_only=True),
    Change("no longer private", put("note", x_private=...), BREAKS, OK, "/note", meant_only=True),
    Change("private from now on", put("day", x_private=True), OK, BREAKS, "/day", meant_only=True),
    # Changes that the check can't judge
    Change(
        "a keyword that isn't understood",
        put("tip_id", not_={"const": "x"}), BREAKS, BREAKS, "/tip_id", truth=(BREAKS, OK),
    ),
    Change(
        "oneOf where some overlap",
        put("payer", anyOf=..., oneOf=[_TEXT, {**_TEXT, "minLength": 9}, _PAYER]),
        BREAKS, BREAKS, "/payer", truth=(BREAKS, OK),
    ),
]  # fmt: skip
"""More than fifty changes. `place` is the least precise place at which a break is reported."""
