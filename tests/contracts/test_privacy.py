"""Private members (clause 23): which there are, masking them, taking them out."""

import json
from typing import Any

import pytest
from hypothesis import given
from purchasing_contracts.base import EventData
from purchasing_contracts.envelope import Event, decode
from purchasing_contracts.events.order import Contact, OrderAccepted, OrderPlaced
from purchasing_contracts.events.warehouse_receipt import GoodsReceived
from purchasing_contracts.privacy import MASK, masked, private_members, private_of
from pydantic import ValidationError

from tests.contracts.strategies import EVENT_CLASSES, PUBLISHED_CLASSES, events
from tests.contracts.wire import ORDER, PLACED, event, text


def placed(**members: Any) -> OrderPlaced:
    whole = event(PLACED)
    decoded = decode(ORDER, b"ord-1001", text({**whole, "data": {**whole["data"], **members}}), [])
    assert isinstance(decoded, Event)
    assert isinstance(decoded.data, OrderPlaced)
    return decoded.data


def test_exactly_the_members_that_the_specification_calls_private_are_marked() -> None:
    private = {"domestic_address", "contact", "evidence", "detail", "objections"}
    with_a_reason = {"QuoteRevised", "FreezeRefused", "ChargebackReassessed"}

    for message in EVENT_CLASSES:
        ours = private | ({"reason"} if message.__name__ in with_a_reason else set())
        named = ours & set(message.model_fields)
        assert set(private_members(message)) == named, f"{message.__name__}: mark it PRIVATE, and name it in this test"
    assert with_a_reason <= {message.__name__ for message in EVENT_CLASSES}
    assert set(private_members(Contact)) == set(Contact.model_fields)


def test_nothing_that_we_publish_has_a_private_member() -> None:
    assert [message for message in PUBLISHED_CLASSES if private_members(message)] == []


def test_a_mark_shows_in_the_json_schema() -> None:
    schema = OrderPlaced.model_json_schema()["properties"]

    assert [name for name, member in schema.items() if member.get("x-private")] == list(private_members(OrderPlaced))


def test_private_members_are_masked_and_all_others_stay() -> None:
    data = placed()
    hidden = masked(data)

    assert hidden.domestic_address == MASK
    assert hidden.contact == Contact(email=MASK, phone=MASK)
    public = {"domestic_address", "contact"}
    assert hidden.model_dump(exclude=public) == data.model_dump(exclude=public)


@pytest.mark.parametrize(("address", "stays"), [(None, None), ("", ""), (" \t\u3000", ""), ("x", MASK)])
def test_whether_a_text_was_there_and_blank_stays(address: str | None, stays: str | None) -> None:
    assert masked(placed(domestic_address=address)).domestic_address == stays


def test_how_many_items_a_list_had_stays() -> None:
    assert masked(GoodsReceived(receipt_id="r", objections=("torn", "", "wet"))).objections == (MASK, MASK, MASK)
    assert masked(GoodsReceived(receipt_id="r")).objections == ()


@pytest.mark.parametrize("data", [OrderAccepted(), GoodsReceived(receipt_id="r")])
def test_data_without_private_content_is_handed_back_as_it_is(data: EventData) -> None:
    assert masked(data) is data
    assert private_of(data) is None


@pytest.mark.parametrize(
    ("members", "private"),
    [
        ({"contact": None}, {"domestic_address": "Warehouse 3, Baiyun District"}),
        ({"contact": {}, "domestic_address": None}, None),
        ({"contact": {"phone": "1"}, "domestic_address": " "}, {"contact": {"phone": "1"}, "domestic_address": " "}),
    ],
)
def test_the_private_members_are_taken_out_as_plain_json(members: dict[str, Any], private: Any) -> None:
    assert private_of(placed(**members)) == private


def together(data: EventData) -> Any:
    return masked(data), private_of(data)


@given(events)
def test_masked_data_is_valid_and_masking_is_idempotent(event_: Event) -> None:
    hidden = masked(event_.data)

    assert type(hidden).model_validate_json(hidden.model_dump_json()) == hidden
    assert masked(hidden) == hidden


@given(events)
def test_masked_and_private_members_together_are_all_of_the_data(event_: Event) -> None:
    hidden, private = together(event_.data)
    restored = {**hidden.model_dump(mode="json"), **json.loads(json.dumps(private or {}))}

    assert type(hidden).model_validate_json(json.dumps(restored)) == event_.data


@given(events)
def test_the_text_of_data_in_a_log_has_no_private_member(event_: Event) -> None:
    shown = repr(event_)

    for name in private_members(type(event_.data)):
        assert f"{name}=" not in shown


@pytest.mark.parametrize("message", EVENT_CLASSES + PUBLISHED_CLASSES, ids=lambda message: message.__name__)
def test_an_error_of_validation_does_not_repeat_the_input(message: type[EventData]) -> None:
    wrong = {name: {"Elm Street 9": ["Elm Street 9"]} for name in message.model_fields} or "Elm Street 9"

    with pytest.raises(ValidationError) as caught:
        message.model_validate(wrong)

    assert "Elm Street" not in str(caught.value)
