"""Messages that a writer of a schema may send, made to lie at its limits: a second opinion on compatibility.

The writer sends the members that its schema names and no others. From one whole message every member is varied by
itself, so that whatever narrows a single member shows.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Json = dict[str, Any]

DEPTH_MAX = 3
TEXTS = ("", "a", "b", "x", "ab", "abcdefgh", "abcdefghi", "ABC", "abc", "ÄÖÜ", "a b", "2026-03-02", "x" * 40)
STEPS = (-1, 0, 1, 4, 5, 10, 20, 0.5, 0.25, 0.001, 999, 1000, 1010, 2000)


def closed(schema: Any, named: bool = False) -> Any:
    """The same schema with objects closed that name their members: for checkers that know of no writer."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(value, name in ("properties", "$defs")) for name, value in schema.items()}
    if not named and "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def instances(schema: Any, root: Json, depth: int = 0) -> Iterator[Any]:
    """Values that a writer of the schema may send. Some may be outside of it: let a validator sift them."""
    if schema is True:
        yield from (None, True, 0, 0.5, "a", [], {})
    if not isinstance(schema, dict) or depth > DEPTH_MAX:
        return
    if "$ref" in schema:
        yield from instances(root["$defs"][schema["$ref"].rpartition("/")[2]], root, depth + 1)
    for option in [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]:
        yield from instances(option, root, depth)
    yield from schema.get("enum", [])
    if "const" in schema:
        yield schema["const"]
    types = schema.get("type", [])
    for kind in [types] if isinstance(types, str) else types:
        yield from _of_kind(kind, schema, root, depth)


def _of_kind(kind: str, schema: Json, root: Json, depth: int) -> Iterator[Any]:
    if kind == "null":
        yield None
    elif kind == "boolean":
        yield from (True, False)
    elif kind == "string":
        yield from TEXTS
    elif kind in ("integer", "number"):
        edges = [schema[name] for name in schema if name.endswith(("inimum", "aximum"))]
        yield from (int(n) if n == int(n) else n for n in [*STEPS, *(e + s for e in edges for s in (-1, 0, 1))])
    elif kind == "array":
        items = list(instances(schema.get("items", True), root, depth + 1))[:4]
        for length in range(5):
            yield from (list(chosen) for chosen in itertools.product(items, repeat=length))
    elif kind == "object":
        yield from _objects(schema, root, depth)


def _objects(schema: Json, root: Json, depth: int) -> Iterator[Json]:
    required = schema.get("required", [])
    choices = {name: list(instances(member, root, depth + 1)) for name, member in schema.get("properties", {}).items()}
    further = schema.get("additionalProperties", False)
    values = list(instances(further, root, depth + 1)) if further is not False else []
    for base in _bases(schema, root, choices):
        whole = {**base, **({"day": values[0]} if values else {})}
        bare = {name: value for name, value in whole.items() if name in required}
        yield from (whole, bare)
        for name, options in choices.items():
            yield {member: value for member, value in whole.items() if member != name}
            yield from ({**whole, name: option} for option in options)
        yield from ({**bare, "a key": value} for value in values)


def _bases(schema: Json, root: Json, choices: dict[str, list[Any]]) -> Iterator[Json]:
    """One message with every member, each valid by itself."""
    base = {}
    for name, options in choices.items():
        member = schema["properties"][name]
        judge = Draft202012Validator(
            {**member, "$defs": root.get("$defs", {})} if isinstance(member, dict) else member,
            format_checker=FormatChecker(),
        )
        valid = [option for option in options if judge.is_valid(option)]
        if valid:
            base[name] = valid[len(valid) // 2]
    yield base
