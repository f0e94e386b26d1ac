"""The compatibility checker against a table of changes, generated messages, and a checker that isn't ours."""

import copy
import json
from functools import cache
from typing import Any

import jsoncompat
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from purchasing_contracts.compatibility.reading import breaks_between
from purchasing_contracts.compatibility.verdict import compare

from tests.contracts.changes import BASE, CHANGES, Change
from tests.contracts.instances import closed, instances

NAMES = [change.name for change in CHANGES]


def validator(schema: Any) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FormatChecker())


def sent(schema: Any) -> list[Any]:
    """The messages that a writer of the schema may send."""
    judge = validator(closed(schema))
    return [message for message in instances(schema, schema) if judge.is_valid(message)]


@cache
def sent_by_base() -> list[Any]:
    return sent(BASE)


def test_the_table_is_long_and_its_rows_are_different() -> None:
    assert len(CHANGES) >= 50
    assert len(set(NAMES)) == len(NAMES)
    assert len(sent_by_base()) > 50


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
def test_a_change_gets_its_verdict_with_the_place(change: Change) -> None:
    found = compare(BASE, change.new)

    assert (not found.backward, not found.forward) == (change.backward, change.forward), found
    told = [one.place for one in [*found.backward, *found.forward]]
    assert (change.place in told) if told else not change.place
    assert all(one.because for one in [*found.backward, *found.forward])


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
def test_generated_messages_are_of_the_same_opinion(change: Change) -> None:
    backward = all(validator(change.new).is_valid(message) for message in sent_by_base())
    forward = all(validator(BASE).is_valid(message) for message in sent(change.new))

    assert (backward, forward) == change.seen_by_a_validator


@pytest.mark.parametrize(
    ("writer", "reader", "taken"),
    [
        ({"type": "array"}, {"type": "array", "uniqueItems": True}, False),
        ({"type": "array", "maxItems": 1}, {"type": "array", "uniqueItems": True}, True),
        ({"type": "array", "maxItems": 0}, {"type": "array", "items": {"type": "string"}}, True),
        ({"type": "number", "multipleOf": 2}, {"type": "integer"}, True),
        ({"enum": [1, 2.0]}, {"type": "integer", "maximum": 2}, True),
        ({"enum": ["a", "[b"]}, {"type": "string", "pattern": "^[ab]$"}, False),
        ({"enum": ["a"]}, {"type": "string", "pattern": "(?<nonsense"}, False),
        ({"enum": ["2026-03-02"]}, {"type": "string", "format": "date"}, False),
        ({"const": 7}, {"type": "integer", "multipleOf": 2}, False),
        (True, {"type": "string"}, False),
        ({"type": "string"}, True, True),
        (False, {"type": "string"}, True),
    ],
)
def test_small_questions_get_their_answers(writer: Any, reader: Any, taken: bool) -> None:
    wrap = [{"type": "object", "required": ["m"], "properties": {"m": schema}} for schema in (writer, reader)]

    assert (not breaks_between(*wrap)) is taken


@settings(max_examples=30)
@given(st.sampled_from(CHANGES), st.sampled_from(CHANGES))
def test_of_two_changes_at_once_nothing_that_breaks_is_let_through(one: Change, other: Change) -> None:
    new = copy.deepcopy(BASE)
    try:
        one.edit(new)
        other.edit(new)
    except (AttributeError, KeyError, TypeError, ValueError):
        # The one removed what the other would change.
        assume(False)

    found = compare(BASE, new)

    if not found.backward:
        assert all(validator(new).is_valid(message) for message in sent_by_base())
    if not found.forward:
        assert all(validator(BASE).is_valid(message) for message in sent(new))


# Why the checker that would save us our own isn't used for the gate: where it is wrong.
OTHERWISE = {
    "a pattern more": "takes any two patterns for the same",
    "a pattern less": "takes any two patterns for the same",
    "another pattern": "takes any two patterns for the same",
    "a format more": "doesn't look at formats",
    "a format less": "doesn't look at formats",
    "a schema cut in two": "sees a break in allOf where none is",
    "oneOf where none overlap": "sees a break in oneOf where none is",
    "a required key in a map": "sees a break in maps where none is",
    "a keyword that isn't understood": "sees a break where `not` only narrows the writer",
    "shares in hundredths": "doesn't know fractions in multipleOf",
}


def other_opinion(writer: Any, reader: Any) -> bool | str:
    """Whether every value of a closed writer is one of the reader, by a library; its message where it can't decide."""
    try:
        return bool(jsoncompat.check_compat(json.dumps(reader), json.dumps(closed(writer)), jsoncompat.Role.SERIALIZER))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
def test_an_independent_checker_is_of_the_same_opinion(change: Change) -> None:
    found = (other_opinion(BASE, change.new), other_opinion(change.new, BASE))

    assert (found == change.seen_by_a_validator) is (change.name not in OTHERWISE)
