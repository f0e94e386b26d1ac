"""A histogram that adds the values of a batch at once: the library's own takes a lock for each value."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from prometheus_client.core import Exemplar, HistogramMetricFamily
from prometheus_client.registry import Collector

from service.observability.metric_catalog import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from service.observability.metric_catalog import Metric


class BatchHistogram(Collector):
    """The histogram of one metric without labels, for one thread."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._counts = [0] * (len(metric.buckets) + 1)
        self._sum = 0.0
        self._exemplars: list[Exemplar | None] = [None] * len(self._counts)

    def observe(self, values: Iterable[tuple[float, int]]) -> None:
        """Add values, each with how often it occurred. A negative value counts as 0."""
        counts, bounds = self._counts, self._metric.buckets
        for given, count in values:
            value = max(0.0, given)
            counts[bisect_left(bounds, value)] += count
            self._sum += value * count

    def exemplify(self, value: float, traceparent: str, at: float) -> None:
        """Let the trace be the example of its value's bucket. `at`: seconds since 1970, when it was observed."""
        trace_id, span_id = traceparent.split("-")[1:3]
        bucket = bisect_left(self._metric.buckets, max(0.0, value))
        self._exemplars[bucket] = Exemplar({"trace_id": trace_id, "span_id": span_id}, value, at)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family with cumulative counts."""
        below, buckets = 0, list[Any]()
        bounds = (*map(str, self._metric.buckets), "+Inf")
        for bound, count, exemplar in zip(bounds, self._counts, self._exemplars, strict=True):
            below += count
            buckets.append((bound, below, exemplar))
        yield HistogramMetricFamily(PREFIX + self._metric.name, self._metric.help, buckets=buckets, sum_value=self._sum)
