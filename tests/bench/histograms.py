"""The service's histograms: the observations between two readings, their mean and quantiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

PREFIX = "purchasing_"
STAGE = "stage"


@dataclass(frozen=True)
class Histogram:
    """A number of values and their sum; and how many were at most each bound. Bounds are sorted and end with
    infinity."""

    count: float
    total: float
    buckets: tuple[tuple[float, float], ...]

    @property
    def mean(self) -> float:
        """The mean; 0 without values."""
        return self.total / self.count if self.count else 0.0

    def since(self, before: "Histogram | None") -> "Histogram":
        """The observations after `before`, an earlier reading of the same histogram."""
        if before is None:
            return self
        earlier = dict(before.buckets)
        return Histogram(
            self.count - before.count,
            self.total - before.total,
            tuple((bound, count - earlier.get(bound, 0.0)) for bound, count in self.buckets),
        )

    def quantile(self, share: float) -> float:
        """The value below which this share of the values is, as if values were spread evenly within a bucket. Above
        the last finite bound it is that bound; 0 without values."""
        wanted, below, lower = share * self.count, 0.0, 0.0
        for bound, count in self.buckets:
            if count >= wanted and count > below:
                return lower if bound == inf else lower + (bound - lower) * (wanted - below) / (count - below)
            below, lower = count, bound if bound != inf else lower
        return lower


def histograms(text: str) -> dict[str, Histogram]:
    """Read the service's histograms from the text of its metrics, by name without prefix, and by name and stage where
    they have stages (`batch_stage_seconds.store`). Those of several processes are added up."""
    sums: dict[str, dict[str, Any]] = {}
    for family in text_string_to_metric_families(text):
        if family.type != "histogram" or not family.name.startswith(PREFIX):
            continue
        for sample in family.samples:
            stage = sample.labels.get(STAGE)
            name = family.name.removeprefix(PREFIX) + (f".{stage}" if stage else "")
            one = sums.setdefault(name, {"count": 0.0, "sum": 0.0, "buckets": {}})
            kind = sample.name.rpartition("_")[2]
            if kind == "bucket":
                bound = float(sample.labels["le"])
                one["buckets"][bound] = one["buckets"].get(bound, 0.0) + sample.value
            elif kind in ("count", "sum"):
                one[kind] += sample.value
    return {
        name: Histogram(one["count"], one["sum"], tuple(sorted(one["buckets"].items()))) for name, one in sums.items()
    }


def grown(before: Mapping[str, Histogram], after: Mapping[str, Histogram]) -> dict[str, Histogram]:
    """Subtract one reading of the histograms from a later one, by name."""
    return {name: one.since(before.get(name)) for name, one in after.items()}
