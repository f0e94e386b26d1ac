"""The codec: what is written is read as the same, in either mode, and no record whatever makes it raise."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from purchasing_contracts.base import text_of
from purchasing_contracts.envelope import (
    Event,
    Publication,
    Refusal,
    decode,
    decode_published,
    encode_binary,
    encode_structured,
    read_published,
)
from purchasing_contracts.examination import examine
from purchasing_contracts.topics import TOPICS, topic_of

from tests.contracts.strategies import events, publications
from tests.contracts.wire import CAPTURED, EVENTS, ORDER, PAYMENT, PLACED, PUBLISHED, event, text

REFUND = text(event("purchasing.refund.issue.v1", PUBLISHED["purchasing.refund.issue.v1"].whole))
JSON_STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]


def structured(event_: Event, headers: Any = ()) -> Event | Refusal:
    return decode(topic_of(type(event_.data)).name, event_.subject.encode(), encode_structured(event_), headers)


def binary(event_: Event) -> Event | Refusal:
    headers, value = encode_binary(event_)
    return decode(topic_of(type(event_.data)).name, event_.subject.encode(), value, headers)


def headers_of(event_: dict[str, Any]) -> list[tuple[str, bytes]]:
    names = ("specversion", "id", "source", "type", "subject", "time", "traceparent")
    return [("content-type", b"application/json")] + [
        (f"ce_{name}", event_[name].encode()) for name in names if name in event_
    ]


@given(events)
def test_an_event_is_read_as_it_was_written_in_both_modes(event_: Event) -> None:
    assert structured(event_) == event_
    assert structured(event_, JSON_STRUCTURED) == event_
    assert binary(event_) == event_


@given(events, st.integers(0, 2**32 - 1))
def test_an_event_after_the_frame_of_a_schema_registry_is_read_in_both_modes(event_: Event, schema: int) -> None:
    frame = b"\0" + schema.to_bytes(4, "big")
    topic, key = topic_of(type(event_.data)).name, event_.subject.encode()
    headers, value = encode_binary(event_)

    assert decode(topic, key, frame + encode_structured(event_), ()) == event_
    assert decode(topic, key, frame + encode_structured(event_), JSON_STRUCTURED) == event_
    assert decode(topic, key, frame + value, headers) == event_
    assert examine(topic, key, frame + encode_structured(event_), ()) == event_


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no frame is whole", b"\0\0\0\0"),
        ("nothing after it", b"\0\0\0\0\7"),
        ("another frame after it", b"\0\0\0\0\7" * 150_000),
        ("Avro after it", b"\0\0\0\0\7\x02\x10ord-1001"),
        ("another magic byte", b"\1\0\0\0\7" + text(event(PLACED))),
    ],
)
def test_a_value_without_json_after_a_frame_is_not_json(name: str, value: bytes) -> None:
    refused = decode(ORDER, b"ord-1001", value, ())

    assert isinstance(refused, Refusal)
    assert refused.reason == "not_json"
    assert ("frame" in refused.because) is (len(value) > 5 and value[0] == 0)


@given(publications)
def test_a_publication_is_read_back_as_it_was_written(message: Publication) -> None:
    attributes, data = decode_published(encode_structured(message))

    assert data == message.data
    assert attributes["id"] == message.id
    assert attributes["subject"] == message.subject
    assert attributes["time"] == text_of(message.time)
    assert attributes.get("traceparent") == message.traceparent
    assert read_published(encode_structured(message)) == message


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("not an object", b"null"),
        ("an event that others send", text(event(PLACED))),
        ("another version of CloudEvents", REFUND.replace(b'"1.0"', b'"0.3"')),
        ("NaN in a member that nobody knows", REFUND[:-1] + b',"unknown":NaN}'),
        ("cut off", REFUND[:-1]),
    ],
)
def test_a_message_that_is_no_publication_is_not_read_as_one(what: str, value: bytes) -> None:
    assert decode_published(REFUND)[1].TYPE == "purchasing.refund.issue.v1"
    with pytest.raises(ValueError, match=r".") as refused:
        decode_published(value)
    assert "ord-1001" not in str(refused.value)


@given(events, st.data())
def test_a_broken_record_gets_the_same_verdict_on_the_fast_and_on_the_slow_way(
    event_: Event, data: st.DataObject
) -> None:
    value = bytearray(encode_structured(event_))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    topic = data.draw(st.sampled_from([topic.name for topic in TOPICS]))

    decoded = decode(topic, event_.subject.encode(), bytes(value), [])

    assert isinstance(decoded, (Event, Refusal))
    assert decoded == examine(topic, event_.subject.encode(), bytes(value), [])


def is_json(value: bytes) -> bool:
    """The verdict of Python's own parser in strict mode."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(value.decode(), parse_constant=refuse)
    except ValueError:
        return False
    return True


