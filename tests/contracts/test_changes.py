"""`purchasing-contracts changes`: what came with a version, in words."""

import copy
from typing import Any

import pytest
from purchasing_contracts.changes import changes_between, releases, version_key
from purchasing_contracts.cli import changes, main
from purchasing_contracts.schema import schema_of
from purchasing_contracts.topics import TOPICS
from purchasing_contracts.versions import NOTES

COST = "purchasing.warehouse.cost_incurred.v1"
PLACED = "purchasing.order.placed.v1"
REFUND = "purchasing.refund.issue.v1"

Json = dict[str, Any]


def current() -> Json:
    return {message.TYPE: schema_of(message) for topic in TOPICS for message in topic.messages}


def said(edit: Any, type_: str, shape: str) -> list[tuple[str, str]]:
    """Changes reported for an edit of the members of a shape, compared to the members before."""
    old = {type_: current()[type_]}
    new = copy.deepcopy(old)
    edit(new[type_]["$defs"][shape])
    return [(one.place, one.words) for one in changes_between(old, new)]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda cost: cost["properties"].update(ref={"description": "The ref."}), ("ref", "new: The ref.")),
        (lambda cost: cost["properties"].pop("settled"), ("settled", "gone")),
        (lambda cost: cost["properties"]["borne_by"]["enum"].append("buyer"), ("borne_by", "also: buyer")),
        (lambda cost: cost["properties"]["cost_id"].update(maxLength=160), ("cost_id", "maxLength: 128, now 160")),
        (lambda cost: cost["required"].remove("kind"), ("", "kind is optional now")),
        (lambda cost: cost["required"].append("settled"), ("", "settled is required now")),
        (lambda cost: cost["properties"]["borne_by"].pop("default"), ("borne_by", 'default: "provider", now none')),
    ],
    ids=["a member", "a member gone", "a choice", "a limit", "optional", "required", "a default"],
)
def test_a_change_of_a_member_is_reported_at_its_place(edit: Any, told: tuple[str, str]) -> None:
    assert said(edit, COST, "CostIncurred") == [told]


def test_a_member_of_an_item_in_a_list_is_reported_with_the_list() -> None:
    assert said(lambda item: item["properties"].update(hue={"description": "A hue."}), PLACED, "Item") == [
        ("items[].hue", "new: A hue.")
    ]


def test_an_opened_enumeration_and_a_new_known_value_are_reported() -> None:
    def closed(refund: Json) -> None:
        destination = refund["properties"]["destination"]
        destination["enum"] = destination.pop("examples")
        del destination["x-open-enumeration"]

    old, new = {REFUND: current()[REFUND]}, {REFUND: current()[REFUND]}
    closed(old[REFUND]["$defs"]["RefundIssue"])
    new[REFUND]["$defs"]["RefundIssue"]["properties"]["destination"]["examples"].append("cash")

    (told,) = changes_between(old, new)

    assert (told.place, told.words) == ("destination", "open from now on; also known: cash")


def test_words_alone_are_no_change() -> None:
    assert said(lambda cost: cost["properties"]["cost_id"].update(description="Another."), COST, "CostIncurred") == []


def test_every_type_and_member_that_0_1_lacks_is_reported() -> None:
    old = releases()["0.1.0"]
    told = {(one.type, one.place) for one in changes_between(old, current())}

    assert {type_ for type_, place in told if not place} == set(current()) - set(old)
    members = {
        (type_, name) for type_, schema in old.items() for name in set(data_of(current()[type_])) - set(data_of(schema))
    }
    assert members <= told
    assert len(members) > 30


def data_of(schema: Json) -> Json:
    """The members of a message's data."""
    data = schema["properties"]["data"]
    reference = next(one["$ref"] for one in [data, *data.get("anyOf", [])] if "$ref" in one)
    members: Json = schema["$defs"][reference.rpartition("/")[2]].get("properties", {})
    return members


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["changes", *arguments])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_the_command_prints_the_changes_of_this_version_and_its_notes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, text = run(capsys, "--since", "0.1.0")

    assert code == 0
    assert NOTES["0.2.0"] in text
    assert "\npurchasing.order.quote_revised.v1\n    new: The buyer agreed" in text
    assert "\n    borne_by: also: seller\n" in text


def test_the_command_prints_the_changes_of_one_message_alone(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "cost_incurred", "--since", "0.1.0")

    assert code == 0
    assert [line for line in text.splitlines() if line.startswith("purchasing.")] == [COST]
    assert NOTES["0.2.0"] not in text


def test_for_a_message_without_changes_the_command_prints_that_nothing_is_new(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(capsys, "customs_cleared", "--since", "0.1.0")[1].endswith("nothing is new\n")


def test_a_release_that_there_is_not_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--since", "0.0.9")

    assert code == 2
    assert "there is no release 0.0.9" in text
    assert "0.1.0" in text


def test_without_a_version_the_release_before_this_one_is_meant(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = releases()["0.1.0"]
    monkeypatch.setattr(changes, "releases", lambda: {"0.1.0": old, "0.9.0": current(), "0.10.0": old})
    monkeypatch.setattr(changes, "version", lambda _: "0.10.0")

    assert run(capsys)[1] == "0.10.0, since 0.9.0\nnothing is new\n"


def test_versions_are_sorted_by_number() -> None:
    assert sorted(["0.10.0", "0.9.1", "0.9.0"], key=version_key) == ["0.9.0", "0.9.1", "0.10.0"]
    assert list(releases()) == sorted(releases(), key=version_key)
