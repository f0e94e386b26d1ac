"""A histogram that adds the values of a batch at once: the library's own takes a lock for each value."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client.core import HistogramMetricFamily
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

    def observe(self, values: Iterable[tuple[float, int]]) -> None:
        """Add values, each with how often it occurred. A negative value counts as 0."""
        counts, bounds = self._counts, self._metric.buckets
        for given, count in values:
            value = max(0.0, given)
            counts[bisect_left(bounds, value)] += count
            self._sum += value * count

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family with cumulative counts."""
        below, buckets = 0, []
        for bound, count in zip((*self._metric.buckets, float("inf")), self._counts, strict=True):
            below += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), below))
        yield HistogramMetricFamily(PREFIX + self._metric.name, self._metric.help, buckets=buckets, sum_value=self._sum)
