"""Metrics pushed to an OpenTelemetry collector (OTLP over HTTP), as an alternative to scraping `/metrics`.

Names, labels and values are those of `/metrics`, without the `_total` of counters: Prometheus adds that on receipt, so
rules and dashboards work either way. CONVENTIONS are sent besides, under the names of OpenTelemetry's semantic
conventions for messaging. OpenTelemetry's own variables name the collector and the interval
(`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_METRIC_EXPORT_INTERVAL`).
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from service.observability.metric_catalog import METRICS
from service.observability.otlp_resource import SCHEMA_URL, OtlpError, packages_missing, resource
from service.runtime.errors import catch_unexpected, describe
from service.runtime.retry import happens_within
from service.runtime.shutdown import run_with_timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client import CollectorRegistry
    from prometheus_client import Metric as Family
    from prometheus_client.samples import Sample

log = structlog.get_logger("service.observability")

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
INTERVAL_MS = 60_000
"""OpenTelemetry's default."""
SEND_SECONDS = 5
LAST_SECONDS = 2.0
UNITS = {"seconds": "s", "bytes": "By", "boolean": ""}
"""UCUM units. A `1` would make Prometheus add `_ratio` to a gauge's name."""
KAFKA = {"messaging.system": "kafka"}

Labels = tuple[tuple[str, str], ...]


class Convention(NamedTuple):
    """A metric of OpenTelemetry's conventions, computed from a family of ours: from samples with the labels `where`."""

    name: str
    unit: str
    help: str
    family: str
    where: Mapping[str, str]
    attributes: Mapping[str, str]


CONVENTIONS = (
    Convention("messaging.client.consumed.messages", "{message}", "Messages delivered to the application.",
        "purchasing_batch_messages", {}, {"messaging.operation.name": "poll"}),
    Convention("messaging.process.duration", "s", "Duration of processing a batch.",
        "purchasing_batch_stage_seconds", {"stage": "store"},
        {"messaging.operation.name": "process", "messaging.operation.type": "process"}),
    Convention("messaging.client.operation.duration", "s", "Duration of committing a batch's offsets.",
        "purchasing_batch_stage_seconds", {"stage": "commit"},
        {"messaging.operation.name": "commit", "messaging.operation.type": "settle"}),
    Convention("messaging.client.operation.duration", "s", "Duration of publishing a transaction.",
        "purchasing_relay_stage_seconds", {"stage": "publish"},
        {"messaging.operation.name": "send", "messaging.operation.type": "send"}),
    Convention("messaging.client.sent.messages", "{message}", "Messages sent to the broker.",
        "purchasing_relay_published_outputs", {}, {"messaging.operation.name": "send"}),
)  # fmt: skip


