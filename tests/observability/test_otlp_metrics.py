"""Metrics pushed by OTLP: what `/metrics` has, through a real collector, and OpenTelemetry's conventions beside it."""

import asyncio
import gzip
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import rotel
from aiohttp import ClientSession
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from service.embedded.process import reserve_port
from service.observability.exporter import SupervisorExporter
from service.observability.http import Pages, listening
from service.observability.instruments import Instruments
from service.observability.otlp_metrics import CONVENTIONS, interval_seconds, metrics_pusher, pushing
from service.observability.otlp_resource import OtlpError
from tests.observability.seen import ORDERS
from tests.observability.test_traces import SPAN, TRACE
from tests.security.trace_sink import trace_sink
from tests.waiting import HANG_SECONDS, eventually

COLLECTOR = Path(rotel.__file__).with_name("rotel-agent")
OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def record(traceparent: str, timestamp: int = 0) -> SimpleNamespace:
    headers = (("traceparent", traceparent.encode()),)
    return SimpleNamespace(
        topic=ORDERS, partition=0, offset=1, key=None, value=b"{}", headers=headers, timestamp=timestamp
    )


def worked() -> Instruments:
    """Return a worker's instruments after a batch of two records and a transaction."""
    made = Instruments()
    made.batch([record(f"00-{TRACE}-{SPAN}-01")] * 2, {ORDERS: 6}, {"store": 0.2, "commit": 0.3, "elapsed": 0.6})
    made.relayed({"read": 0.1, "publish": 0.4})
    return made


@contextmanager
def collector(to: str, directory: Path):
    """Run a real collector that sends all on to this address. Yield its own."""
    port, grpc = reserve_port(), reserve_port()
    arguments = [
        "start", "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}",
        "--exporter", "otlp", "--otlp-exporter-endpoint", to, "--otlp-exporter-protocol", "http",
        "--otlp-exporter-metrics-endpoint", f"{to}/v1/metrics", "--batch-timeout", "10ms",
        "--pid-file", str(directory / "pid"), "--log-file", str(directory / "log"),
    ]  # fmt: skip
    with (directory / "out").open("wb") as out:
        process = subprocess.Popen([COLLECTOR, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)


async def test_a_real_collector_takes_what_metrics_has_and_the_conventions(tmp_path, monkeypatch) -> None:
    made = worked()
    with trace_sink() as (address, bodies), collector(address, tmp_path) as endpoint:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "purchasing-eu")
        async with pushing(made.registry, "otlp"):
            await eventually(lambda: bodies, "the collector sends on")
    (resource,) = ExportMetricsServiceRequest.FromString(gzip.decompress(bodies[0])).resource_metrics
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert attributes["service.name"] == "purchasing-eu"
    by_name = {one.name: one for one in resource.scope_metrics[0].metrics}
    families = {one.name: one for one in made.registry.collect() if one.samples}
    assert set(families) | {one.name for one in CONVENTIONS if one.family in families} == set(by_name)

    age = by_name["purchasing_event_age_at_commit_seconds"]
    (point,) = age.histogram.data_points
    assert (age.unit, point.count, sum(point.bucket_counts)) == ("s", 2, 2)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert [(one.trace_id.hex(), one.span_id.hex()) for one in point.exemplars] == [(TRACE, SPAN)]
    assert age.histogram.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    events = by_name["purchasing_events"].sum
    assert events.is_monotonic
    assert {"type", "outcome"} == {one.key for one in events.data_points[0].attributes}

    (consumed,) = by_name["messaging.client.consumed.messages"].sum.data_points
    assert consumed.as_double == 2
    assert {one.key: one.value.string_value for one in consumed.attributes} == {
        "messaging.system": "kafka",
        "messaging.operation.name": "poll",
    }
    (process,) = by_name["messaging.process.duration"].histogram.data_points
    assert (process.count, process.sum) == (1, 0.2)


async def test_a_collector_that_is_away_costs_nothing_but_a_log_line(monkeypatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{reserve_port()}")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1")
    tried = asyncio.Event()

    async def refresh() -> None:
        tried.set()

    async with pushing(worked().registry, "otlp", refresh):
        await asyncio.wait_for(tried.wait(), HANG_SECONDS)


@pytest.mark.parametrize("given", ["soon", "0", "-1"])
async def test_an_interval_that_is_none_is_named(monkeypatch, given: str) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", given)
    with pytest.raises(OtlpError, match="OTEL_METRIC_EXPORT_INTERVAL"):
        interval_seconds()


def test_without_the_packages_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    with pytest.raises(OtlpError, match=r"PURCHASING_METRICS=otlp .* extra `otlp`"):
        metrics_pusher(CollectorRegistry())


async def test_openmetrics_has_the_trace_of_the_oldest_record_and_plain_text_has_none() -> None:
    made = worked()
    pages = Pages(SimpleNamespace(starting=list, missing=list), made.registry)
    async with listening(pages, "127.0.0.1", 0) as port, ClientSession() as session:
        url = f"http://127.0.0.1:{port}/metrics"
        async with session.get(url, headers={"Accept": OPEN_METRICS}) as answer:
            assert answer.content_type == "application/openmetrics-text"
            open_metrics = await answer.text()
        async with session.get(url) as answer:
            assert answer.content_type == "text/plain"
            assert TRACE not in await answer.text()
    assert exemplars(open_metrics) == [{"trace_id": TRACE, "span_id": SPAN}]


def test_a_supervisor_passes_its_processes_exemplars_on() -> None:
    pages = Pages(SimpleNamespace(starting=list, missing=list), worked().registry)
    own = CollectorRegistry()
    Counter("restarts", "Of processes.", registry=own).inc()
    registry = CollectorRegistry(auto_describe=False)
    text = pages.rendered(OPEN_METRICS)[0].decode()
    registry.register(SupervisorExporter(lambda: {1: text}, dict, own))
    merged = Pages(SimpleNamespace(starting=list, missing=list), registry).rendered(OPEN_METRICS)[0].decode()
    assert exemplars(merged) == [{"trace_id": TRACE, "span_id": SPAN}]
    plain = Pages(SimpleNamespace(starting=list, missing=list), registry).rendered("")[0].decode()
    assert 'purchasing_batch_messages_sum{process="1"} 2.0' in plain


def test_a_trace_that_its_sender_did_not_keep_is_no_exemplar() -> None:
    made = Instruments()
    made.batch([record(f"00-{TRACE}-{SPAN}-00")], {ORDERS: 6}, {"store": 0.2})
    assert TRACE not in Pages(SimpleNamespace(), made.registry).rendered(OPEN_METRICS)[0].decode()


def exemplars(text: str) -> list[dict[str, str]]:
    return [
        one.exemplar.labels
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.exemplar is not None
    ]
