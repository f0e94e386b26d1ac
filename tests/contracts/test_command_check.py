"""`purchasing-contracts check`, `schema` and `example`."""

import json
from pathlib import Path
from typing import Any

import pytest
from purchasing_contracts.cli import main
from purchasing_contracts.shipped import root, schema_file
from purchasing_contracts.topics import TOPICS

TIP = "purchasing.payment.tip_paid.v1"
CONTRACTS = Path(__file__).parents[2] / "contracts"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> tuple[int, list[str]]:
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, (said.out + said.err).splitlines()

    return call


@pytest.fixture
def shorter(tmp_path: Path) -> Path:
    """The schema of a tip, with shorter identifiers."""
    schema = json.loads(schema_file(TIP).read_text())
    schema["$defs"]["TipPaid"]["properties"]["tip_id"]["maxLength"] = 64
    path = tmp_path / "shorter.json"
    path.write_text(json.dumps(schema))
    return path


def test_compatible_schemas_are_reported_as_such(run: Any) -> None:
    assert run("check", TIP, schema_file(TIP)) == (0, ["promised: they go together"])


def test_a_break_is_reported_with_message_version_direction_place_and_reason(run: Any, shorter: Path) -> None:
    code, said = run("check", TIP, shorter)

    assert code == 1
    why = "maxLength: the writer goes up to 128, the reader to 64"
    assert said == [
        f"{TIP}, against {TIP}, backward (new readers of old messages): /data/tip_id: {why}",
        "promised: 1 break",
    ]


@pytest.mark.parametrize(("mode", "code"), [("backward", 1), ("forward", 0), ("full", 1)])
def test_the_mode_determines_which_direction_counts(mode: str, code: int, run: Any, shorter: Path) -> None:
    assert run("check", TIP, shorter, "--mode", mode)[0] == code


def test_breaks_can_be_read_by_a_program(run: Any, shorter: Path) -> None:
    code, said = run("check", TIP, shorter, "--json")
    found, summary = map(json.loads, said)

    assert code == 1
    assert (found["direction"], found["place"]) == ("backward", "/data/tip_id")
    assert summary == {"verdict": "summary", "mode": "promised", "breaks": 1}


def test_a_directory_and_a_release_are_compared_message_by_message(run: Any, tmp_path: Path) -> None:
    released = CONTRACTS / "released" / "0.1.0.json"
    code, said = run("check", released, root() / "schemas")

    # The check warns a reader that has closed an enumeration which is open now; see test_compatibility_gate.
    assert code == 1
    assert {line.partition(": ")[2].partition(":")[0] for line in said[:-1]} == {
        "/data/kind", "/data/outcome", "/data/destination", "/data/source", "/data/purpose", "/data/scope",
        "/data/reason", "/data/final",
    }  # fmt: skip

    (tmp_path / f"{TIP}.schema.json").write_text(schema_file(TIP).read_text())
    code, said = run("check", released, tmp_path)

    assert code == 1
    assert sum("no longer there" in line for line in said) == len(json.loads(released.read_text())) - 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON Schema"),
        ('{"maxLength": NaN}', "is not JSON"),
        ('{"type": 7}', "not a schema"),
    ],
)
def test_a_file_that_is_no_schema_is_an_error(content: str, said: str, run: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)

    code, lines = run("check", path, TIP)

    assert code == 2
    assert said in lines[0]


def test_an_empty_directory_is_an_error(run: Any, tmp_path: Path) -> None:
    assert run("check", tmp_path, TIP) == (2, [f"purchasing-contracts: {tmp_path} holds no *.schema.json"])


@pytest.mark.parametrize("name", [TIP, "tip_paid", "payment.tip_paid", "tip_paid.v1"])
def test_a_schema_is_shown_by_its_type_or_by_any_telling_part_of_it(name: str, run: Any) -> None:
    assert run("schema", name) == (0, schema_file(TIP).read_text().splitlines())


def test_without_a_command_there_is_help(run: Any) -> None:
    code, said = run()

    assert code == 2
    assert "purchasing-contracts example TYPE" in " ".join(said)


def test_all_messages_are_listed_with_their_topic_and_whether_you_write_or_read_them(run: Any) -> None:
    code, said = run("schema")

    assert code == 0
    assert sum(not line.startswith(" ") for line in said) == sum(len(topic.messages) for topic in TOPICS)
    assert said[said.index(TIP) + 1].strip() == "you write  purchasing.events.payment.v1"
    assert said[said.index("purchasing.refund.issue.v1") + 1].strip() == "you read  purchasing.commands.refund.v1"


@pytest.mark.parametrize(
    ("name", "meant"), [("tip_payed", TIP), ("tip", TIP), ("payment", TIP), ("purchasing.payment.tip_paid.v2", TIP)]
)
def test_a_type_that_there_is_not_is_answered_with_one_that_is_meant(name: str, meant: str, run: Any) -> None:
    code, said = run("schema", name)

    assert code == 2
    assert meant in said[0]


def test_an_example_can_be_shown_and_checked(run: Any, tmp_path: Path) -> None:
    code, said = run("example", "refund.issue.v1")
    (tmp_path / "example.json").write_text("\n".join(said))

    assert code == 0
    assert run("validate", tmp_path / "example.json")[0] == 0


def test_examples_are_listed_and_an_unknown_one_is_answered_with_the_list(run: Any) -> None:
    code, said = run("example", TIP, "--list")
    assert code == 0
    assert "valid   whole" in said
    assert "invalid key_mismatch" in said

    code, said = run("example", TIP, "holy")
    assert code == 2
    assert "minimal" in said[0]
    assert "key_mismatch" in said[0]