@given(st.binary(max_size=12) | st.text('[]{}",:\\\\u0dD8cC019eE+-. \tntrufalsNI', max_size=12).map(str.encode))
def test_another_parser_accepts_the_same_json(value: bytes) -> None:
    decoded = decode(ORDER, b"ord-1001", value, [])

    assert isinstance(decoded, Refusal)
    assert (decoded.reason == "not_json") is not is_json(value)


raw_headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "ce_type", "ce_specversion", "ce_subject", "ce_time", "content-type", "Content-Type"])
        | st.text(max_size=5),
        st.none() | st.binary(max_size=5) | st.sampled_from([b"1.0", PLACED.encode(), b"application/cloudevents+json"]),
    ),
    max_size=6,
)


@given(st.none() | st.binary(max_size=9), st.none() | st.binary(max_size=30), raw_headers)
def test_no_key_value_or_headers_make_it_raise(key: bytes | None, value: bytes | None, headers: Any) -> None:
    assert isinstance(decode(ORDER, key, value, headers), Refusal)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(event(PLACED))), json_values), json_values)
def test_no_json_makes_it_raise(attributes: Any, data: Any) -> None:
    value = json.dumps({**event(PLACED), "data": data, **attributes}).encode()

    assert isinstance(decode(ORDER, b"ord-1001", value, []), Refusal)


@pytest.mark.parametrize(
    "unknown",
    [
        '"new"', "1e999", "-0", "[{}]", '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"NaN"', '"Infinity \\\\ud800"',
        "[" * 190 + "]" * 190, "9" * 4000,
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
@pytest.mark.parametrize("place", ["data", "attributes", "money"])
def test_unknown_members_are_ignored_whatever_is_in_them(unknown: str, place: str) -> None:
    plain = event(CAPTURED)
    marked = json.loads(json.dumps(plain))
    holder = {"data": marked["data"], "attributes": marked, "money": marked["data"]["breakdown"]["goods"]}[place]
    holder["unknown"] = "HERE"
    value = text(marked).replace(b'"HERE"', unknown.encode())

    assert decode(PAYMENT, b"ord-1001", value, []) == decode(PAYMENT, b"ord-1001", text(plain), [])
    assert isinstance(decode(PAYMENT, b"ord-1001", value, []), Event)


@pytest.mark.parametrize(
    ("twice", "twin"),
    [
        ('"payment_id": "pay-1"', '"payment_id": "pay-0", "payment_id": "pay-1"'),
        ('"value": 129900', '"value": true, "value": 129900'),
        ('"id": "ord-1001-e1"', '"id": 1, "id": "ord-1001-e1"'),
        (f'"type": "{CAPTURED}"', f'"type": "{PLACED}", "type": "{CAPTURED}"'),
    ],
)
def test_of_a_name_that_stands_twice_the_last_counts_on_the_fast_and_on_the_slow_way(twice: str, twin: str) -> None:
    plain = json.dumps(event(CAPTURED))
    assert twice in plain
    value = plain.replace(twice, twin).encode()

    decoded = decode(PAYMENT, b"ord-1001", value, [])

    assert isinstance(decoded, Event)
    assert decoded == decode(PAYMENT, b"ord-1001", plain.encode(), []) == examine(PAYMENT, b"ord-1001", value, [])


@pytest.mark.parametrize("encode", [encode_structured, encode_binary])
def test_text_that_utf_8_can_not_encode_is_an_error_of_the_writer(encode: Any) -> None:
    decoded = decode(PAYMENT, b"ord-1001", text(event(CAPTURED)), [])
    assert isinstance(decoded, Event)

    with pytest.raises(ValueError, match="surrogate"):
        encode(replace(decoded, id="\ud800"))


def test_a_pair_of_surrogates_is_a_character_in_either_mode_and_beside_a_lone_one() -> None:
    plain = event("purchasing.order.refused.v1", {"ground": "other", "detail": "so \\ud800 \U0001f600"})
    data = json.dumps({**plain["data"], "unknown": "HERE"}).replace("HERE", "\\ud800").encode()
    whole = json.dumps({**plain, "unknown": "HERE"}).replace("HERE", "\\udc00").encode()

    for decoded in (
        decode(ORDER, b"ord-1001", whole, []),
        decode(ORDER, b"ord-1001", data, headers_of(plain)),
    ):
        assert isinstance(decoded, Event)
        assert decoded.data.model_dump()["detail"] == "so \\ud800 \U0001f600"


def test_the_order_of_members_and_white_space_mean_nothing() -> None:
    plain = event(PLACED)
    turned = json.dumps(dict(reversed(plain.items())), indent=3).encode()

    assert decode(ORDER, b"ord-1001", turned, []) == decode(ORDER, b"ord-1001", text(plain), [])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        JSON_STRUCTURED,
        [("Content-Type", b"APPLICATION/CLOUDEVENTS+JSON")],
        [("content-type", b"application/json")],
        [("content-type", None), ("trace", b"\xff"), ("trace", None), ("", b"")],
        [*JSON_STRUCTURED, ("ce_specversion", b"1.0"), ("ce_id", b"another")],
        [("Content-Type", b"Application/CloudEvents+JSON"), ("ce_specversion", b"1.0"), ("ce_id", b"another")],
        [("ce_specversion", None), ("ce_id", b"another")],
    ],
    ids=["none", "structured", "in capitals", "plain JSON", "foreign", "both modes", "both in capitals", "no version"],
)
def test_a_structured_event_is_read_under_any_but_binary_headers(headers: Any) -> None:
    decoded = decode(ORDER, b"ord-1001", text(event(PLACED)), headers)

    assert isinstance(decoded, Event)
    assert decoded.id == "ord-1001-e1"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_comexampleextension", b"\xff\xfe"), ("other", None), ("traceparent", b"00-foreign")],
        [("ce_id", None), ("ce_id", b"first"), ("ce_id", b"ord-1001-e1")],
        [("content-type", b"application/vnd.example+json; charset=UTF-8")],
        [("content-type", None)],
    ],
    ids=["plain", "foreign headers", "the last of several", "another JSON type", "no content type"],
)
def test_binary_mode_is_read_like_structured_mode(headers: Any) -> None:
    plain = event(PLACED)
    decoded = decode(ORDER, b"ord-1001", text(plain["data"]), headers_of(plain) + headers)

    assert decoded == decode(ORDER, b"ord-1001", text(plain), [])
    assert isinstance(decoded, Event)


