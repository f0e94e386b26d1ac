"""Take a JSON Schema apart: the kinds of values that it permits, each with its limits.

References, `anyOf`, `oneOf`, `allOf`, lists of types, `enum` and `const` are resolved here, so that the comparison sees
plain alternatives. Source: JSON Schema 2020-12, core and validation.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
Schema = Json | bool

KINDS = ("null", "boolean", "integer", "number", "string", "array", "object")

NUMERIC = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
TEXTUAL = {"minLength", "maxLength", "pattern", "format"}
LISTED = {"items", "minItems", "maxItems", "uniqueItems"}
MAPPED = {"properties", "required", "additionalProperties", "minProperties", "maxProperties"}
KEYWORDS_OF = {
    "null": set[str](),
    "boolean": set[str](),
    "integer": NUMERIC,
    "number": NUMERIC,
    "string": TEXTUAL,
    "array": LISTED,
    "object": MAPPED,
}
_KNOWN = NUMERIC | TEXTUAL | LISTED | MAPPED

# Keywords for people, not for validators; compared elsewhere, if at all.
_REMARKS = {
    "$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "title", "description", "default", "examples",
    "deprecated", "readOnly", "writeOnly", "contentMediaType", "contentEncoding",
}  # fmt: skip
_RESOLVED = {"$ref", "anyOf", "oneOf", "allOf", "type", "enum", "const"}

DEPTH_MAX = 64


class UnreadableSchemaError(ValueError):
    """The schema can't be taken apart. The text says why."""


@dataclass(frozen=True)
class Branch:
    """One kind of value: its keywords, the only permitted values (None: any), and the keywords that this module does
    not understand.
    """

    kind: str
    keywords: Json
    values: tuple[Any, ...] | None = None
    opaque: str = ""


def branches_of(schema: Schema, root: Json, depth: int = 0) -> list[Branch]:
    """Return the alternatives of a schema. Raises `UnreadableSchemaError` for a broken reference."""
    if depth > DEPTH_MAX:
        raise UnreadableSchemaError("its references go round in a circle")
    if isinstance(schema, bool):
        return [Branch(kind, {}) for kind in KINDS if kind != "integer"] if schema else []
    if not isinstance(schema, dict):
        raise UnreadableSchemaError("where a schema should be there is none")
    found = _own(schema)
    for part in _conjuncts(schema, root):
        found = _both(found, branches_of(part, root, depth + 1))
    for name in ("anyOf", "oneOf"):
        if name in schema:
            options = [branches_of(option, root, depth + 1) for option in schema[name]]
            unclear = canonical(schema[name]) if name == "oneOf" and _overlap(options) else ""
            either = [replace(branch, opaque=branch.opaque + unclear) for option in options for branch in option]
            found = _both(found, either)
    return found


def dereferenced(schema: Schema, root: Json, depth: int = 0) -> Json:
    """Return a schema with its reference resolved, for annotations such as a default."""
    if depth > DEPTH_MAX:
        raise UnreadableSchemaError("its references go round in a circle")
    if isinstance(schema, bool):
        return {}
    merged: Json = {}
    for part in _conjuncts(schema, root):
        merged |= dereferenced(part, root, depth + 1)
    return merged | schema


def _overlap(options: list[list[Branch]]) -> bool:
    """Return whether a value may match several options: `oneOf` refuses such values."""
    flat = [(nth, branch) for nth, option in enumerate(options) for branch in option]
    return any(one < other and _meet(this, that) is not None for one, this in flat for other, that in flat)


def _conjuncts(schema: Json, root: Json) -> Iterator[Schema]:
    if "$ref" in schema:
        yield _behind(schema["$ref"], root)
    yield from schema.get("allOf", [])


def _behind(reference: str, root: Json) -> Schema:
    if not reference.startswith("#"):
        raise UnreadableSchemaError(f"a reference leads out of the file: {reference}")
    at: Any = root
    for step in reference[1:].split("/")[1:]:
        at = at.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(at, dict) else None
    if not isinstance(at, (dict, bool)):
        raise UnreadableSchemaError(f"a reference leads nowhere: {reference}")
    return at


def _own(schema: Json) -> list[Branch]:
    """Return the alternatives of a schema's own keywords, without references."""
    types = schema.get("type", [kind for kind in KINDS if kind != "integer"])
    kinds = [types] if isinstance(types, str) else list(types)
    opaque = _opaque(schema)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    found = []
    for kind in kinds:
        if kind not in KINDS:
            raise UnreadableSchemaError(f"there is no type {kind!r}")
        keywords = {name: value for name, value in schema.items() if name in KEYWORDS_OF[kind]}
        if values is None:
            found.append(Branch(kind, keywords, None, opaque))
        elif only := tuple(value for value in values if is_of(value, kind)):
            found.append(Branch(kind, keywords, only, opaque))
    return found


def _opaque(schema: Json) -> str:
    """Return the keywords that this module does not understand, as a text to compare."""
    rest = {
        name: value
        for name, value in schema.items()
        if name not in _KNOWN | _REMARKS | _RESOLVED and not name.startswith("x-")
    }
    return canonical(rest) if rest else ""


def _both(these: list[Branch], those: list[Branch]) -> list[Branch]:
    """Return the alternatives that satisfy one of each list."""
    return [met for one in these for other in those if (met := _meet(one, other)) is not None]


def _meet(one: Branch, other: Branch) -> Branch | None:
    kinds = {one.kind, other.kind}
    if len(kinds) > 1 and kinds != {"integer", "number"}:
        return None
    values = one.values if other.values is None else other.values
    if one.values is not None and other.values is not None:
        wanted = {canonical(value) for value in other.values}
        values = tuple(value for value in one.values if canonical(value) in wanted)
        if not values:
            return None
    keywords, opaque = dict(one.keywords), [text for text in (one.opaque, other.opaque) if text]
    if _strangers_differ(one.keywords, other.keywords):
        opaque.append(canonical([one.keywords, other.keywords]))
    for name, value in other.keywords.items():
        if name not in keywords or canonical(keywords[name]) == canonical(value):
            keywords[name] = value
        elif name in ("properties", "required"):
            keywords[name] = _joined(name, keywords[name], value)
        elif name in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"):
            keywords[name] = max(keywords[name], value)
        elif name in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"):
            keywords[name] = min(keywords[name], value)
        else:
            opaque.append(canonical({name: value}))
    return Branch("integer" if "integer" in kinds else one.kind, keywords, values, "".join(sorted(opaque)))


def _strangers_differ(one: Json, other: Json) -> bool:
    """Return whether `additionalProperties` of one applies to members that only the other names."""
    named = [set(keywords.get("properties", {})) for keywords in (one, other)]
    open_ = all(keywords.get("additionalProperties", True) is True for keywords in (one, other))
    return not open_ and named[0] != named[1]


def _joined(name: str, one: Any, other: Any) -> Any:
    if name == "required":
        return [*one, *(member for member in other if member not in one)]
    shared = {member: {"allOf": [one[member], other[member]]} for member in one if member in other}
    return {**one, **other, **shared}


def canonical(value: Any) -> str:
    """Return a JSON value as a canonical text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def is_of(value: Any, kind: str) -> bool:
    """Return whether a JSON value is of a kind. As in JSON Schema, 1.0 is an integer."""
    if isinstance(value, bool) or value is None:
        return kind == ("null" if value is None else "boolean")
    if isinstance(value, (int, float)):
        return kind == "number" or (kind == "integer" and value % 1 == 0)
    return isinstance(value, {"string": str, "array": list, "object": dict}.get(kind, ()))
