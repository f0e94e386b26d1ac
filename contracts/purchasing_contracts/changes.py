"""The changes of a version: new messages and members, more choices, other limits.

They are computed from the schemas of the version and those of an earlier release.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from purchasing_contracts.shipped import root

Json = dict[str, Any]

# Keywords that do not affect validity.
_REMARKS = frozenset({"title", "description", "x-own-currency", "x-open-enumeration"})
_INSIDE = frozenset({"properties", "required", "items", "anyOf", "$ref", "enum", "examples", "const"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `place` is the member, such as `items[].item_id`; empty: the whole message."""

    type: str
    place: str
    words: str


def releases() -> dict[str, Mapping[str, Json]]:
    """Return the schemas of every release by version, oldest first; each maps type to schema."""
    paths = sorted((root() / "released").glob("*.json"), key=lambda path: version_key(path.stem))
    return {path.stem: json.loads(path.read_text("utf-8")) for path in paths}


def version_key(version: str) -> tuple[int, ...]:
    """Return the sort key of a version such as `0.10.0`. Raises `ValueError` for another notation."""
    return tuple(int(part) for part in version.split("."))


def changes_between(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Change]:
    """Return the changes from the old schemas to the new ones, both by type, in the order of the new ones."""
    for type_, schema in new.items():
        if type_ not in old:
            yield Change(type_, "", f"new: {schema['description']}")
            continue
        before = old[type_]
        yield from (
            Change(type_, place, words)
            for place, words in _Comparison(before, schema).changes(
                before["properties"]["data"], schema["properties"]["data"], ""
            )
        )


class _Comparison:
    """Two versions of a message's schema."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old["$defs"], new["$defs"]

    def changes(self, old: Json, new: Json, place: str) -> Iterator[tuple[str, str]]:
        before, now = _resolved(old, self._old), _resolved(new, self._new)
        yield from ((place, words) for words in _in_words(before, now))
        if "items" in before and "items" in now:
            yield from self.changes(before["items"], now["items"], f"{place}[]")
        known = before.get("properties", {})
        for name, member in now.get("properties", {}).items():
            there = f"{place}.{name}" if place else name
            if name in known:
                yield from self.changes(known[name], member, there)
            else:
                described = member.get("description") or _resolved(member, self._new).get("description", "")
                yield there, f"new: {described}"
        gone = [name for name in known if name not in now.get("properties", {})]
        yield from ((f"{place}.{name}" if place else name, "gone") for name in gone)


def _resolved(schema: Json, definitions: Json) -> Json:
    """Resolve a reference, or the one branch that is not null; the schema's own keywords come first."""
    for branch in schema.get("anyOf", []):
        if branch != {"type": "null"}:
            return _resolved(branch, definitions) | {name: value for name, value in schema.items() if name != "anyOf"}
    if "$ref" in schema:
        shape: Json = definitions[schema["$ref"].rpartition("/")[2]]
        return shape | {name: value for name, value in schema.items() if name != "$ref"}
    return schema


def _in_words(before: Json, now: Json) -> Iterator[str]:
    """Return the difference between two versions of a member as a text."""
    known, values = _values(before), _values(now)
    more = [str(value) for value in values if value not in known]
    if "x-open-enumeration" in now and "x-open-enumeration" not in before:
        yield "open from now on" + (f"; also known: {', '.join(more)}" if more else "")
        return
    if more and known:
        yield f"also: {', '.join(more)}"
    names = sorted({*before, *now} - _REMARKS - _INSIDE)
    yield from (
        f"{name}: {_shown(before, name)}, now {_shown(now, name)}"
        for name in names
        if before.get(name) != now.get(name)
    )
    required, was = now.get("required", ()), before.get("required", ())
    for name in before.get("properties", {}):
        if name in now.get("properties", {}) and (name in required) != (name in was):
            yield f"{name} is {'required' if name in required else 'optional'} now"


def _values(schema: Json) -> list[Any]:
    """Return the choices of an enumeration, or the known values of an open one."""
    return [schema["const"]] if "const" in schema else schema.get("enum") or schema.get("examples") or []


def _shown(schema: Json, name: str) -> str:
    return json.dumps(schema[name]) if name in schema else "none"
