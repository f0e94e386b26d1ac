"""The pacts that other teams dropped into contracts/pacts, held against what our real encoder produces."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pact import Verifier
from purchasing_contracts.base import instant_of
from purchasing_contracts.envelope import Publication, decode_published, encode_structured
from purchasing_contracts.shipped import examples
from purchasing_contracts.testing.stand_in import StandIn, simulate_command
from purchasing_contracts.topics import class_of, topic_of

from tests.golden import CASES

PACTS = Path(__file__).parents[2] / "contracts" / "pacts"
STRUCTURED = "application/cloudevents+json"
FILES = sorted(PACTS.glob("*.json"))


@pytest.fixture(autouse=True)
def _nothing_is_reported_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACT_DO_NOT_TRACK", "true")


def content_types(pact: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The content type that the pact gives each message, where it fits ours.

    Pact's libraries use the general type of JSON unless another one is given.
    """
    for message in [*pact.get("messages", []), *pact.get("interactions", [])]:
        wanted = message["metadata"].get("contentType") or message["contents"].get("contentType")
        if wanted in ("application/json", STRUCTURED):
            yield message["description"], wanted


class Provider:
    """Makes the message that an interaction asks for."""

    def __init__(self, pact: dict[str, Any]) -> None:
        self.content_types = dict(content_types(pact))
        self.state: tuple[str, dict[str, Any]] = ("", {})

    def set_state(self, state: str, parameters: dict[str, Any] | None = None) -> None:
        # Pact also asks for a nameless state, before and after.
        if state:
            self.state = (state, parameters or {})

    def message(self, name: str, metadata: dict[str, Any] | None) -> dict[str, Any]:
        type_ = name.split(" ")[0]
        cls = class_of(type_)
        assert cls is not None, f"the description begins with no type of ours: {name}"
        state, parameters = self.state
        self.state = ("", {})
        value = (
            self._worked(type_, parameters) if state == "a worked example" else self._example(type_, state, parameters)
        )
        content_type = self.content_types.get(name, STRUCTURED)
        return {"contents": value, "metadata": {"topic": topic_of(cls).name}, "content_type": content_type}

    def _example(self, type_: str, state: str, parameters: dict[str, Any]) -> bytes:
        assert state in ("", "an example"), f"there is no such state: {state}"
        path = examples(type_)[parameters.get("name", "whole")]
        attributes, data = decode_published(path.read_bytes())
        time = instant_of(attributes["time"])
        return encode_structured(Publication(attributes["id"], attributes["subject"], time, data))

    def _worked(self, type_: str, parameters: dict[str, Any]) -> bytes:
        case = json.loads((CASES / f"{parameters['name']}.json").read_text())
        service = StandIn(simulate_command())
        service.send(*(json.dumps(event).encode() for event in case["events"]))
        found = [record.value for record in service.records(instant_of(case["until"]))]
        return [value for value in found if value and type_ == decode_published(value)[1].TYPE][-1]


def verify(path: Path) -> tuple[bool, str]:
    """Whether our messages keep a pact, and what the verifier says."""
    provider = Provider(json.loads(path.read_text()))
    verifier = (
        Verifier("purchasing").message_handler(provider.message).state_handler(provider.set_state).add_source(path)
    )
    verifier.set_coloured_output(enabled=False)
    # Each worked example is decided anew for it; five seconds are few on a machine with other work.
    verifier.set_request_timeout(60_000)
    try:
        verifier.verify()
    except RuntimeError:
        return False, str(verifier.output(strip_ansi=True))
    return True, ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_pact_of_another_team_is_kept(path: Path) -> None:
    kept, said = verify(path)

    assert kept, said


def test_there_is_a_worked_example_from_another_language() -> None:
    made = json.loads((PACTS / "payment-institution-purchasing.json").read_text())

    assert "js" in json.dumps(made["metadata"])
    assert len(made["messages"]) == 3


def broken(tmp_path: Path, edit: Any) -> tuple[bool, str]:
    pact = json.loads((PACTS / "payment-institution-purchasing.json").read_text())
    edit(pact["messages"])
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(pact))
    return verify(path)


def rule(message: Any, place: str) -> Any:
    return message["matchingRules"]["body"][place]["matchers"][0]


@pytest.mark.parametrize(
    "edit",
    [
        lambda messages: messages[0]["contents"]["data"].update(destination="deposit"),
        lambda messages: messages[0]["contents"]["data"].update(fee=1),
        lambda messages: rule(messages[0], "$.data.amount.value").update(match="boolean"),
        lambda messages: messages[0]["metadata"].update(topic="purchasing.commands.refund.v2"),
        lambda messages: rule(messages[0], "$.time").update(regex="^[0-9]+$"),
        lambda messages: messages[1]["providerStates"][0].update(name="a state that nobody knows"),
        lambda messages: messages[1].update(description="a refund"),
    ],
    ids=["another value", "a member more", "another kind of value", "another topic", "a regex", "a state", "no type"],
)
def test_a_broken_pact_is_reported(edit: Any, tmp_path: Path) -> None:
    assert broken(tmp_path, edit)[0] is False


def test_a_pact_of_specification_4_is_held_against_us_too(tmp_path: Path) -> None:
    pact = json.loads((PACTS / "payment-institution-purchasing.json").read_text())
    interactions = [
        {
            "type": "Asynchronous/Messages",
            "description": message["description"],
            "pending": False,
            "providerStates": message["providerStates"],
            "contents": {"content": message["contents"], "contentType": "application/json", "encoded": False},
            "matchingRules": message["matchingRules"],
            "metadata": {name: value for name, value in message["metadata"].items() if name != "contentType"},
        }
        for message in pact["messages"]
    ]
    path = tmp_path / "v4.json"
    document = {name: pact[name] for name in ("consumer", "provider")} | {"interactions": interactions}
    path.write_text(json.dumps({**document, "metadata": {"pactSpecification": {"version": "4.0"}}}))

    assert verify(path) == (True, "")
    path.write_text(path.read_text().replace('"purchase"', '"purchase"').replace('"/purchasing"', '"/somebody"'))
    assert verify(path)[0] is False
