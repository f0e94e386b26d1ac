"""The log line about a record: its place, its order, its type, its trace; never its content."""

import json

from purchasing_contracts.envelope import decode

from service.orders.inbound_record import InboundRecord
from service.worker.batch_report import where
from tests.delivery.outside import case_events
from tests.observability.seen import ORDERS

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_message_is_reported_with_its_place_order_type_and_trace():
    event = case_events("01", "ord-1")[0] | {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    value = json.dumps(event).encode()
    told = where(InboundRecord(ORDERS, 3, 7, b"ord-1", value, (), decode(ORDERS, b"ord-1", value, ())))
    assert told == {
        "topic": ORDERS,
        "partition": 3,
        "offset": 7,
        "order": "ord-1",
        "type": "purchasing.order.placed.v1",
        "trace": TRACE,
    }


def test_a_trace_that_is_only_in_the_header_is_reported_too():
    value, header = json.dumps(case_events("01", "ord-1")[0]).encode(), f"00-{TRACE}-00f067aa0ba902b7-01".encode()
    for headers, trace in (((("traceparent", header),), TRACE), ((("traceparent", b"a-b-c-d-e"),), None)):
        told = where(InboundRecord(ORDERS, 3, 7, b"ord-1", value, headers, decode(ORDERS, b"ord-1", value, ())))
        assert told.get("trace") == trace


def test_an_unreadable_record_is_reported_with_what_could_be_read():
    told = where(InboundRecord(ORDERS, 3, 7, b"ord-1", b"{rubbish", (), decode(ORDERS, b"ord-1", b"{rubbish", ())))
    assert (told["order"], told["type"], "trace" in told) == ("ord-1", None, False)
    assert "rubbish" not in str(told)
