"""`purchasing-contracts validate`: its report on a file, and its exit code."""

import copy
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from purchasing_contracts.cli import main
from purchasing_contracts.shipped import examples

from tests.contracts import wire
from tests.contracts.wire import CAPTURED, PLACED, text

TIP = "purchasing.payment.tip_paid.v1"


def event(*arguments: Any, **attributes: Any) -> Any:
    """An event of one's own, to be spoilt."""
    return copy.deepcopy(wire.event(*arguments, **attributes))


@pytest.fixture
def validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(content: bytes, *options: str) -> tuple[int, list[str]]:
        path = tmp_path / "messages"
        path.write_bytes(content)
        code = main(["validate", str(path), *options])
        said = capsys.readouterr()
        return code, (said.out + said.err).splitlines()

    return run


def lines(*events: Any) -> bytes:
    return b"".join(text(one) + b"\n" for one in events)


def test_right_messages_are_counted(validate: Any) -> None:
    assert validate(lines(event(PLACED), event(CAPTURED, id="evt-2"))) == (0, ["2 messages: 2 right, 0 refused"])


@pytest.mark.parametrize(
    "layout",
    [
        lambda good, bad: text([good, bad]),
        lambda good, bad: lines(good, bad),
        lambda good, bad: json.dumps([good, bad], indent=4).encode(),
        lambda good, bad: b"\xef\xbb\xbf" + text([good, bad]),
        lambda good, bad: b"\n" + lines(good) + b"\n\n" + text(bad),
    ],
    ids=["an array", "lines", "indented", "with a byte order mark", "with empty lines"],
)
def test_messages_may_come_in_an_array_or_in_lines(layout: Any, validate: Any) -> None:
    code, said = validate(layout(event(PLACED), event(CAPTURED, id="evt-2", subject=...)))

    assert code == 1
    assert said[-1] == "2 messages: 1 right, 1 refused (schema 1)"


def test_a_refusal_names_place_problem_and_remedy(validate: Any) -> None:
    wrong = event(CAPTURED, id="evt-2")
    wrong["data"]["breakdown"]["goods"]["value"] = 1299.5

    code, said = validate(lines(event(PLACED), wrong))

    assert code == 1
    assert said == [
        "line 2 (ord-1001): refused, schema at /data/breakdown/goods/value: Input should be a valid integer",
        "    `value`: Whole minor units (fen, cents) of the currency, from 0 to 10^15.",
        "2 messages: 1 right, 1 refused (schema 1)",
    ]


def test_a_choice_that_there_is_not_is_answered_with_those_that_there_are(validate: Any) -> None:
    wrong = event("purchasing.order.refused.v1", {"ground": "special"})

    _, said = validate(text(wrong))

    assert said[1].endswith("One of special_request, prohibited, restricted, other.")


def test_numbers_are_judged_as_they_were_written(validate: Any) -> None:
    value = text(event(CAPTURED)).replace(b"129900", b"129900.0")

    code, said = validate(value)

    assert code == 1
    assert "/data/breakdown/goods/value" in said[0]


@pytest.mark.parametrize("reason", [path.stem for path in examples(TIP, "invalid").values()])
def test_an_invalid_example_is_refused_with_its_own_reason(reason: str, validate: Any) -> None:
    path = examples(TIP, "invalid")[reason]
    expected = json.loads(path.read_text())["refused"]

    code, said = validate(path.read_bytes(), "--json")

    (finding,) = [found for line in said[:-1] if (found := json.loads(line))["verdict"] == "refused"]
    assert code == 1
    assert {name: finding[name] for name in expected} == expected


def test_a_member_that_nobody_reads_is_a_warning_and_with_strict_an_error(validate: Any) -> None:
    mistyped = event(PLACED)
    mistyped["data"]["mandat"] = mistyped["data"].pop("mandate")
    mistyped["data"]["items"][0]["colour"] = "white"

    code, said = validate(text(mistyped))

    assert code == 0
    assert said == [
        "the file (ord-1001): warning at /data/items/0/colour: no member of this name is read",
        "the file (ord-1001): warning at /data/mandat: no member of this name is read; is `mandate` meant?",
        "1 message: 1 right, 0 refused; 2 warnings",
    ]
    assert validate(text(mistyped), "--strict")[0] == 1


def test_a_misspelt_required_member_is_reported_beside_the_missing_one(validate: Any) -> None:
    mistyped = event(CAPTURED)
    mistyped["data"]["paymentId"] = mistyped["data"].pop("payment_id")

    code, said = validate(text(mistyped))

    assert code == 1
    assert "refused, schema at /data/payment_id: Field required" in said[0]
    assert said[2].endswith("warning at /data/paymentId: no member of this name is read; is `payment_id` meant?")


