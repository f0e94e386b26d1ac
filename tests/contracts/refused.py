"""Records that are refused, as a table in order of precedence: what is wrong, the record, the reason, the place."""

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from purchasing_contracts.quarantine import Reason

from tests.contracts.wire import CAPTURED, EVENTS, ORDER, PAYMENT, PLACED, changed, event, text, yuan

LONG = "i" * 129
EURO = {"currency": "EUR", "value": 1}
DISSOLUTION = "purchasing.order.dissolution_requested.v1"
OPENED = "purchasing.chargeback.opened.v1"
REVISED = "purchasing.order.quote_revised.v1"
RECEIVED = "purchasing.warehouse.goods_received.v1"


@dataclass(frozen=True)
class Record:
    """A record, good unless changed."""

    topic: str = PAYMENT
    key: bytes | None = b"ord-1001"
    value: bytes | None = field(default_factory=lambda: text(event(CAPTURED)))
    headers: tuple[tuple[str, bytes | None], ...] = ()


Row = tuple[str, Record, Reason, str]


def attribute(name: str, value: Any) -> Record:
    return Record(value=text(event(CAPTURED, **{name: value})))


def member(pointer: str, value: Any, type_: str = CAPTURED) -> Record:
    return Record(EVENTS[type_].topic, value=text(changed(event(type_), pointer, value)))


def written(pointer: str, notation: str, type_: str = CAPTURED) -> Record:
    """With a member in a notation that Python would not write."""
    value = text(changed(event(type_), pointer, "HERE")).replace(b'"HERE"', notation.encode("utf-8", "surrogatepass"))
    return Record(EVENTS[type_].topic, value=value)


def bad(sentence: str, pointer: str, value: Any, type_: str = CAPTURED) -> Row:
    return sentence, member(pointer, value, type_), "schema", pointer


def badly_written(sentence: str, pointer: str, notation: str, type_: str = CAPTURED) -> Row:
    return sentence, written(pointer, notation, type_), "schema", pointer


def mixed(sentence: str, pointer: str, type_: str = CAPTURED) -> Row:
    return sentence, member(pointer, EURO, type_), "mixed_currencies", f"{pointer}/currency"


def in_binary_mode(value: bytes | None = None, **changes: bytes | None) -> Record:
    whole = event(CAPTURED)
    names = ("specversion", "id", "source", "type", "subject", "time")
    headers = {f"ce_{name}": whole[name].encode() for name in names} | {"content-type": b"application/json"}
    headers |= {name.replace("content_type", "content-type"): content for name, content in changes.items()}
    return Record(value=text(whole["data"]) if value is None else value, headers=tuple(headers.items()))


def in_base64(encoded: Any) -> Record:
    return Record(value=text({**changed(event(CAPTURED), "/data", ...), "data_base64": encoded}))


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


