"""Metrics read at each scrape: the last polls, and the parts of this worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics import parser
from prometheus_client.registry import Collector
from purchasing_contracts.quarantine import Reason

from service.observability.metric_catalog import BY_NAME, PREFIX
from service.observability.poller import CENSUS_CURRENT_SECONDS, CURRENT_SECONDS
from service.outbox.status import State
from service.rules.facts import instant
from service.rules.waits import WAIT_KINDS
from service.store.operators.pauses import ALL_LANES, AUTOMATIC

if TYPE_CHECKING:
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from service.observability.database_figures import Figures
    from service.observability.lag import GroupLag
    from service.observability.poller import LastLook
    from service.observability.worker_state import WorkerState

BY = ("person", "limit")
"""The authors of a pause."""

SUPERVISOR = "supervisor"
"""The label `process` of what a supervisor shows of itself; its worker processes have numbers, from 1."""

Samples = Iterable[tuple[tuple[str, ...], float]]


class WorkerExporter(Collector):
    """Yields all metrics that are not counted as they happen. Reads plain values only, so a scrape never waits."""

    def __init__(self, worker: WorkerState, event_topics: Iterable[str]) -> None:
        self._worker = worker
        self._topics = tuple(event_topics)

    def collect(self) -> Iterator[Family]:
        """Yield every family with a present value. Other workers export what this one can't see any more."""
        poller = self._worker.poller
        lag, figures = poller.broker.within(CURRENT_SECONDS), poller.database.within(CURRENT_SECONDS)
        if lag is not None:
            yield from _broker(lag)
        if figures is not None:
            yield from _database(figures, poller.database.age() or 0.0, self._topics)
            yield _one("database_clock_skew_seconds", poller.skew or 0.0)
        yield from self._census()
        yield from self._input()
        yield from self._cache()
        yield from self._relay()
        looks: dict[str, LastLook[Any]] = {"broker": poller.broker, "database": poller.database}
        yield _family("look_successful", (((name,), float(seen.works)) for name, seen in looks.items()))
        ages = {name: seen.age() for name, seen in looks.items()}
        yield _family("look_age_seconds", (((name,), age) for name, age in ages.items() if age is not None))
        yield _one("ready", float(not self._worker.missing()))

    def _census(self) -> Iterator[Family]:
        poller = self._worker.poller
        yield _one("census_timestamp_seconds", poller.census_at or 0.0)
        rows = poller.census.within(CENSUS_CURRENT_SECONDS)
        if rows is not None:
            yield from wait_families(rows, time.time())

    def _input(self) -> Iterator[Family]:
        inbox, relay = self._worker.inbox, self._worker.relay
        assigned = {} if inbox is None else inbox.assigned
        yield _family("consumer_assigned_partitions", (((topic,), assigned.get(topic, 0)) for topic in self._topics))
        rebalances = {
            "input": 0 if inbox is None else inbox.assignments,
            "relay": 0 if relay is None else relay.status().assignments,
        }
        yield _family("consumer_rebalances", (((group,), count) for group, count in rebalances.items()))
        yield _one("input_failures_in_a_row", 0 if inbox is None else inbox.failures_in_a_row)

    def _cache(self) -> Iterator[Family]:
        cache = self._worker.cache
        if cache is not None:
            yield _one("cache_hits", cache.hits)
            yield _one("cache_misses", cache.misses)
            yield _one("cache_orders", len(cache))
            yield _one("cache_facts", cache.facts)

    def _relay(self) -> Iterator[Family]:
        relay = self._worker.relay
        lanes = () if relay is None else relay.status().lanes
        yield _one("relay_lanes_owned", len(lanes))
        yield _family(
            "relay_lane_state",
            (((str(one.lane), state), float(one.state == state)) for one in lanes for state in get_args(State)),
        )
        yield _family("relay_published_outputs", (((str(one.lane),), one.published) for one in lanes))
        yield _family("relay_transactions", (((str(one.lane),), one.transactions) for one in lanes))


class SupervisorExporter(Collector):
    """Yields what a supervisor and its worker processes show, as one registry: each sample with the label `process`.

    `processes` says by number what each has answered: the text of its metrics (OpenMetrics), or None.
    """

    def __init__(
        self,
        processes: Callable[[], Mapping[int, str | None]],
        restarts: Callable[[], Mapping[int, int]],
        own: CollectorRegistry,
    ) -> None:
        self._processes = processes
        self._restarts = restarts
        self._own = own

    def collect(self) -> Iterator[Family]:
        """Every family once, with the samples of all processes. One that does not answer is not ready."""
        families: dict[str, Family] = {}
        for process, found in self._sources():
            for family in found:
                merged = families.setdefault(family.name, Family(family.name, family.documentation, family.type))
                merged.samples += [one._replace(labels={"process": process, **one.labels}) for one in family.samples]
        yield from families.values()

    def _sources(self) -> Iterator[tuple[str, Iterable[Family]]]:
        yield SUPERVISOR, self._own.collect()
        counts = (((str(number),), count) for number, count in self._restarts().items())
        yield SUPERVISOR, [_family("process_restarts", counts)]
        for number, text in self._processes().items():
            yield str(number), [_one("ready", 0.0)] if text is None else _families(text)


