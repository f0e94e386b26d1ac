"""The examples of contracts/README.md work as they are printed there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from purchasing_contracts.cli import main
from purchasing_contracts.envelope import Event, decode
from purchasing_contracts.topics import TOPICS

from tests.contracts.wire import PUBLISHED, event, text

README = (Path(__file__).parents[2] / "contracts" / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_of_writing_an_event_works() -> None:
    names: dict[str, Any] = {}

    exec(BLOCKS[0], names)

    sent = names["arguments"]
    decoded = decode(sent["topic"], sent["key"], sent["value"], sent["headers"])
    assert isinstance(decoded, Event)
    assert decoded == names["event"]


def test_the_example_of_reading_a_command_works() -> None:
    refund = "purchasing.refund.issue.v1"
    names: dict[str, Any] = {"value": text(event(refund))}

    exec(BLOCKS[1], names)

    assert names["command"].line == PUBLISHED[refund].required["line"]


def test_the_command_prints_what_the_readme_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (session,) = re.findall(r"```sh\n(\$ .*?)```", README, re.DOTALL)
    shown = [line for line in session.splitlines() if not line.startswith("$")]

    assert main(["example", "tip_paid", "minimal"]) == 0
    Path("event.json").write_text(capsys.readouterr().out)
    assert main(["validate", "event.json"]) == 0
    Path("event.json").write_text(Path("event.json").read_text().replace("5000", "50.00"))
    assert main(["validate", "event.json"]) == 1

    assert capsys.readouterr().out.splitlines() == shown


def test_every_command_that_is_named_is_one() -> None:
    for line in re.findall(r"`(purchasing-contracts [a-z].*?)`", README):
        command = shlex.split(line)[1]
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0


def test_the_retention_that_the_policy_counts_on_is_that_of_the_topics() -> None:
    days = {int(topic.settings["retention.ms"]) // 86_400_000 for topic in TOPICS if topic.messages}

    assert days == {30}
    assert "the retention time of the topic (30 days)" in " ".join(README.split())