TABLE: list[Row] = [
    # too_large: no matter what is in it
    ("a value of more than a megabyte", Record(value=b'"' + b"x" * 1_000_000), "too_large", ""),
    ("a good event of more than a megabyte", member("/data/filler", "x" * 1_000_000), "too_large", ""),
    ("a key of more than a megabyte", Record(key=b"k" * 1_000_001), "too_large", ""),
    ("headers of more than a megabyte", Record(headers=(("x" * 600_000, b"y" * 400_000),)), "too_large", ""),
    # not_json
    ("no value", Record(value=None), "not_json", ""),
    ("an empty value", Record(value=b""), "not_json", ""),
    ("half an event", Record(value=text(event(CAPTURED))[:99]), "not_json", ""),
    ("an event and a half", Record(value=text(event(CAPTURED)) + b"{}"), "not_json", ""),
    ("bytes that are not UTF-8", Record(value=b'{"id": "\xff"}'), "not_json", ""),
    ("a surrogate in UTF-8", written("/data/unknown", '"\ud800"'), "not_json", ""),
    ("a byte order mark", Record(value=b"\xef\xbb\xbf" + text(event(CAPTURED))), "not_json", ""),
    ("UTF-16", Record(value=json.dumps(event(CAPTURED)).encode("utf-16")), "not_json", ""),
    ("NaN", written("/data/breakdown/goods/value", "NaN"), "not_json", ""),
    ("NaN in a member that nobody knows", written("/data/unknown", "NaN"), "not_json", ""),
    ("Infinity in a member that nobody knows", written("/data/unknown", "-Infinity"), "not_json", ""),
    ("deep nesting", written("/data/unknown", nested(250)), "not_json", ""),
    ("very deep nesting", written("/data/unknown", nested(100_000)), "not_json", ""),
    ("a number of 5,000 digits", written("/data/unknown", "9" * 5_000), "not_json", ""),
    ("binary mode with half a value", in_binary_mode(b'{"payment_id": '), "not_json", ""),
    ("binary mode with a deeply nested value", in_binary_mode(nested(201).encode()), "not_json", ""),
    # not_cloudevent
    ("a list", Record(value=text([event(CAPTURED)])), "not_cloudevent", ""),
    ("an event in a string", Record(value=text(json.dumps(event(CAPTURED)))), "not_cloudevent", ""),
    ("a string", Record(value=b'"hello"'), "not_cloudevent", ""),
    ("null", Record(value=b"null"), "not_cloudevent", ""),
    ("bare data", Record(value=text(event(CAPTURED)["data"])), "not_cloudevent", "/specversion"),
    ("another version of CloudEvents", attribute("specversion", "0.3"), "not_cloudevent", "/specversion"),
    ("a version that is a number", attribute("specversion", 1.0), "not_cloudevent", "/specversion"),
    ("no id", attribute("id", ...), "not_cloudevent", "/id"),
    ("id null", attribute("id", None), "not_cloudevent", "/id"),
    ("an empty id", attribute("id", ""), "not_cloudevent", "/id"),
    ("an id that is a number", attribute("id", 17), "not_cloudevent", "/id"),
    ("no source", attribute("source", ...), "not_cloudevent", "/source"),
    ("no type", attribute("type", ...), "not_cloudevent", "/type"),
    ("a type that is a list", attribute("type", []), "not_cloudevent", "/type"),
    ("binary mode of another version", in_binary_mode(ce_specversion=b"0.3"), "not_cloudevent", "/specversion"),
    ("binary mode without an id", in_binary_mode(ce_id=None), "not_cloudevent", "/id"),
    ("binary mode without a version", in_binary_mode(ce_specversion=None), "not_cloudevent", "/specversion"),
    ("a version that is not UTF-8", in_binary_mode(ce_specversion=b"\xff"), "not_cloudevent", "/specversion"),
    # unknown_type
    ("a type of the future", attribute("type", "purchasing.payment.captured.v2"), "unknown_type", "/type"),
    ("a type with NUL", attribute("type", CAPTURED + "\0"), "unknown_type", "/type"),
    ("a type that is not UTF-8", in_binary_mode(ce_type=b"\xff"), "unknown_type", "/type"),
    # wrong_topic
    ("an order's event among payments", Record(value=text(event(PLACED))), "wrong_topic", "/type"),
    ("a payment among orders", Record(topic=ORDER), "wrong_topic", "/type"),
    ("a command of ours", Record(value=text(event("purchasing.refund.issue.v1"))), "wrong_topic", "/type"),
    ("an event on a topic nobody reads", Record(topic="purchasing.decisions.v1"), "wrong_topic", "/type"),
    # schema: attributes
    ("an id of 129 characters", attribute("id", LONG), "schema", "/id"),
    ("an id with NUL", attribute("id", "a\0b"), "schema", "/id"),
    ("an id with a lone surrogate", written("/id", '"\\ud800"'), "schema", "/id"),
    ("an id that is not UTF-8", in_binary_mode(ce_id=b"\xff"), "schema", "/id"),
    ("a source of 513 characters", attribute("source", "s" * 513), "schema", "/source"),
    ("a source of 129 characters that is no URI", attribute("source", "ü" * 129), "schema", "/source"),
    ("no subject", attribute("subject", ...), "schema", "/subject"),
    ("an empty subject", attribute("subject", ""), "schema", "/subject"),
    ("a subject of 129 characters", attribute("subject", LONG), "schema", "/subject"),
    ("a subject with NUL", attribute("subject", "ord\0"), "schema", "/subject"),
    ("a subject that is a number", attribute("subject", 1001), "schema", "/subject"),
    ("no time", attribute("time", ...), "schema", "/time"),
    ("binary mode without a time", in_binary_mode(ce_time=None), "schema", "/time"),
    ("a time without offset", attribute("time", "2026-03-02T09:00:00"), "schema", "/time"),
    ("a time that is a number", attribute("time", 1772442000), "schema", "/time"),
    ("a time in 1999", attribute("time", "1999-12-31T23:59:59Z"), "schema", "/time"),
    ("a time in 2200", attribute("time", "2200-01-01T00:00:00Z"), "schema", "/time"),
    ("a content that is not JSON", attribute("datacontenttype", "application/avro"), "schema", "/datacontenttype"),
    ("binary mode of Avro", in_binary_mode(content_type=b"application/avro"), "schema", "/datacontenttype"),
    ("data in base 64 beside data", attribute("data_base64", "e30="), "schema", "/data_base64"),
    ("no base 64", in_base64("e30"), "schema", "/data_base64"),
    ("base 64 of no JSON", in_base64("e30h"), "schema", "/data_base64"),
    ("base 64 of nothing", in_base64(""), "schema", "/data_base64"),
    ("base 64 that is a number", in_base64(17), "schema", "/data_base64"),
    ("base 64 of deep nesting", in_base64(b64encode(nested(201).encode()).decode()), "schema", "/data_base64"),
    ("base 64 with a line end", in_base64("e30\n="), "schema", "/data_base64"),
    ("base 64 of data with a fault", in_base64("e30="), "schema", "/data/payment_id"),
    # schema: data
    bad("no data", "/data", ...),
    bad("data null", "/data", None),
    bad("data that is a list", "/data", []),
    ("binary mode without a value", in_binary_mode(b""), "schema", "/data"),
    bad("a required member missing", "/data/payment_id", ...),
    bad("a required member null", "/data/payment_id", None),
    bad("a member of another type", "/data/payment_id", 17),
    bad("an empty identifier", "/data/payment_id", ""),
    bad("an identifier of 129 characters", "/data/payment_id", LONG),
    bad("NUL in an identifier", "/data/payment_id", "a\0"),
    bad("NUL in a text", "/data/items/0/specification", "a\0", PLACED),
    bad("NUL in a private text", "/data/domestic_address", "a\0", PLACED),
    bad("NUL in contact", "/data/contact/email", "a\0", PLACED),
    bad("NUL in a list", "/data/evidence/1", "\0", DISSOLUTION),
    badly_written("a lone surrogate in a text", "/data/items/0/link", '"\\udc00x"', PLACED),
    bad("a word that is none of the choices", "/data/categories/1", "odd", PLACED),
    bad("a currency missing", "/data/breakdown/goods/currency", ...),
    bad("a currency in small letters", "/data/currency", "cny", PLACED),
    bad("money that is a number", "/data/breakdown/goods", 129900),
    *(
        badly_written(f"money of {value:.16}", "/data/breakdown/goods/value", value)
        for value in ("129900.0", "1e5", "1299.5", "true", '"129900"', "null", "-1", "1000000000000001", "9" * 400)
    ),
    bad("an item twice", "/data/items", [{"item_id": "a"}, {"item_id": "a"}], RECEIVED),
    bad("an order's item by another's place", "/data/items", [{}, {"item_id": "1"}], PLACED),
    bad("no item in a list of items", "/data/items", [], RECEIVED),
    bad("no units of an item", "/data/items/0/quantity", 0, RECEIVED),
    bad("a plan without a deposit", "/data/payment_plan", [{"part": "balance", "amount": yuan(1)}], PLACED),
    bad("a plan with a part of another kind", "/data/payment_plan/0/part", "rest", REVISED),
    bad("no ground disclosed", "/data/grounds", [], "purchasing.order.issue_disclosed.v1"),
    bad("a stage that there is not", "/data/stage", "retrieval", OPENED),
    bad("money settled that is a number", "/data/settled", 5000),
    bad("NUL in words for the staff", "/data/reason", "\0", "purchasing.payment.freeze_refused.v1"),
    bad("no pieces", "/data/items/0/quantity", 0, PLACED),
    bad("more pieces than a bigint", "/data/items/0/quantity", 2**63, PLACED),
    bad("half a piece", "/data/items/0/quantity", 1.5, PLACED),
    bad("a negative rate", "/data/promotion/rate_bps", -1, PLACED),
    bad("a negative period", "/data/dissolution_period_days", -1, PLACED),
    bad("a period of centuries", "/data/dissolution_period_days", 36_501, PLACED),
    bad("a flag that is a number", "/data/determinable", 1, PLACED),
    bad("a flag that is a word", "/data/determinable", "true", PLACED),
    bad("a time in data without offset", "/data/mandate/agreed_at", "2026-03-02T09:00:00", PLACED),
    bad("a time in data of 2200", "/data/cancellation_deadline", "2200-01-01T00:00:00Z", PLACED),
    bad("a list that is an object", "/data/items", {}, PLACED),
    bad("an item that is null", "/data/items/0", None, PLACED),
    # mixed_currencies
    mixed("a fee in another currency", "/data/breakdown/service_fee"),
    mixed("a further fee in another currency", "/data/breakdown/other_fees/0/amount"),
    mixed("a piece priced in another currency", "/data/items/0/unit_price", PLACED),
    mixed("a part of a plan in another currency", "/data/payment_plan/1/amount", PLACED),
    mixed("a fee in another currency than the chargeback", "/data/fee", OPENED),
    mixed("a plan in another currency than the quote", "/data/payment_plan/0/amount", REVISED),
    mixed("what is taken back in another currency", "/data/amount", "purchasing.seller.cancellation_agreed.v1"),
    mixed("a deposit in another currency", "/data/deposit", "purchasing.seller.purchase_confirmed.v1"),
    mixed("a further loss in another currency", "/data/consequential_loss", "purchasing.order.provider_fault_found.v1"),
    (
        "an order in another currency than its quote",
        member("/data/currency", "EUR", PLACED),
        "mixed_currencies",
        # The first that differs from the first named.
        "/data/items/0/unit_price/currency",
    ),
    # key_mismatch
    ("no key", Record(key=None), "key_mismatch", "/subject"),
    ("an empty key", Record(key=b""), "key_mismatch", "/subject"),
    ("another key", Record(key=b"ord-1002"), "key_mismatch", "/subject"),
    ("a key in another encoding", Record(key="ord-1001".encode("utf-16")), "key_mismatch", "/subject"),
    ("a key in quotes", Record(key=b'"ord-1001"'), "key_mismatch", "/subject"),
]
