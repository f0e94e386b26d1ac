"""Compare the limits that keywords set within one kind of value, the writer's to the reader's."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from purchasing_contracts.compatibility.branches import Branch, Json, canonical
from purchasing_contracts.compatibility.breaks import Break

_LOWER = ("minLength", "minItems", "minProperties")
_UPPER = ("maxLength", "maxItems", "maxProperties")


def keyword_breaks(sent: Branch, taken: Branch, place: str) -> Iterator[Break]:
    """Yield reasons why the reader's limits may refuse what the writer's permit."""
    writer, reader = sent.keywords, taken.keywords
    for name in _LOWER:
        if name in reader and writer.get(name, 0) < reader[name]:
            yield Break(place, f"{name}: the writer goes down to {writer.get(name, 0)}, the reader to {reader[name]}")
    for name in _UPPER:
        if name in reader and writer.get(name, reader[name] + 1) > reader[name]:
            upper = writer.get(name, "any length")
            yield Break(place, f"{name}: the writer goes up to {upper}, the reader to {reader[name]}")
    for name in ("pattern", "format"):
        if name in reader and writer.get(name) != reader[name]:
            yield Break(
                place, f"{name}: the reader wants {reader[name]}, the writer keeps to {writer.get(name, 'none')}"
            )
    if reader.get("uniqueItems") and not writer.get("uniqueItems") and writer.get("maxItems", 2) > 1:
        yield Break(place, "uniqueItems: the writer may repeat an item, the reader takes each once")
    if sent.kind in ("integer", "number"):
        yield from _bounds(sent, taken, place)


def value_breaks(sent: Branch, taken: Branch, place: str) -> Iterator[Break]:
    """Yield reasons why the reader may refuse one of the writer's values."""
    known = {canonical(value) for value in taken.values} if taken.values is not None else None
    for value in sent.values or ():
        if known is not None and canonical(value) not in known:
            yield Break(place, f"the writer may send {canonical(value)}, which the reader doesn't know")
        elif known is None and not _within(value, taken):
            yield Break(place, f"the writer may send {canonical(value)}, which is outside of the reader's limits")


def _within(value: Any, taken: Branch) -> bool:
    """Return whether a value is within the limits of its kind. Lists and objects are compared by schema."""
    limits = taken.keywords
    if isinstance(value, str):
        fits = limits.get("minLength", 0) <= len(value) <= limits.get("maxLength", len(value))
        return fits and _matches(limits.get("pattern", ""), value) and "format" not in limits
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return True
    low, high = _range(limits, whole=False)
    step = limits.get("multipleOf")
    number = Fraction(str(value))
    inside = (low is None or low <= (number, 0)) and (high is None or (number, 0) <= high)
    return inside and (step is None or (number / Fraction(str(step))).denominator == 1)


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        # A notation that Python lacks: the value is not shown to match.
        return False


def _bounds(sent: Branch, taken: Branch, place: str) -> Iterator[Break]:
    whole = sent.kind == "integer"
    (low, high), (least, most) = _range(sent.keywords, whole=whole), _range(taken.keywords, whole=whole)
    if least is not None and (low is None or low < least):
        yield Break(place, f"minimum: the writer goes down to {_in_words(low)}, the reader to {_in_words(least)}")
    if most is not None and (high is None or high > most):
        yield Break(place, f"maximum: the writer goes up to {_in_words(high)}, the reader to {_in_words(most)}")
    step = taken.keywords.get("multipleOf")
    if step is not None:
        own = sent.keywords.get("multipleOf", 1 if whole else None)
        if own is None or (Fraction(str(own)) / Fraction(str(step))).denominator != 1:
            yield Break(place, f"multipleOf: the reader takes multiples of {step} only, the writer sends others")


Bound = tuple[Fraction, int]
"""Return a number, and whether the limit is just after (1) or just before (-1) it."""


def _range(limits: Json, *, whole: bool) -> tuple[Bound | None, Bound | None]:
    low = _bound(limits, "minimum", "exclusiveMinimum", 1, whole=whole)
    high = _bound(limits, "maximum", "exclusiveMaximum", -1, whole=whole)
    return max(low, default=None), min(high, default=None)


def _bound(limits: Json, name: str, exclusive: str, side: int, *, whole: bool) -> list[Bound]:
    found: list[Bound] = []
    if name in limits:
        found.append((Fraction(str(limits[name])), 0))
    if exclusive in limits:
        edge = Fraction(str(limits[exclusive]))
        # Whole numbers beyond 3 begin at 4.
        found.append((edge + side, 0) if whole and edge.denominator == 1 else (edge, side))
    return found


def _in_words(bound: Bound | None) -> str:
    if bound is None:
        return "anything"
    number, side = bound
    return str(number) if not side else f"{'above' if side > 0 else 'below'} {number}"
