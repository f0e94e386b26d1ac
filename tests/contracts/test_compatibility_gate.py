"""No breaking change under the same version: what is committed is held against every release."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from purchasing_contracts.checking import Checker
from purchasing_contracts.compatibility.branches import UnreadableSchemaError
from purchasing_contracts.compatibility.verdict import Broken, Mode, broken_promises, compare
from purchasing_contracts.documents import read_documents
from purchasing_contracts.messages import Refusal
from purchasing_contracts.schema import schema_of
from purchasing_contracts.topics import TOPICS
from pydantic_core import to_json

RELEASED = Path(__file__).parents[2] / "contracts" / "released"
TIP = "purchasing.payment.tip_paid.v1"
COST = "purchasing.warehouse.cost_incurred.v1"
REFUND = "purchasing.refund.issue.v1"

Json = dict[str, Any]


def releases() -> list[tuple[str, Json]]:
    """All releases, oldest first."""
    paths = sorted(RELEASED.glob("*.json"), key=lambda path: [int(part) for part in path.stem.split(".")])
    return [(path.stem, json.loads(path.read_text())) for path in paths]


def current() -> Json:
    return {message.TYPE: schema_of(message) for topic in TOPICS for message in topic.messages}


OPENED = "0.1 closed it; opened before anybody had installed 0.1, and the README says what readers have to do"
PARTS = "absent still means true in all that 0.1 could say; only with `items`, which 0.1 didn't have, it means another"
ALLOWED = {
    ("0.1.0", "purchasing.decision.made.v1", "/data/kind"): OPENED,
    ("0.1.0", "purchasing.decision.made.v1", "/data/outcome"): OPENED,
    ("0.1.0", "purchasing.refund.issue.v1", "/data/destination"): OPENED,
    ("0.1.0", "purchasing.deduction.execute.v1", "/data/source"): OPENED,
    ("0.1.0", "purchasing.deduction.execute.v1", "/data/purpose"): OPENED,
    ("0.1.0", "purchasing.freeze.place.v1", "/data/scope"): OPENED,
    ("0.1.0", "purchasing.record.quarantined.v1", "/data/reason"): OPENED,
    ("0.1.0", "purchasing.warehouse.goods_received.v1", "/data/final"): PARTS,
    ("0.1.0", "purchasing.warehouse.package_delivered.v1", "/data/final"): PARTS,
}
"""The breaks that were decided on, each with the reason. Only of a release that nobody had installed."""


def new_breaks(schemas: Json) -> list[Broken]:
    """The breaks of our promise that nobody decided on."""
    found = broken_promises(releases(), schemas, "promised")
    return [one for one in found if (one.against, one.type, one.found.place) not in ALLOWED]


def test_the_schemas_keep_what_was_promised_with_every_release() -> None:
    broken = new_breaks(current())

    assert releases()
    assert broken == [], "\n".join(["a new version of the message is needed:", *map(str, broken)])


def test_every_break_that_was_decided_on_is_one() -> None:
    found = broken_promises(releases(), current(), "promised")

    assert {(one.against, one.type, one.found.place) for one in found} == set(ALLOWED)


EXAMPLES = [
    (version, type_, name, message)
    for version, _ in releases()
    for type_, named in json.loads((RELEASED / "examples" / f"{version}.json").read_text()).items()
    for name, message in named.items()
]


@pytest.mark.parametrize(("version", "type_", "name", "message"), EXAMPLES, ids=lambda value: str(value)[:60])
def test_a_valid_message_of_an_earlier_release_is_valid_with_the_same_meaning(
    version: str, type_: str, name: str, message: Json
) -> None:
    (found,) = read_documents(json.dumps(message).encode())
    decoded = Checker().check(found.record).decoded

    assert not isinstance(decoded, Refusal), f"{version}, {name}: {decoded}"
    if not name.endswith(".record"):
        Draft202012Validator(current()[type_]).validate(message)
        known = json.loads(to_json(decoded.data))
        said = {member: value for member, value in message["data"].items() if value is not None}
        said.pop("a_member_of_the_future", None)
        assert is_part_of(said, known)


def is_part_of(said: Any, known: Any) -> bool:
    """Whether all of `said` is in `known`, member by member."""
    if isinstance(said, dict):
        return all(name in known and is_part_of(value, known[name]) for name, value in said.items())
    if isinstance(said, list):
        return len(said) == len(known) and all(map(is_part_of, said, known))
    return bool(said == known)


def spoilt(type_: str, edit: Any) -> Json:
    schemas = copy.deepcopy(current())
    edit(schemas[type_]["$defs"][{TIP: "TipPaid", COST: "CostIncurred", REFUND: "RefundIssue"}[type_]])
    return schemas


@pytest.mark.parametrize(
    ("type_", "edit", "place", "direction"),
    [
        (TIP, lambda data: data["required"].append("currency"), "/data/currency", "backward"),
        (TIP, lambda data: data["properties"]["tip_id"].update(maxLength=64), "/data/tip_id", "backward"),
        (REFUND, lambda data: data["required"].remove("line"), "/data/line", "forward"),
        (REFUND, lambda data: data["properties"]["line"].update(maxLength=161), "/data/line", "forward"),
        (REFUND, lambda data: data["properties"].pop("amount"), "/data/amount", "forward"),
    ],
    ids=["a member required", "a shorter id", "a member let go", "a longer line", "a command without its amount"],
)  # fmt: skip
def test_a_breaking_change_is_refused_with_place_and_direction(
    type_: str, edit: Any, place: str, direction: str
) -> None:
    schemas = spoilt(type_, edit)
    if place == "/data/amount":
        schemas[type_]["$defs"]["RefundIssue"]["required"].remove("amount")

    broken = new_breaks(schemas)

    assert (type_, direction, place) in {(one.type, one.direction, one.found.place) for one in broken}
    assert {one.type for one in broken} == {type_}


@pytest.mark.parametrize(
    ("type_", "edit"),
    [
        (TIP, lambda data: data["required"].remove("payment_id")),
        (TIP, lambda data: data["properties"]["tip_id"].update(maxLength=200)),
        (COST, lambda data: data["properties"]["borne_by"]["enum"].append("buyer")),
        (REFUND, lambda data: data["properties"]["destination"]["examples"].append("cash")),
    ],
    ids=["a member let go in an event", "a longer id in an event", "a choice more in an event", "a new destination"],
)
def test_taking_more_and_a_new_value_of_an_open_enumeration_break_nothing(type_: str, edit: Any) -> None:
    assert new_breaks(spoilt(type_, edit)) == []


def test_a_reader_that_closes_an_open_enumeration_is_reported() -> None:
    mine = copy.deepcopy(current())
    destination = mine[REFUND]["$defs"]["RefundIssue"]["properties"]["destination"]
    destination["enum"] = destination.pop("examples")

    (found,) = compare(mine[REFUND], current()[REFUND]).forward

    assert found.place == "/data/destination"


def test_a_message_that_is_gone_is_refused_and_a_new_one_is_not() -> None:
    schemas = current()
    schemas["purchasing.payment.tip_paid.v2"] = schemas[TIP]
    assert new_breaks(schemas) == []

    del schemas[TIP]
    (broken,) = new_breaks(schemas)

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
