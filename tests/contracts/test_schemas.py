"""The JSON Schemas: complete, described, and of one mind with the codec as far as a schema can be."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from purchasing_contracts.base import MessageData
from purchasing_contracts.envelope import Event, Publication, encode_structured
from purchasing_contracts.privacy import private_members
from purchasing_contracts.shipped import schema_file, types
from purchasing_contracts.topics import TOPICS

from tests.contracts.refused import TABLE, Record
from tests.contracts.strategies import events, publications

MESSAGES = [message for topic in TOPICS for message in topic.messages]
SCHEMAS = {message.TYPE: json.loads(schema_file(message.TYPE).read_text()) for message in MESSAGES}

VALIDATORS = {type_: Draft202012Validator(schema) for type_, schema in SCHEMAS.items()}


def shapes(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The members of a message and of the shapes in it."""
    for name, member in schema["properties"].items():
        yield name, member
    for shape, definition in schema["$defs"].items():
        for name, member in definition.get("properties", {}).items():
            yield f"{shape}.{name}", member


def test_every_message_has_a_schema_and_there_are_no_others() -> None:
    assert sorted(SCHEMAS) == list(types())


@pytest.mark.parametrize("type_", SCHEMAS)
def test_a_schema_is_a_schema_of_2020_12(type_: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[type_])

    assert SCHEMAS[type_]["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMAS[type_]["$id"].endswith(f":{type_}")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.TYPE)
def test_every_member_is_described_and_the_message_or_one_of_them_names_a_clause(message: type[MessageData]) -> None:
    schema = SCHEMAS[message.TYPE]
    described = {name: member.get("description", "") for name, member in shapes(schema)}

    assert [name for name, words in described.items() if len(words) < 8] == []
    assert schema["x-topic"]
    if message.TYPE != "purchasing.record.quarantined.v1":
        # A quarantine notice is not the agreement's, but the house's.
        own = [schema["description"], *(words for name, words in described.items() if "." in name)]
        assert any(re.search(r"\(\d", words) for words in own), "say in the docstring for which clause the message is"


def test_amounts_periods_and_rates_have_their_unit() -> None:
    placed = SCHEMAS["purchasing.order.placed.v1"]["$defs"]

    assert "minor units" in placed["Money"]["properties"]["value"]["description"]
    assert "basis points" in placed["Promotion"]["properties"]["rate_bps"]["description"]
    assert "Days from delivery" in placed["OrderPlaced"]["properties"]["dissolution_period_days"]["description"]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.TYPE)
def test_private_members_are_marked_and_no_others(message: type[MessageData]) -> None:
    members = SCHEMAS[message.TYPE]["$defs"][message.__name__]["properties"]

    assert {name for name, member in members.items() if member.get("x-private")} == set(private_members(message))


def test_published_members_are_never_null_and_missing_only_if_optional() -> None:
    for topic in TOPICS:
        for message in topic.messages if topic.direction == "out" else ():
            text = json.dumps(SCHEMAS[message.TYPE])
            data = SCHEMAS[message.TYPE]["$defs"][message.__name__]
            fields = message.model_fields

            assert '"null"' not in text
            assert '"default"' not in text
            assert set(data["required"]) == {name for name in data["properties"] if fields[name].default is not None}


OPEN = {
    "DecisionMade": {"kind", "outcome", "ground"},
    "RefundIssue": {"destination"},
    "DeductionExecute": {"source", "purpose"},
    "FreezePlace": {"scope"},
    "RecordQuarantined": {"reason"},
}


def test_enumerations_of_what_we_publish_are_open_and_show_the_known_values() -> None:
    for message in (message for topic in TOPICS if topic.direction == "out" for message in topic.messages):
        members = SCHEMAS[message.TYPE]["$defs"][message.__name__]["properties"]
        opened = {name for name, member in members.items() if member.get("x-open-enumeration")}

        assert opened == OPEN.get(message.__name__, set())
        assert all(members[name]["type"] == "string" and members[name]["examples"] for name in opened)
        assert {name for name, member in members.items() if "enum" in member} <= {"audience"}


def test_a_brokerage_transfer_has_no_place_for_the_buyers_account() -> None:
    transfer = SCHEMAS["purchasing.brokerage.transfer.v1"]["$defs"]["BrokerageTransfer"]

    assert "account_id" not in transfer["properties"]


@given(events)
def test_events_that_the_codec_writes_are_valid(event: Event) -> None:
    assert list(VALIDATORS[event.type].iter_errors(json.loads(encode_structured(event)))) == []


@given(publications)
def test_messages_that_the_codec_publishes_are_valid(message: Publication) -> None:
    ours = Publication(message.id, message.subject, message.time, message.data, message.traceparent)

    assert list(VALIDATORS[message.type].iter_errors(json.loads(encode_structured(ours)))) == []


# What only the codec sees; each schema says so in its comment.
BEYOND_A_SCHEMA = {
    "an id with a lone surrogate",
    "a source of 129 characters that is no URI",
    "a lone surrogate in a text",
    "a time in 1999",
    "a time in 2200",
    "a time in data of 2200",
    "an item twice",
    "an order's item by another's place",
    "a plan without a deposit",
    "money of 129900.0",
    "money of 1e5",
}
STRUCTURED = [row for row in TABLE if row[2] == "schema" and not row[1].headers]


@pytest.mark.parametrize(
    ("sentence", "record"), [(row[0], row[1]) for row in STRUCTURED], ids=[r[0] for r in STRUCTURED]
)
def test_messages_that_the_codec_refuses_for_the_schema_are_invalid(sentence: str, record: Record) -> None:
    event = json.loads(record.value or b"")

    invalid = any(VALIDATORS[event["type"]].iter_errors(event))

    assert invalid is (sentence not in BEYOND_A_SCHEMA)