def _families(text: str) -> Iterable[Family]:
    # The parser's stubs have no types.
    untyped: Any = parser.text_string_to_metric_families
    families: Iterable[Family] = untyped(text)
    return families


def _broker(lag: GroupLag) -> Iterator[Family]:
    now = time.time()
    places = [((one.topic, str(one.partition)), one) for one in lag.partitions]
    yield _family("consumer_lag_messages", ((place, one.messages) for place, one in places))
    ages = [(place, one.seconds(now)) for place, one in places]
    yield _family("consumer_lag_seconds", ((place, age) for place, age in ages if age is not None))
    committed = ((place, one.committed) for place, one in places if one.committed is not None)
    yield _family("consumer_committed_offset", committed)
    yield _family("consumer_offset_lost", ((place, float(one.is_lost)) for place, one in places))
    yield _family("topic_begin_offset", ((place, one.begin) for place, one in places))
    yield _family("topic_end_offset", ((place, one.end) for place, one in places))
    yield _family("topic_held_back_offsets", ((place, one.held_back) for place, one in places))
    kept = {topic: seconds for topic, seconds in lag.retention.items() if seconds is not None}
    yield _family("topic_retention_seconds", (((topic,), seconds) for topic, seconds in kept.items()))
    if lag.members is not None:
        yield _one("consumer_group_members", lag.members)


def _database(figures: Figures, age: float, topics: Iterable[str]) -> Iterator[Family]:
    # Add the age of the poll to an age that it read.
    totals = figures.totals
    now = totals["at"].timestamp() + age

    def seconds_since(at: datetime | None) -> float:
        return 0.0 if at is None else max(0.0, now - at.timestamp())

    watermark = totals["watermark"]
    yield _one("watermark_timestamp_seconds", 0.0 if watermark is None else watermark.timestamp())
    if watermark is not None:
        yield _one("watermark_age_seconds", seconds_since(watermark))
    yield _one("input_unknown_partitions", totals["unknown"])
    open_topics = {row["topic"] for row in figures.open_breakers}
    yield _family("circuit_breaker_open", (((topic,), float(topic in open_topics)) for topic in topics))
    yield _one("orders_stuck", totals["stuck"])
    yield _one("orders_held", totals["held"])
    yield _one("deadlines_due", totals["due"])
    yield _one("deadlines_overdue", totals["overdue"])
    yield _one("deadlines_overdue_seconds", seconds_since(totals["overdue_since"]))
    lanes = {row["lane"]: row for row in figures.lanes}
    yield _family("outbox_unpublished_outputs", (((str(lane),), row["unpublished"]) for lane, row in lanes.items()))
    yield _family(
        "outbox_oldest_unpublished_seconds",
        (((str(lane),), seconds_since(row["oldest_at"])) for lane, row in lanes.items()),
    )
    pauses = {(row["lane"], "limit" if row["paused_by"] == AUTOMATIC else "person") for row in figures.pauses}
    paused = {(lane, by): not pauses.isdisjoint({(ALL_LANES, by), (lane, by)}) for lane in lanes for by in BY}
    yield _family("outbox_paused", (((str(lane), by), float(held)) for (lane, by), held in paused.items()))
    open_records = {row["reason"]: row["open"] for row in figures.quarantine}
    yield _family("quarantine_open_records", (((reason,), open_records.get(reason, 0)) for reason in get_args(Reason)))
    oldest = min((row["since"] for row in figures.quarantine), default=None)
    yield _one("quarantine_oldest_open_seconds", seconds_since(oldest))
    yield _family("database_table_bytes", (((one.table,), one.bytes) for one in figures.tables))


def wait_families(census: Sequence[Mapping[str, Any]], now: float) -> Iterator[Family]:
    """Yield the metrics of the rows of a census, summed per kind; 0 for a kind that no order waits for.

    `now` is in seconds since 1970. A kind that only a newer version knows is left out.
    """
    kinds = [((what, kind.of), [row for row in census if row["what"] == what]) for what, kind in WAIT_KINDS.items()]
    yield _family("waits", ((labels, sum(row["count"] for row in rows)) for labels, rows in kinds))
    yield _family("waits_overdue", ((labels, sum(row["overdue"] for row in rows)) for labels, rows in kinds))
    ages = ((labels, [now - instant(row["since"]).timestamp() for row in rows]) for labels, rows in kinds)
    yield _family("waits_oldest_seconds", ((labels, max([0.0, *found])) for labels, found in ages))
    yield _family(
        "waits_amount",
        (
            ((*labels, row["currency"]), float(row["amount"]))
            for labels, rows in kinds
            for row in rows
            if row["amount"] is not None
        ),
    )


def _one(name: str, value: float) -> Family:
    return _family(name, (((), value),))


def _family(name: str, samples: Samples) -> Family:
    metric = BY_NAME[name]
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(PREFIX + name, metric.help, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