@given(events)
def test_data_in_base_64_is_read_as_if_it_stood_in_data(event_: Event) -> None:
    whole = json.loads(encode_structured(event_))
    data = json.dumps(whole.pop("data", None), ensure_ascii=False).encode()
    value = text({**whole, "data_base64": b64encode(data).decode(), "unknown": float("1e3")})

    assert decode(topic_of(type(event_.data)).name, event_.subject.encode(), value, JSON_STRUCTURED) == event_


@pytest.mark.parametrize("beside", [{"data": None}, {"traceparent": [1]}, {"partitionkey": {}}], ids=str)
def test_data_in_base_64_is_read_beside_members_that_mean_nothing(beside: dict[str, Any]) -> None:
    plain = event(CAPTURED)
    encoded = b64encode(text(plain["data"])).decode()
    value = text({**plain, "data": None, "data_base64": encoded, **beside})

    assert decode(PAYMENT, b"ord-1001", value, []) == decode(PAYMENT, b"ord-1001", text(plain), [])


@pytest.mark.parametrize("source", ["s" * 512, "ü" * 128, "urn:" + "x" * 500], ids=len)
def test_a_source_may_have_512_characters_of_ascii(source: str) -> None:
    decoded = decode(PAYMENT, b"ord-1001", text(event(CAPTURED, source=source)), [])

    assert isinstance(decoded, Event)
    assert decoded.source == source


@pytest.mark.parametrize("value", [None, b"", b"null", b"{}"])
def test_binary_mode_needs_no_value_where_the_data_has_no_members(value: bytes | None) -> None:
    plain = event("purchasing.order.receipt_confirmed.v1")

    assert isinstance(decode(ORDER, b"ord-1001", value, headers_of(plain)), Event)


def test_a_value_in_binary_mode_cannot_add_attributes() -> None:
    plain = event(CAPTURED)
    value = text(plain["data"]) + b',"id":"another"'

    decoded = decode(PAYMENT, b"ord-1001", value, headers_of(plain))

    assert isinstance(decoded, Refusal)
    assert decoded.reason == "not_json"


@pytest.mark.parametrize(
    ("traceparent", "kept"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", True),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", False),
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n", False),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", False),
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-" + "x" * 600, False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_a_malformed_trace_context_is_dropped_and_refuses_nothing(traceparent: Any, kept: bool) -> None:
    decoded = decode(ORDER, b"ord-1001", text(event(PLACED, traceparent=traceparent)), [])

    assert isinstance(decoded, Event)
    assert decoded.traceparent == (traceparent if kept else None)


@pytest.mark.parametrize("type_", EVENTS)
def test_publications_are_distinguished_by_their_class(type_: str) -> None:
    decoded = decode(EVENTS[type_].topic, b"ord-1001", text(event(type_)), [])

    assert isinstance(decoded, Event)
    assert decoded.type == type(decoded.data).TYPE == type_
