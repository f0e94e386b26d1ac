"""Check whether a reader of one schema accepts everything that a writer of another may send.

The writer is closed: it sends only the members that its schema names. The reader is open: it ignores members that its
schema does not name. Both hold in practice, and so an optional member can be added.

The answer is on the safe side: what is not shown to be accepted counts as a break.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from purchasing_contracts.compatibility.branches import (
    Branch,
    Json,
    Schema,
    branches_of,
    canonical,
    dereferenced,
)
from purchasing_contracts.compatibility.breaks import Break
from purchasing_contracts.compatibility.limits import keyword_breaks, value_breaks

SHOWN_MAX = 60


def breaks_between(writer: Json, reader: Json) -> list[Break]:
    """Return why a reader of one schema may refuse what a writer of the other sends; empty: it accepts everything.

    Raises `UnreadableSchemaError`.
    """
    return list(dict.fromkeys(_Reading(writer, reader).breaks(writer, reader, "")))


class _Reading:
    """One comparison: two documents, and the pairs of schemas under comparison."""

    def __init__(self, writer: Json, reader: Json) -> None:
        self._writer, self._reader = writer, reader
        self._open: set[tuple[str, str]] = set()

    def breaks(self, writer: Schema, reader: Schema, place: str) -> Iterator[Break]:
        pair = (canonical(writer), canonical(reader))
        if pair in self._open:
            # A recursive schema: its breaks are found at its first occurrence.
            return
        self._open.add(pair)
        taken = branches_of(reader, self._reader)
        for sent in branches_of(writer, self._writer):
            yield from self._unread(sent, taken, place)
        self._open.discard(pair)

    def _unread(self, sent: Branch, taken: list[Branch], place: str) -> Iterator[Break]:
        """Return why no alternative of the reader accepts this one of the writer."""
        fitting = [branch for branch in taken if _kinds_fit(sent, branch)]
        if not fitting:
            wanted = ", ".join(dict.fromkeys(branch.kind for branch in taken)) or "nothing"
            yield Break(place, f"the writer may send {_named(sent)}, the reader takes {wanted}")
            return
        tries = [list(self._against(sent, branch, place)) for branch in fitting]
        if all(tries):
            # Report the closest alternative.
            yield from min(tries, key=len)

    def _against(self, sent: Branch, taken: Branch, place: str) -> Iterator[Break]:
        if sent.opaque != taken.opaque:
            yield Break(place, f"can't be compared: {_short(sent.opaque or taken.opaque)}")
        if sent.values is not None:
            yield from value_breaks(sent, taken, place)
            if sent.kind not in ("object", "array"):
                return
        elif taken.values is not None and not _all_values(sent, taken):
            choices = ", ".join(canonical(value) for value in taken.values)
            yield Break(place, f"the writer may send any {sent.kind}, the reader takes only {_short(choices)}")
        yield from keyword_breaks(sent, taken, place)
        if sent.kind == "array":
            yield from self._items(sent, taken, place)
        if sent.kind == "object":
            yield from self._members(sent, taken, place)

    def _items(self, sent: Branch, taken: Branch, place: str) -> Iterator[Break]:
        if sent.keywords.get("maxItems") != 0:
            yield from self.breaks(sent.keywords.get("items", True), taken.keywords.get("items", True), f"{place}/*")

    def _members(self, sent: Branch, taken: Branch, place: str) -> Iterator[Break]:
        written, read = sent.keywords.get("properties", {}), taken.keywords.get("properties", {})
        others = taken.keywords.get("additionalProperties", True)
        always = set(sent.keywords.get("required", []))
        for name in taken.keywords.get("required", []):
            if name not in always:
                may = "may leave it out" if name in written else "doesn't know it"
                yield Break(f"{place}/{name}", f"the reader requires it, the writer {may}")
        for name, schema in written.items():
            there = f"{place}/{name}"
            if name in read:
                yield from self._remarks(schema, read[name], there, optional=name not in always)
                yield from self.breaks(schema, read[name], there)
            elif others is not True:
                yield from self.breaks(schema, others, there)
        yield from self._further(sent, others, read, place)

    def _further(self, sent: Branch, others: Schema, read: Json, place: str) -> Iterator[Break]:
        """Compare members under any name, if the writer's schema is a map."""
        further = sent.keywords.get("additionalProperties", False)
        if further is False:
            return
        yield from self.breaks(further, others, f"{place}/*")
        for name, schema in read.items():
            if name not in sent.keywords.get("properties", {}):
                yield from self.breaks(further, schema, f"{place}/{name}")

    def _remarks(self, writer: Schema, reader: Schema, place: str, *, optional: bool) -> Iterator[Break]:
        """Compare what a reader relies on and a validator ignores."""
        written, read = dereferenced(writer, self._writer), dereferenced(reader, self._reader)
        if optional and canonical(written.get("default")) != canonical(read.get("default")):
            means = f"left out it means {canonical(written.get('default'))} to the writer"
            yield Break(place, f"{means} and {canonical(read.get('default'))} to the reader")
        if written.get("x-private") and not read.get("x-private"):
            yield Break(place, "the writer counts on it being kept private, the reader doesn't know of it")


def _kinds_fit(sent: Branch, taken: Branch) -> bool:
    if sent.kind == taken.kind or (sent.kind, taken.kind) == ("integer", "number"):
        return True
    if (sent.kind, taken.kind) != ("number", "integer"):
        return False
    # A number that can only be whole is an integer, whatever its type.
    if sent.values is not None:
        return all(value % 1 == 0 for value in sent.values)
    return Fraction(str(sent.keywords.get("multipleOf", "1/2"))).denominator == 1


def _all_values(sent: Branch, taken: Branch) -> bool:
    """Return whether a list has all values of a kind."""
    values = {canonical(value) for value in taken.values or ()}
    return sent.kind == "null" or (sent.kind == "boolean" and values >= {"true", "false"})


def _named(branch: Branch) -> str:
    return _short(", ".join(map(canonical, branch.values))) if branch.values is not None else branch.kind


def _short(text: Any) -> str:
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
