"""No breaking change under the same version: what is committed is held against every release."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from purchasing_contracts.compatibility.branches import UnreadableSchemaError
from purchasing_contracts.compatibility.verdict import Mode, broken_promises, compare
from purchasing_contracts.schema import schema_of
from purchasing_contracts.topics import TOPICS

RELEASED = Path(__file__).parents[2] / "contracts" / "released"
TIP = "purchasing.payment.tip_paid.v1"
REFUND = "purchasing.refund.issue.v1"

Json = dict[str, Any]


def releases() -> list[tuple[str, Json]]:
    """All releases, oldest first."""
    paths = sorted(RELEASED.glob("*.json"), key=lambda path: [int(part) for part in path.stem.split(".")])
    return [(path.stem, json.loads(path.read_text())) for path in paths]


def current() -> Json:
    return {message.TYPE: schema_of(message) for topic in TOPICS for message in topic.messages}


def test_the_schemas_go_together_with_those_of_every_release_both_ways() -> None:
    broken = broken_promises(releases(), current(), "full_transitive")

    assert releases()
    assert broken == [], "\n".join(["a new version of the message is needed:", *map(str, broken)])


def spoilt(type_: str, edit: Any) -> Json:
    schemas = copy.deepcopy(current())
    edit(schemas[type_]["$defs"]["TipPaid" if type_ == TIP else "RefundIssue"])
    return schemas


@pytest.mark.parametrize(
    ("type_", "edit", "place", "direction"),
    [
        (TIP, lambda data: data["required"].append("currency"), "/data/currency", "backward"),
        (TIP, lambda data: data["required"].remove("payment_id"), "/data/payment_id", "forward"),
        (TIP, lambda data: data["properties"]["tip_id"].update(maxLength=64), "/data/tip_id", "backward"),
        (REFUND, lambda data: data["properties"]["destination"]["enum"].append("cash"), "/data/destination", "forward"),
        (REFUND, lambda data: data["properties"].pop("amount"), "/data/amount", "forward"),
    ],
    ids=["a member required", "a member let go", "a shorter id", "a new destination", "a command without its amount"],
)  # fmt: skip
def test_a_breaking_change_is_refused_with_place_and_direction(
    type_: str, edit: Any, place: str, direction: str
) -> None:
    schemas = spoilt(type_, edit)
    if place == "/data/amount":
        schemas[type_]["$defs"]["RefundIssue"]["required"].remove("amount")

    broken = broken_promises(releases(), schemas, "full_transitive")

    assert (type_, direction, place) in {(one.type, one.direction, one.found.place) for one in broken}
    assert {one.type for one in broken} == {type_}


def test_only_an_enumeration_marked_open_may_grow() -> None:
    old, new = ({"a": {"enum": choices, "x-open": True}} for choices in (["one"], ["one", "two"]))
    closed = {"a": {"enum": ["one", "two"]}}

    assert broken_promises([("1", old)], new, "full") == []
    assert [one.direction for one in broken_promises([("1", old)], closed, "full")] == ["forward"]


def test_a_message_that_is_gone_is_refused_and_a_new_one_is_not() -> None:
    schemas = current()
    schemas["purchasing.payment.tip_paid.v2"] = schemas[TIP]
    assert broken_promises(releases(), schemas, "full_transitive") == []

    del schemas[TIP]
    (broken,) = broken_promises(releases()[-1:], schemas, "full_transitive")

    assert (broken.type, broken.direction) == (TIP, "removed")


def integers(**limits: int) -> Json:
    return {"a": {"type": "integer", **limits}}


HISTORY = [("1", integers(maximum=10)), ("2", integers(maximum=20)), ("3", integers(maximum=30))]


@pytest.mark.parametrize(
    ("mode", "new", "against"),
    [
        ("backward", integers(maximum=30), []),
        ("backward", integers(maximum=25), ["3"]),
        ("backward_transitive", integers(maximum=15), ["2", "3"]),
        ("backward_transitive", integers(maximum=40), []),
        ("forward", integers(maximum=30), []),
        ("forward", integers(maximum=40), ["3"]),
        ("forward_transitive", integers(maximum=30), ["1", "2"]),
        ("full", integers(maximum=30), []),
        ("full", integers(maximum=29), ["3"]),
        ("full_transitive", integers(maximum=30), ["1", "2"]),
    ],
)
def test_a_promise_is_kept_towards_the_last_version_or_all_of_them(mode: Mode, new: Json, against: list[str]) -> None:
    assert [broken.against for broken in broken_promises(HISTORY, new, mode)] == against


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.org/other.json"},
        {"$ref": "#/$defs/Nothing"},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
        {"type": "sum"},
        {"anyOf": ["not a schema"]},
    ],
    ids=["another file", "nowhere", "round in a circle", "no type", "no schema"],
)
def test_a_schema_that_cannot_be_read_is_an_error_not_a_verdict(schema: Json) -> None:
    with pytest.raises(UnreadableSchemaError):
        compare(schema, {"type": "string"})
