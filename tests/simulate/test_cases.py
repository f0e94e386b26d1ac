"""The worked examples of the specification, through the command as a person runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from service.cli import main
from tests.golden import CASES, Case, cases, differences, summaries


@pytest.fixture(params=cases(), ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    return request.param


def test_a_worked_example_publishes_what_it_expects(case: Case, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code = main(["simulate", str(case.path), "--until", case.until])

    out, err = capfdbinary.readouterr()
    commands, decisions = summaries(json.loads(line) for line in out.splitlines())
    assert (code, err) == (0, b"")
    assert differences(case.commands, commands) == []
    assert differences(case.decisions, decisions) == []


def test_worked_examples_are_numbered_from_1_without_a_gap() -> None:
    numbers = [case.name.partition("-")[0] for case in cases()]
    assert len(numbers) >= 86
    assert numbers == [f"{n:02}" for n in range(1, len(numbers) + 1)], "give the new one the next number"


def test_an_array_and_lines_of_the_same_events_come_to_the_same(tmp_path, capfdbinary) -> None:
    document = json.loads((CASES / "13-cancel-after-purchase-seller-agrees-with-penalty.json").read_text())
    forms = {
        "document.json": json.dumps(document, indent=1),
        "array.json": json.dumps(document["events"]),
        "lines.json": "\n".join(json.dumps(event) for event in document["events"]) + "\n",
    }
    outputs = []
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
        assert main(["simulate", str(tmp_path / name), "--until", document["until"]]) == 0
        outputs.append(capfdbinary.readouterr().out)

    assert outputs[0] == outputs[1] == outputs[2] != b""


def test_a_clock_before_the_last_event_is_moved_to_it_and_reported(capfdbinary) -> None:
    case = next(iter(CASES.glob("13-*.json")))
    last = json.loads(case.read_text())["events"][-1]["time"]
    outputs = []
    for until in ("2020-01-01T00:00:00Z", last):
        assert main(["simulate", str(case), "--until", until]) == 0
        outputs.append(capfdbinary.readouterr())

    assert outputs[0].out == outputs[1].out
    assert b"some events are after --until" in outputs[0].err
    assert outputs[1].err == b""


def test_orders_may_be_mixed_and_read_from_standard_input() -> None:
    lines = []
    for name in ("08-seller-charged-less", "09-out-of-stock"):
        events = json.loads((CASES / f"{name}.json").read_text())["events"]
        lines += [(event["time"], json.dumps(event).replace("ord-1001", f"ord-{name[:2]}")) for event in events]
    given = "\n".join(line for _, line in sorted(lines))
    done = subprocess.run(
        [sys.executable, "-m", "service", "simulate", "-", "--until", "2026-04-01T00:00:00Z"],
        input=given.encode(),
        capture_output=True,
        check=False,
    )

    subjects = [json.loads(line)["subject"] for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, b"")
    assert {"ord-08", "ord-09"} == set(subjects)
    assert subjects != sorted(subjects)
