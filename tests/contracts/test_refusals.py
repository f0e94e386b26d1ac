"""The refusal of a record: reason, place, order; and which of several faults is named."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from purchasing_contracts.envelope import Event, Refusal, decode
from purchasing_contracts.examination import (
    BATCH,
    DATA_ENCODED_TWICE,
    ENCODED_TWICE,
    HTTP_HEADERS,
    NO_JSON_IN_BASE64,
)
from purchasing_contracts.quarantine import Reason

from tests.contracts.refused import EURO, LONG, TABLE, Record, attribute, in_binary_mode, member
from tests.contracts.wire import CAPTURED, CHARGEBACK, ORDER, PLACED, changed, event, text


def decoded(record: Record) -> Event | Refusal:
    return decode(record.topic, record.key, record.value, record.headers)


def test_the_record_that_the_table_spoils_is_good() -> None:
    assert isinstance(decoded(Record()), Event)
    assert isinstance(decoded(in_binary_mode()), Event)
    assert isinstance(decoded(Record(ORDER, value=text(event(PLACED)))), Event)


@pytest.mark.parametrize(("record", "reason", "place"), [pytest.param(*row[1:], id=row[0]) for row in TABLE])
def test_a_record_is_refused_with_the_reason_and_the_place(record: Record, reason: Reason, place: str) -> None:
    refusal = decoded(record)

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.place) == (reason, place)
    assert refusal.because


HTTP = [
    (f"ce-{name}", str(event(CAPTURED)[name]).encode()) for name in ("specversion", "id", "source", "type", "subject")
]


@pytest.mark.parametrize(
    ("record", "hint"),
    [
        (Record(value=text([event(CAPTURED)])), BATCH),
        (Record(value=b"[]"), BATCH),
        (Record(value=text(json.dumps(event(CAPTURED)))), ENCODED_TWICE),
        (Record(value=b'"hello"'), "the JSON is no object"),
        (Record(value=text(event(CAPTURED)["data"]), headers=tuple(HTTP)), HTTP_HEADERS),
        (Record(value=text(event(CAPTURED)["data"]), headers=(("CE-SpecVersion", b"1.0"),)), HTTP_HEADERS),
        (member("/data", json.dumps(event(CAPTURED)["data"])), DATA_ENCODED_TWICE),
        (attribute("data_base64", "e30="), NO_JSON_IN_BASE64),
    ],
    ids=["batch", "no event", "string", "word", "HTTP", "HTTP in capitals", "data in a string", "data twice"],
)
def test_a_refusal_hints_at_how_senders_wrap_events(record: Record, hint: str) -> None:
    refusal = decoded(record)

    assert isinstance(refusal, Refusal)
    assert refusal.because.endswith(hint)


def test_headers_of_http_beside_those_of_kafka_do_no_harm() -> None:
    good = in_binary_mode()
    assert isinstance(decoded(replace(good, headers=(*HTTP, *good.headers))), Event)
    assert isinstance(decoded(Record(headers=tuple(HTTP))), Event)


def test_the_table_is_in_the_order_of_precedence() -> None:
    reasons = [reason for reason, _ in itertools.groupby(row[2] for row in TABLE)]
    precedence = list(Reason.__args__)

    assert reasons == precedence[: len(reasons)]
    assert precedence[len(reasons) :] == ["conflict", "in_the_future", "too_many_facts"]


FAULTS: list[tuple[Reason, Any]] = [
    ("too_large", lambda record: replace(record, headers=(("x", b"y" * 1_000_000),))),
    ("not_json", lambda record: replace(record, value=record.value + b"}")),
    ("not_cloudevent", lambda record: spoilt(record, "/specversion", "2.0")),
    ("unknown_type", lambda record: spoilt(record, "/type", "purchasing.order.lost.v1")),
    ("wrong_topic", lambda record: replace(record, topic=CHARGEBACK)),
    ("schema", lambda record: spoilt(record, "/data/payment_id", 1)),
    ("mixed_currencies", lambda record: spoilt(record, "/data/breakdown/goods", EURO)),
    ("key_mismatch", lambda record: replace(record, key=b"ord-2")),
]


def spoilt(record: Record, pointer: str, value: Any) -> Record:
    assert record.value is not None
    return replace(record, value=text(changed(json.loads(record.value), pointer, value)))


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.combinations(range(len(FAULTS)), 2)), ids=lambda index: FAULTS[index][0]
)
def test_of_two_faults_the_first_in_order_is_named(first: int, second: int) -> None:
    # From the last to the first, because a value that is no JSON can't be spoilt further.
    refusal = decoded(FAULTS[first][1](FAULTS[second][1](Record())))

    assert isinstance(refusal, Refusal)
    assert refusal.reason == FAULTS[first][0]


@pytest.mark.parametrize(
    ("pointers", "place"),
    [
        (["/id", "/specversion"], "/specversion"),
        (["/source", "/id"], "/id"),
        (["/time", "/subject"], "/subject"),
        (["/data/breakdown", "/time"], "/time"),
        (["/data/breakdown/goods/value", "/data/payment_id"], "/data/payment_id"),
    ],
)
def test_of_two_places_the_first_in_the_order_of_the_specification_is_named(pointers: list[str], place: str) -> None:
    record = Record()
    for pointer in pointers:
        record = spoilt(record, pointer, [])

    refusal = decoded(record)

    assert isinstance(refusal, Refusal)
    assert refusal.place == place


@pytest.mark.parametrize(
    ("record", "order_id"),
    [
        (Record(key=b"ord-2"), "ord-1001"),
        (Record(key=b"ord-2", value=b"{"), "ord-2"),
        (Record(key=b"ord-2", value=text({"subject": "ord-1001"})), "ord-1001"),
        (Record(key=b"ord-2", value=text({"subject": LONG})), "ord-2"),
        (Record(key=b"ord-2", value=text({"subject": "a\0"})), "ord-2"),
        (Record(key=b"ord-2", value=text({"subject": ["ord-1001"]})), "ord-2"),
        (Record(key=b"ord-2", value=b"x" * 1_000_001), "ord-2"),
        (Record(key="заказ-1".encode(), value=None), "заказ-1"),
        (Record(key=b"\xff", value=None), None),
        (Record(key=LONG.encode(), value=None), None),
        (Record(key=b"a\0", value=None), None),
        (Record(key=b"", value=None), None),
        (Record(key=None, value=None), None),
        (in_binary_mode(b"{"), "ord-1001"),
        (in_binary_mode(b"{", ce_subject=b"\xff"), "ord-1001"),
    ],
)
def test_a_refusal_names_the_order_by_subject_else_by_key_where_they_can_be_read(
    record: Record, order_id: str | None
) -> None:
    refusal = decoded(record)

    assert isinstance(refusal, Refusal)
    assert refusal.order_id == order_id


def test_a_refusal_names_the_type_only_where_it_is_one_of_ours() -> None:
    ours, foreign = decoded(Record(key=None)), decoded(attribute("type", "buyer@example.org"))

    assert isinstance(ours, Refusal)
    assert isinstance(foreign, Refusal)
    assert (ours.type, foreign.type) == (CAPTURED, None)


def test_a_refusal_never_repeats_what_was_in_the_record() -> None:
    secret = "Elm Street 9"
    pointers = [
        "/specversion", "/id", "/source", "/type", "/time", "/datacontenttype", "/data", "/data/items",
        "/data/items/0/quantity", "/data/quote/goods/value", "/data/quote/goods/currency", "/data/contact",
        "/data/mandate/agreed_at", "/data/promotion/basis", "/data/categories/0", "/data/determinable",
    ]  # fmt: skip
    for pointer in pointers:
        refusal = decoded(member(pointer, secret, PLACED))
        if pointer not in ("/id", "/source"):
            assert isinstance(refusal, Refusal), pointer
        assert not isinstance(refusal, Refusal) or secret not in repr(refusal)
