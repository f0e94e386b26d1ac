"""The models against their specification, written out by hand in `wire.py`: every member of every message."""

import json
from pathlib import Path
from typing import Any

import pytest
from purchasing_contracts.base import MessageData, instant_of
from purchasing_contracts.envelope import Event, Publication, Refusal, decode, decode_published, encode_structured
from purchasing_contracts.money import currency_of
from purchasing_contracts.topics import TOPICS, class_of

from tests.contracts.wire import EVENTS, PLACED, PUBLISHED, Wire, event, text, yuan

ALL = {**EVENTS, **PUBLISHED}
REQUIRED = [(type_, name) for type_, wire in EVENTS.items() for name in wire.required]
OPTIONAL = [(type_, name) for type_, wire in EVENTS.items() for name in wire.optional]
DEFAULTED = [(type_, name) for type_, wire in EVENTS.items() for name in wire.defaulted]
MEANT = [(type_, name) for type_, wire in EVENTS.items() for name in wire.meant]
RECEIVED, DELIVERED = "purchasing.warehouse.goods_received.v1", "purchasing.warehouse.package_delivered.v1"


def model(type_: str) -> type[MessageData]:
    found = class_of(type_)
    assert found is not None
    return found


def decoded(type_: str, data: Any) -> Event | Refusal:
    return decode(EVENTS[type_].topic, b"ord-1001", text(event(type_, data)), [])


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: value for member, value in data.items() if member != name}


def test_the_registry_has_the_specified_types_each_on_its_topic() -> None:
    registered = [(message.TYPE, topic.name) for topic in TOPICS for message in topic.messages]

    assert len({type_ for type_, _ in registered}) == len(registered)
    specified = {type_: wire.topic for type_, wire in ALL.items()}
    assert dict(registered) == specified, "write each message out by hand in tests/contracts/wire.py"


@pytest.mark.parametrize(("type_", "wire"), ALL.items(), ids=ALL)
def test_a_message_has_exactly_the_members_of_the_specification(type_: str, wire: Wire) -> None:
    fields = model(type_).model_fields
    hidden = {"account_id"} if type_ == "purchasing.brokerage.transfer.v1" else set()

    assert set(fields) - hidden == set(wire.whole)


@pytest.mark.parametrize(("type_", "wire"), EVENTS.items(), ids=EVENTS)
def test_an_event_with_every_member_is_read_and_loses_none(type_: str, wire: Wire) -> None:
    event_ = decoded(type_, wire.whole)

    assert isinstance(event_, Event)
    assert event_.data.model_dump(mode="json") == wire.whole


@pytest.mark.parametrize(("type_", "wire"), PUBLISHED.items(), ids=PUBLISHED)
def test_a_published_message_is_read_back_by_a_receiver(type_: str, wire: Wire) -> None:
    attributes, data = decode_published(text({**event(type_, wire.whole), "traceparent": None}))

    assert type(data) is model(type_)
    assert data.model_dump(mode="json", exclude_none=True) == wire.whole
    assert attributes["type"] == type_


@pytest.mark.parametrize(("type_", "name"), REQUIRED)
@pytest.mark.parametrize("null", [False, True], ids=["absent", "null"])
def test_a_required_member_may_be_neither_absent_nor_null(type_: str, name: str, null: bool) -> None:
    data = without(EVENTS[type_].whole, name) | ({name: None} if null else {})

    refusal = decoded(type_, data)

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.place) == ("schema", f"/data/{name}")


@pytest.mark.parametrize(("type_", "name"), OPTIONAL)
def test_an_optional_member_may_be_absent_or_null_which_is_the_same(type_: str, name: str) -> None:
    absent = decoded(type_, without(EVENTS[type_].whole, name))
    null = decoded(type_, EVENTS[type_].whole | {name: None})

    assert isinstance(absent, Event)
    assert getattr(absent.data, name) is None
    assert absent == null


