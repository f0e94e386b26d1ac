"""Spans of batches: linked with their messages' traces, without content, and nothing at all when they are off."""

import json
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from purchasing_contracts.envelope import decode

from service.observability.otlp_resource import resource
from service.observability.traces import LINKS, SpanTraces, traces
from service.orders.inbound_record import InboundRecord
from service.outbox.reader import Row
from tests.delivery.outside import case_events
from tests.observability.seen import ORDERS

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield SpanTraces(provider, "purchasing"), exporter
    provider.shutdown()


def inbound_record(traceparent: str | None = None, headers=(), topic: str = ORDERS) -> InboundRecord:
    event = case_events("01", "ord-1")[0] | ({"traceparent": traceparent} if traceparent else {})
    value = json.dumps(event).encode()
    return InboundRecord(topic, 0, 1, b"ord-1", value, headers, decode(ORDERS, b"ord-1", value, ()))


def test_a_batch_is_one_span_linked_with_the_traces_of_its_messages(spans):
    made, exporter = spans
    by_header = ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode())
    with made.batch([inbound_record(f"00-{TRACE}-{SPAN}-01"), inbound_record(headers=(by_header,)), inbound_record()]):
        pass
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == (f"process {ORDERS}", SpanKind.CONSUMER)
    assert span.attributes["messaging.system"] == "kafka"
    assert span.attributes["messaging.batch.message_count"] == 3
    assert span.attributes["messaging.consumer.group.name"] == "purchasing"
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE, "a" * 32]


def test_a_batch_of_several_topics_is_of_no_one_topic_and_links_are_bounded(spans):
    made, exporter = spans
    many = [inbound_record(f"00-{n:032x}-{SPAN}-01") for n in range(1, LINKS + 9)]
    with made.batch([*many, inbound_record(topic="purchasing.events.payment.v1")]):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.name == "process"
    assert "messaging.destination.name" not in span.attributes
    assert len(span.links) == LINKS


def test_an_error_is_noted_by_its_class_and_nothing_of_its_text(spans):
    made, exporter = spans
    with pytest.raises(ValueError, match="an address"), made.batch([inbound_record()]):
        raise ValueError("an address")
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "ValueError"
    assert "an address" not in span.to_json()


def test_headers_that_are_no_context_link_nothing(spans):
    made, exporter = spans
    for value in (b"rubbish", b"\xff\xfe", None):
        with made.batch([inbound_record(headers=(("traceparent", value),))]):
            pass
    assert [span.links for span in exporter.get_finished_spans()] == [(), (), ()]


def test_off_it_loads_no_sdk_and_makes_nothing():
    assert traces("off", "purchasing").batch([]) is traces("off", "purchasing").batch([])
    heavy = "('opentelemetry.sdk', 'opentelemetry.exporter')"
    asked = f"import service.worker.bootstrap, sys; sys.exit(any(name.startswith({heavy}) for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_a_transaction_is_one_span_linked_with_the_traces_that_its_outputs_continue(spans):
    made, exporter = spans
    value = f'{{"traceparent":"00-{TRACE}-{SPAN}-01"}}'.encode()
    rows = [Row(n, "purchasing.commands.refund.v1", "ord-1", given, False) for n, given in enumerate((value, b"{}"))]
    made.published(rows, 0.25)
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("send purchasing.commands.refund.v1", SpanKind.CLIENT)
    assert span.attributes["messaging.operation.type"] == "send"
    assert span.attributes["messaging.batch.message_count"] == 2
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]
    assert span.end_time - span.start_time == 250_000_000


def test_variables_of_opentelemetry_come_before_the_service_s_own_name(monkeypatch):
    assert resource().attributes["service.name"] == "purchasing"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "purchasing-eu")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    found = resource().attributes
    assert (found["service.name"], found["deployment.environment.name"]) == ("purchasing-eu", "test")
    assert found["service.version"]