def test_a_misspelt_type_is_reported(validate: Any) -> None:
    code, said = validate(text(event(CAPTURED, type="purchasing.payment.captured.v2")))

    assert code == 1
    assert "refused, unknown_type at /type" in said[0]
    assert said[2].endswith(f"warning at /type: is `{CAPTURED}` meant?")


@pytest.mark.parametrize(("name", "warned"), [("traceparnt", True), ("partitionkey", False)])
def test_an_extension_attribute_is_accepted_and_a_misspelt_one_reported(name: str, warned: bool, validate: Any) -> None:
    _, said = validate(text({**event(PLACED), name: "x"}))

    assert ("warning" in said[0]) is warned


@pytest.mark.parametrize("attribute", ["subject", "time", "type", "data"])
def test_an_id_repeated_with_other_content_is_reported(attribute: str, validate: Any) -> None:
    other = {
        "subject": {"subject": "ord-2"},
        "time": {"time": "2026-03-02T09:00:00.000001Z"},
        "type": {"type": "purchasing.order.tip_refund_requested.v1", "data": {"tip_id": "t"}},
        "data": {"data": {"request_id": "can-2", "channel": "platform"}},
    }[attribute]
    first = event("purchasing.order.cancellation_requested.v1")
    again = {**first, "time": "2026-03-02T17:00:00+08:00", "unknown": 1}

    code, said = validate(lines(first, again, {**first, **other}))

    assert code == 1
    assert f"refused, conflict at /{attribute}" in said[-3]
    assert said[-1].startswith("3 messages: 2 right, 1 refused (conflict 1)")


def test_a_message_on_a_topic_is_checked_against_that_topic(validate: Any) -> None:
    code, said = validate(text(event(CAPTURED)), "--topic", "purchasing.events.order.v1")

    assert code == 1
    assert "wrong_topic" in said[0]
    assert said[1].strip() == "It belongs on purchasing.events.payment.v1."


def test_the_output_of_kcat_is_read_with_key_and_headers(validate: Any) -> None:
    record = {
        "topic": "purchasing.events.payment.v1", "partition": 3, "offset": 17, "tstype": "create", "ts": 1, "broker": 0,
        "headers": ["content-type", "application/cloudevents+json"], "key": "ord-7",
        "payload": text(event(CAPTURED)).decode(),
    }  # fmt: skip

    code, said = validate(text(record))

    assert code == 1
    assert "key_mismatch at /subject" in said[0]


def test_a_command_of_ours_is_checked_as_its_reader_gets_it(validate: Any) -> None:
    refund = event("purchasing.refund.issue.v1", source="/purchasing")
    broken = copy.deepcopy(refund)
    del broken["data"]["amount"]

    assert validate(text(refund))[0] == 0
    code, said = validate(text(broken))
    assert code == 1
    assert "schema at /data/amount" in said[0]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"specversion": "1.0",\n "id": }\n', "the file: refused, not_json"),
        (b'\xff\n{}\n{"specversion":1}', "line 1"),
    ],
    ids=["an indented file", "lines"],
)
def test_broken_json_is_one_broken_message(content: bytes, found: str, validate: Any) -> None:
    code, said = validate(content)

    assert code == 1
    assert said[0].startswith(found)


def test_the_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines(event(PLACED)))))

    assert main(["validate", "-"]) == 0
    assert capsys.readouterr().out == "1 message: 1 right, 0 refused\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["validate"], "say what to check"),
        (["validate", "nowhere.json"], "nowhere.json can't be read"),
        (["validate", "x", "--bootstrap", "localhost:1"], "say what to check"),
        (["validate", "--bootstrap", "localhost:1"], "say which topic to read"),
        (["validate", "x", "--topic", "purchasing.events.v1"], "Those that do: purchasing.events.order.v1"),
    ],
)
def test_a_call_with_wrong_arguments_names_the_remedy(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]"])
def test_a_file_without_a_message_is_an_error(content: bytes, validate: Any) -> None:
    code, said = validate(content)

    assert code == 2
    assert said[0].endswith("holds no message")


@pytest.mark.parametrize("record", [{"topic": "t", "payload": 1}, {"topic": "t", "payload": "", "headers": ["odd"]}])
def test_an_incomplete_record_is_an_error(record: Any, validate: Any) -> None:
    assert validate(text(record))[0] == 2


def test_no_more_than_the_limit_is_looked_at(validate: Any) -> None:
    assert validate(lines(event(PLACED), {}, {}), "--limit", "1") == (0, ["1 message: 1 right, 0 refused"])