@pytest.mark.parametrize(("type_", "name"), DEFAULTED)
def test_a_member_with_a_default_may_be_absent_but_not_null(type_: str, name: str) -> None:
    absent = decoded(type_, without(EVENTS[type_].whole, name))
    default = decoded(type_, EVENTS[type_].whole | {name: EVENTS[type_].defaulted[name][1]})
    null = decoded(type_, EVENTS[type_].whole | {name: None})

    assert isinstance(absent, Event)
    assert absent == default
    assert isinstance(null, Refusal)
    assert (null.reason, null.place) == ("schema", f"/data/{name}")


@pytest.mark.parametrize(("type_", "name"), MEANT)
def test_an_optional_member_with_a_default_means_it_when_absent_or_null(type_: str, name: str) -> None:
    given = [
        without(EVENTS[type_].whole, name) | more for more in ({}, {name: None}, {name: EVENTS[type_].meant[name][1]})
    ]
    absent, null, default = (decoded(type_, data) for data in given)

    assert isinstance(absent, Event)
    assert absent == null == default


@pytest.mark.parametrize("type_", [RECEIVED, DELIVERED])
def test_a_part_is_final_without_items_and_open_with_them(type_: str) -> None:
    whole = dict.fromkeys(EVENTS[type_].required, "x")
    item = {"items": [{"item_id": "1"}]}
    said = [{}, {"final": None}, {"final": True}, {"final": False}, item, {**item, "final": True}]

    events = [decoded(type_, whole | more) for more in said]

    assert [getattr(one, "data").final for one in events] == [True, True, True, False, None, True]  # noqa: B009
    assert events[0] == events[1] == events[2]


def placed_items(*items: Any) -> Event | Refusal:
    return decoded(PLACED, EVENTS[PLACED].whole | {"items": list(items)})


def test_an_item_without_an_id_is_called_by_its_place() -> None:
    event_ = placed_items({}, {"item_id": "lamp"}, {"item_id": None})

    assert isinstance(event_, Event)
    assert [item.item_id for item in getattr(event_.data, "items")] == ["1", "lamp", "3"]  # noqa: B009
    assert event_ == placed_items({"item_id": "1"}, {"item_id": "lamp"}, {"item_id": "3"})


@pytest.mark.parametrize(
    "items", [[{"item_id": "a"}, {"item_id": "a"}], [{}, {"item_id": "1"}], [{"item_id": "2"}, {}]],
    ids=["twice", "a default before", "a default behind"],
)  # fmt: skip
def test_items_of_an_order_have_distinct_ids_defaults_included(items: list[Any]) -> None:
    refusal = placed_items(*items)

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.place) == ("schema", "/data/items")
    assert "those at 0 and 1" in refusal.because


def test_an_empty_list_of_items_is_taken() -> None:
    assert isinstance(placed_items(), Event)


WITH_ITEMS = [type_ for type_, wire in EVENTS.items() if "items" in wire.optional]


@pytest.mark.parametrize("type_", WITH_ITEMS)
@pytest.mark.parametrize(
    "items",
    [[], [{"item_id": "a"}, {"item_id": "b"}, {"item_id": "a", "quantity": 2}], [{"quantity": 1}], [{"item_id": ""}]],
    ids=["none", "one twice", "no id", "an empty id"],
)
def test_a_list_of_items_names_at_least_one_and_each_once(type_: str, items: list[Any]) -> None:
    refusal = decoded(type_, EVENTS[type_].whole | {"items": items})

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "schema"
    assert refusal.place.startswith("/data/items")


WITH_SETTLED = {
    "order": {"provider_fault_found", "buyer_breach_found"},
    "payment": {
        "captured", "tip_paid", "seller_refund_received", "outstanding_paid", "repayment_received",
        "refunded_elsewhere", "deposit_deducted", "deposit_insufficient", "funds_deducted", "funds_insufficient",
    },
    "warehouse": {"cost_incurred", "goods_disposed"},
    "seller": {"purchase_confirmed", "cancellation_agreed"},
    "chargeback": {"opened", "closed"},
}  # fmt: skip