class MetricsPusher:
    """Sends a registry's metrics to the collector."""

    def __init__(self, registry: CollectorRegistry, exporter: Any, described: Any) -> None:
        """`exporter`: OpenTelemetry's for metrics. `described`: the resource, that is this process."""
        self._registry = registry
        self._exporter = exporter
        self._resource = described
        self._since = time.time_ns()

    def read(self) -> Any:
        """Return the metrics as OpenTelemetry's `MetricsData`. Call it in the registry's thread."""
        return metrics_data(self._registry.collect(), self._resource, self._since, time.time_ns())

    def send(self, data: Any) -> None:
        """Send them, in any thread. The exporter logs its own failures; the next push has all values again."""
        self._exporter.export(data, timeout_millis=SEND_SECONDS * 1000)

    def close(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()


def metrics_pusher(registry: CollectorRegistry) -> MetricsPusher:
    """Return what sends this registry to the collector that OpenTelemetry's variables name. Raises OtlpError."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    except ImportError:
        raise packages_missing("PURCHASING_METRICS") from None
    return MetricsPusher(registry, OTLPMetricExporter(timeout=SEND_SECONDS), resource())


@asynccontextmanager
async def pushing(
    registry: CollectorRegistry, way: str, refresh: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[None]:
    """Push the registry while the block runs, and once more at its end, if `way` is `otlp`.

    `refresh` brings the registry up to date first. Raises OtlpError.
    """
    if way != "otlp":
        yield
        return
    pusher, end, seconds = metrics_pusher(registry), asyncio.Event(), interval_seconds()

    async def push() -> None:
        if refresh is not None:
            await refresh()
        await asyncio.to_thread(pusher.send, pusher.read())

    async def push_regularly() -> None:
        while not await happens_within(end, seconds):
            with catch_unexpected(_note_failure):
                await push()

    task = asyncio.create_task(push_regularly(), name="metrics")
    try:
        yield
    finally:
        end.set()
        task.cancel()
        await asyncio.wait([task])
        await run_with_timeout(LAST_SECONDS, push(), "sending the last metrics")
        await run_with_timeout(LAST_SECONDS, asyncio.to_thread(pusher.close), "ending the metrics' exporter")


def interval_seconds() -> float:
    """Return the seconds between two pushes, as OTEL_METRIC_EXPORT_INTERVAL has them in milliseconds."""
    given = os.environ.get(INTERVAL, "").strip()
    if not given:
        return INTERVAL_MS / 1000
    if not given.isdigit() or int(given) == 0:
        raise OtlpError(f"{INTERVAL} is no number of milliseconds: give one such as {INTERVAL_MS}, or unset it.")
    return int(given) / 1000


def metrics_data(families: Iterable[Family], described: Any, since: int, now: int) -> Any:
    """Return the families as `MetricsData`. `since` and `now` are in nanoseconds since 1970."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    by_name = {family.name: family for family in families}
    points = _Points(since, now)
    metrics = [points.metric(family) for family in by_name.values() if family.samples]
    conventions = [
        points.convention(one, by_name[one.family])
        for one in CONVENTIONS
        if one.family in by_name and by_name[one.family].samples
    ]
    scope = InstrumentationScope("purchasing", schema_url=SCHEMA_URL)
    return MetricsData([ResourceMetrics(described, [ScopeMetrics(scope, [*metrics, *conventions], SCHEMA_URL)], "")])


class _Points:
    """Makes OpenTelemetry's data points of samples. All sums count since the same instant."""

    def __init__(self, since: int, now: int) -> None:
        from opentelemetry.sdk.metrics import export

        self._otel: Any = export
        self._since, self._now = since, now
        self._cumulative = export.AggregationTemporality.CUMULATIVE

    def metric(self, family: Family) -> Any:
        """Return a family as one metric."""
        if family.type == "histogram":
            data = self._histogram(_by_labels(family.samples))
        elif family.type == "counter":
            data = self._sum(
                (dict(one.labels), one.value) for one in family.samples if not one.name.endswith("_created")
            )
        else:
            data = self._otel.Gauge([self._number(dict(one.labels), one.value) for one in family.samples])
        return self._otel.Metric(family.name, family.documentation, _unit(family.name), data)

    def convention(self, one: Convention, family: Family) -> Any:
        """Return a metric of the conventions."""
        chosen = [sample for sample in family.samples if one.where.items() <= sample.labels.items()]
        attributes = {**KAFKA, **one.attributes}
        if one.unit == "s":
            data = self._histogram(_by_labels(chosen), attributes)
        else:
            ends = ("_sum", "_total")
            values = (
                (dict(sample.labels) | attributes, sample.value) for sample in chosen if sample.name.endswith(ends)
            )
            data = self._sum(values)
        return self._otel.Metric(one.name, one.help, one.unit, data)

    def _number(self, attributes: dict[str, str], value: float) -> Any:
        return self._otel.NumberDataPoint(attributes, self._since, self._now, value)

    def _sum(self, values: Iterable[tuple[dict[str, str], float]]) -> Any:
        points = [self._number(attributes, value) for attributes, value in values]
        return self._otel.Sum(points, self._cumulative, is_monotonic=True)

    def _histogram(self, by_labels: Mapping[Labels, Sequence[Sample]], more: Mapping[str, str] | None = None) -> Any:
        points = []
        for labels, samples in by_labels.items():
            buckets = [one for one in samples if one.name.endswith("_bucket")]
            below = [int(one.value) for one in buckets]
            points.append(
                self._otel.HistogramDataPoint(
                    attributes={**dict(labels), **(more or {})},
                    start_time_unix_nano=self._since,
                    time_unix_nano=self._now,
                    count=below[-1],
                    sum=next(one.value for one in samples if one.name.endswith("_sum")),
                    bucket_counts=[here - before for before, here in zip((0, *below), below, strict=False)],
                    explicit_bounds=[float(one.labels["le"]) for one in buckets[:-1]],
                    min=float("inf"),
                    max=float("-inf"),
                    exemplars=list(_exemplars(buckets)),
                )
            )
        return self._otel.Histogram(points, self._cumulative)


def _by_labels(samples: Iterable[Sample]) -> dict[Labels, list[Sample]]:
    """Return a histogram's samples by their labels without `le`."""
    found: dict[Labels, list[Sample]] = {}
    for one in samples:
        labels = tuple((name, value) for name, value in one.labels.items() if name != "le")
        found.setdefault(labels, []).append(one)
    return found


def _exemplars(buckets: Iterable[Sample]) -> Iterator[Any]:
    from opentelemetry.sdk.metrics import Exemplar

    for one in buckets:
        if (found := one.exemplar) is not None:
            trace, span = int(found.labels["trace_id"], 16), int(found.labels["span_id"], 16)
            yield Exemplar({}, found.value, int(float(found.timestamp or 0) * 1e9), span, trace)


def _unit(name: str) -> str:
    unit = _OURS.get(name)
    return "" if unit is None else UNITS.get(unit, f"{{{unit}}}")


_OURS = {one.full_name.removesuffix("_total"): one.unit for one in METRICS}


def _note_failure(error: Exception) -> None:
    log.warning("metrics_not_pushed", message="Pushing the metrics failed.", because=describe(error))
