"""Bad records among good ones, live: each is quarantined and reported once, and none stops or delays its neighbours."""

import json
from hashlib import sha256

import pytest
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from tests.delivery.outside import ORDERS, case_events, order_id, topic_for

PRIVATE = "Warehouse 3, Baiyun District"


def decided(seen):
    return [(one.event["data"]["kind"], one.event["data"]["outcome"]) for one in seen]


async def test_a_bad_record_between_good_ones_is_quarantined_and_the_good_ones_are_decided(outside, site):
    good, bad = order_id(), order_id()
    placed, accepted, captured = case_events("01", good)
    (worse, *_) = case_events("01", bad)
    worse["data"]["quote"]["goods"]["value"] = 129900.5
    value = json.dumps(worse).encode()
    partition = (await outside.send(placed)).partition
    await outside.send_raw(ORDERS, good.encode(), json.dumps(accepted).encode(), partition=partition)
    where, offset = await outside.send_raw(ORDERS, bad.encode(), value, partition=partition)
    await outside.send_and_settle(captured)
    assert decided(await outside.settled(good)) == [("agreement", "effective")]

    (notice,) = await outside.until(bad, lambda seen: len(seen) == 1)
    assert notice.event["type"] == "purchasing.record.quarantined.v1"
    assert notice.event["data"] == {
        "topic": ORDERS,
        "partition": where.partition,
        "offset": offset,
        "reason": "schema",
        "place": "/data/quote/goods/value",
        "size": len(value) + len(bad),
        "sha256": sha256(value).hexdigest(),
        "order_id": bad,
    }
    (row,) = await site.rows(
        'select key, value, headers from quarantine where topic = $1 and partition = $2 and "offset" = $3',
        ORDERS,
        where.partition,
        offset,
    )
    assert (row["key"], row["value"], json.loads(row["headers"])) == (bad.encode(), value, [])


HOSTILE = {
    "nulls": [("ce_id", None), ("content-type", None), ("x", None)],
    "not UTF-8": [("ce_id", b"\xff\xfe"), ("correlation_id", b"\x80"), ("traceparent", b"\xff")],
    "a topic to reply to": [("reply_to", b"purchasing.commands.refund.v1")],
}


@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE)
async def test_a_record_with_hostile_headers_is_stored_or_quarantined_never_dropped(outside, headers):
    order = order_id()
    for event in case_events("01", order):
        where, offset = await outside.send_raw(
            topic_for(event), order.encode(), json.dumps(event).encode(), headers=headers
        )
        await outside.handled(where, offset)
    seen = await outside.until(order, bool)
    kinds = {one.event["type"] for one in seen}
    assert kinds <= {"purchasing.decision.made.v1", "purchasing.record.quarantined.v1"}
    if kinds == {"purchasing.record.quarantined.v1"}:
        assert len(await outside.until(order, lambda seen: len(seen) >= 3)) == 3
    else:
        assert decided(await outside.settled(order)) == [("agreement", "effective")]


class Name(str):
    """A header's name that is sent as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, *_):
        return b"\xff\xfe"


async def test_a_record_with_a_header_name_that_is_not_utf_8_does_not_stop_its_partition(outside, monkeypatch):
    for module in (producer, message_accumulator):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    order = order_id()
    for event in case_events("01", order):
        await outside.send_raw(
            topic_for(event), order.encode(), json.dumps(event).encode(), headers=[(Name("x"), b"1")]
        )
    seen = await outside.until(order, bool)
    assert decided(seen) == [("agreement", "effective")]

    _, offset = await outside.send_raw(ORDERS, b"nobody", b"no JSON", headers=[(Name("x"), None)])
    (notice,) = await outside.until("nobody", bool)
    assert notice.event["data"]["offset"] == offset
    assert notice.event["data"]["reason"] == "not_json"


@pytest.mark.parametrize(("key", "value"), [(b"\xff\xfe", b"{}"), (b"", b"{}"), (None, b"\x00"), (b"tombstone", None)])
async def test_keys_and_values_of_any_kind_are_quarantined(outside, key, value):
    where, offset = await outside.send_raw(ORDERS, key, value)
    await outside.handled(where, offset)
    seen = await outside.until(key.decode() if key == b"tombstone" else f"{ORDERS}/{where.partition}/{offset}", bool)
    assert seen[0].event["data"]["offset"] == offset


async def test_the_largest_record_a_broker_takes_is_quarantined(outside):
    order = order_id()
    (placed, *_) = case_events("01", order)
    placed["data"]["filling"] = "x" * 1_040_000
    outside.producer._max_request_size = 1_048_576
    _, offset = await outside.send_raw(ORDERS, order.encode(), json.dumps(placed).encode())
    (notice,) = await outside.until(order, bool)
    assert (notice.event["data"]["reason"], notice.event["data"]["offset"]) == ("too_large", offset)


async def test_no_log_line_has_what_is_private(outside, worker):
    order = order_id()
    placed, *_ = case_events("01", order)
    placed["data"]["domestic_address"] = f"{PRIVATE} {order}"
    broken = json.loads(json.dumps(placed)) | {"id": "other"}
    broken["data"]["items"] = PRIVATE + order
    await outside.send_and_settle(placed)
    await outside.send(broken)
    await outside.until(order, bool)
    log = worker.log.read_text()
    assert order in log
    assert PRIVATE not in log