def test_settled_is_a_member_of_exactly_the_messages_that_the_specification_marks() -> None:
    marked = {f"purchasing.{topic}.{name}.v1" for topic, names in WITH_SETTLED.items() for name in names}

    assert {type_ for type_ in EVENTS if "settled" in model(type_).model_fields} == marked


def test_a_plan_has_a_deposit_when_the_order_is_placed_and_any_parts_later() -> None:
    balance = [{"part": "balance", "amount": yuan(1)}]
    revised = "purchasing.order.quote_revised.v1"

    refusal = decoded(PLACED, EVENTS[PLACED].whole | {"payment_plan": balance})

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.place) == ("schema", "/data/payment_plan")
    assert isinstance(decoded(revised, EVENTS[revised].whole | {"payment_plan": balance}), Event)


@pytest.mark.parametrize("type_", [type_ for type_, wire in EVENTS.items() if not wire.required and not wire.defaulted])
def test_data_without_required_members_may_be_absent_or_null(type_: str) -> None:
    whole = event(type_, {})
    absent, null, empty = (
        decode(EVENTS[type_].topic, b"ord-1001", text(given), [])
        for given in (without(whole, "data"), whole | {"data": None}, whole)
    )

    assert isinstance(empty, Event)
    assert absent == null == empty


def test_a_published_message_leaves_out_what_is_none_and_has_no_needless_space() -> None:
    type_ = "purchasing.freeze.release.v1"
    release = model(type_).model_validate_json(text(PUBLISHED[type_].required))

    value = encode_structured(Publication("c-1", "ord-1001", instant_of("2026-03-02T17:00:00+08:00"), release))

    expected = event(type_, PUBLISHED[type_].required, id="c-1", source="/purchasing")
    assert json.loads(value) == expected
    assert value == json.dumps(json.loads(value), separators=(",", ":")).encode()


def test_brokerage_messages_have_no_place_for_the_buyers_account() -> None:
    wire = PUBLISHED["purchasing.brokerage.transfer.v1"]

    with pytest.raises(ValueError, match="account_id"):
        decode_published(text(event("purchasing.brokerage.transfer.v1", wire.whole | {"account_id": "acct-7"})))


@pytest.mark.parametrize(
    "value",
    [b"{", b"[]", b"null", text(event("purchasing.order.accepted.v1")), text({"type": "purchasing.order.v9"})],
    ids=["not JSON", "a list", "null", "one that we read", "unknown"],
)
def test_foreign_messages_are_not_read_as_publications(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the kinds differ
        decode_published(value)


CASES = sorted((Path(__file__).parents[1] / "cases").glob("*.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_events_of_the_worked_examples_are_read(case: Path) -> None:
    given = json.loads(case.read_text())["events"]
    refused = [
        decoded
        for one in given
        if isinstance(decoded := decode(EVENTS[one["type"]].topic, one["subject"].encode(), text(one), []), Refusal)
    ]

    assert given
    assert refused == []


@pytest.mark.parametrize(("length", "fits"), [(1, True), (160, True), (161, False), (0, False)])
def test_a_line_may_be_as_long_as_one_made_of_the_longest_identifier(length: int, fits: bool) -> None:
    for type_ in ("purchasing.payment.repayment_received.v1", "purchasing.payment.refund_failed.v1"):
        assert isinstance(decoded(type_, EVENTS[type_].whole | {"line": "l" * length}), Event) is fits


@pytest.mark.parametrize(("length", "fits"), [(128, True), (129, False)])
def test_an_identifier_is_counted_in_characters_not_in_bytes(length: int, fits: bool) -> None:
    data = EVENTS["purchasing.payment.tip_paid.v1"].whole | {"tip_id": "𠮷" * length}

    assert isinstance(decoded("purchasing.payment.tip_paid.v1", data), Event) is fits


def test_an_amount_may_be_nothing_or_ten_to_the_fifteenth() -> None:
    for value in (0, 10**15):
        event_ = decoded("purchasing.payment.seller_refund_received.v1", {"receipt_id": "r", "amount": yuan(value)})

        assert isinstance(event_, Event)
        assert currency_of(event_.data) == "CNY"
