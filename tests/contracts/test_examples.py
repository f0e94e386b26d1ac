"""The examples: right ones are taken, wrong ones get the refusal beside them; by codec, by schema, by the service."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from purchasing_contracts.base import EventData, MessageData
from purchasing_contracts.checking import FACTS_PER_TYPE_MAX, Checker
from purchasing_contracts.documents import read_documents
from purchasing_contracts.envelope import decode, decode_published
from purchasing_contracts.quarantine import Reason
from purchasing_contracts.shipped import example, examples, root, schema_file
from purchasing_contracts.topics import TOPICS

from service.orders.engine import FACTS_PER_TYPE, Engine
from service.orders.inbound_record import InboundRecord
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.simulate.simulation import Simulation
from service.store.memory import MemoryStore
from service.terms.source import FixedTerms

MESSAGES = [message for topic in TOPICS for message in topic.messages]
EVENTS = [message.TYPE for message in MESSAGES if issubclass(message, EventData)]
PUBLISHED = [message.TYPE for message in MESSAGES if not issubclass(message, EventData)]
VALID = [(message.TYPE, path) for message in MESSAGES for path in examples(message.TYPE).values()]
INVALID = [(message.TYPE, path) for message in MESSAGES for path in examples(message.TYPE, "invalid").values()]

# Only what names two sums of money can mix them.
WITHOUT_TWO_SUMS = {
    message.TYPE
    for message in MESSAGES
    if not {"mixed_currencies"} & set(examples(message.TYPE, "invalid")) and issubclass(message, EventData)
}


def named(value: Any) -> str:
    return f"{value.parent.parent.name}/{value.stem}" if isinstance(value, Path) else ""


@pytest.mark.parametrize("type_", EVENTS + PUBLISHED)
def test_a_message_has_at_least_two_valid_examples(type_: str) -> None:
    assert {"minimal", "whole"} <= set(examples(type_))
    assert example(type_)["type"] == type_


@pytest.mark.parametrize("type_", EVENTS)
def test_an_event_has_an_invalid_example_for_every_kind_of_refusal(type_: str) -> None:
    reasons = {name.partition("-")[0] for name in examples(type_, "invalid")}
    possible = set(Reason.__args__) - ({"mixed_currencies"} if type_ in WITHOUT_TWO_SUMS else set())

    assert reasons == possible


def sums(data: dict[str, Any]) -> int:
    """The number of sums of money in the data, without those that need not be in its currency."""
    return json.dumps({name: value for name, value in data.items() if name != "settled"}).count('"value"')


def test_every_event_with_two_sums_of_money_has_an_example_that_mixes_them() -> None:
    several = {type_ for type_ in EVENTS if sums(example(type_)["data"]) > 1}

    assert several == set(EVENTS) - WITHOUT_TWO_SUMS
    assert len(several) == 7


@pytest.mark.parametrize(("type_", "path"), VALID, ids=named)
def test_a_valid_example_is_taken(type_: str, path: Path) -> None:
    (found,) = read_documents(path.read_bytes())

    verdict = Checker().check(found.record)

    assert verdict.refusal is None
    told = [warning.place for warning in verdict.warnings]
    assert told == (["/data/a_member_of_the_future"] if path.stem == "tolerated" else [])
    if type_ in PUBLISHED:
        attributes, _ = decode_published(path.read_bytes())
        assert attributes["type"] == type_


@pytest.mark.parametrize(("type_", "path"), VALID, ids=named)
def test_a_valid_example_is_valid_by_the_schema(type_: str, path: Path) -> None:
    schema, document = json.loads(schema_file(type_).read_text()), json.loads(path.read_text())
    if path.stem.endswith(".record"):
        # The value of a record in binary mode is the data alone.
        schema = {**schema["properties"]["data"], "$defs": schema["$defs"]}
        document = json.loads(document["payload"])

    Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize(("type_", "path"), INVALID, ids=named)
def test_an_invalid_example_gets_the_refusal_that_stands_beside_it(type_: str, path: Path) -> None:
    checker = Checker(clock=lambda: datetime.now(UTC))
    *before, last = [checker.check(found.record).refusal for found in read_documents(path.read_bytes())]

    expected = json.loads(path.read_text())["refused"]

    assert not any(before)
    assert last is not None
    assert {"reason": last.reason, "place": last.place, "because": last.because} == expected
    assert path.stem.partition("-")[0] == expected["reason"]


async def refused_by_the_service(raw: bytes) -> list[tuple[str, str]]:
    simulation = Simulation()
    found = []
    for document in read_documents(raw):
        async for handled in simulation.receive(document.record.value or b""):
            found += [(refusal.reason, refusal.place) for _, refusal in handled.quarantined]
    return found


@pytest.mark.parametrize("type_", EVENTS)
async def test_the_service_refuses_a_conflict_at_the_same_place(type_: str) -> None:
    path = examples(type_, "invalid")["conflict"]

    assert await refused_by_the_service(path.read_bytes()) == [
        ("conflict", json.loads(path.read_text())["refused"]["place"])
    ]


async def test_the_service_quarantines_what_is_dated_centuries_ahead() -> None:
    path = examples("purchasing.payment.captured.v1", "invalid")["in_the_future"]
    (document,) = read_documents(path.read_bytes())
    record = document.record
    received = decode(record.topic, record.key, record.value, record.headers)
    inbound_record = InboundRecord(record.topic, 0, 0, record.key, record.value, record.headers, received)

    handled = await Engine(MemoryStore(), FixedTerms(TERMS_OF_THE_AGREEMENT)).handle([inbound_record])

    assert [(refusal.reason, refusal.place) for _, refusal in handled.quarantined] == [("in_the_future", "/time")]


async def test_the_service_accepts_as_many_facts_of_one_type_as_the_contracts_allow() -> None:
    path = examples("purchasing.payment.tip_paid.v1", "invalid")["too_many_facts"]

    assert FACTS_PER_TYPE == FACTS_PER_TYPE_MAX
    assert await refused_by_the_service(path.read_bytes()) == [("too_many_facts", "")]


def test_there_are_no_examples_of_anything_else() -> None:
    assert sorted(path.name for path in (root() / "examples").iterdir()) == sorted(EVENTS + PUBLISHED)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.TYPE)
def test_every_member_is_in_some_valid_example(message: type[MessageData]) -> None:
    shown = {name for path in examples(message.TYPE).values() for name in json.loads(path.read_text()).get("data", {})}
    hidden = {"account_id"} if message.TYPE == "purchasing.brokerage.transfer.v1" else set()

    assert set(message.model_fields) - hidden <= shown
