"""This process's own counters and timers, in a registry of their own. Call everything from the event loop's thread."""

from __future__ import annotations

import sys
import time
from collections import Counter as Tally
from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from purchasing_contracts.quarantine import Reason
from purchasing_contracts.topics import TOPICS, class_of

from service.inbox.parser import inbound_record_of
from service.inbox.stopwatch import ELAPSED
from service.kafka.partitions import partition_of
from service.observability.histogram import BatchHistogram
from service.observability.metric_catalog import BY_NAME, PREFIX
from service.runtime.version import own_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import ConsumerRecord

    from service.orders.batch_result import BatchResult
    from service.orders.inbound_record import InboundRecord

STAGES = ("decode", "store", "commit")
RELAY_STAGES = ("read", "publish")
UNKNOWN = "unknown"


class Instruments:
    """The instruments. `/metrics` renders `registry`; FastStream's middleware adds its own metrics to it."""

    def __init__(self, console_url: str = "") -> None:
        """`console_url`: where the console is; empty: not known."""
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._events = self._counter("events")
        self._facts = self._counter("facts")
        self._age = BatchHistogram(BY_NAME["event_age_at_commit_seconds"])
        self.registry.register(self._age)
        self._age_at_start = BatchHistogram(BY_NAME["event_age_at_start_seconds"])
        self.registry.register(self._age_at_start)
        self._batch = self._histogram("batch_messages")
        self._stages = self._histogram("batch_stage_seconds")
        self._relay_stages = self._histogram("relay_stage_seconds")
        self._misplaced = self._counter("key_on_unexpected_partition")
        self._assessed = self._counter("orders_assessed")
        self._raised = self._counter("orders_rules_failed")
        self._fired = self._counter("deadlines_fired")
        self._outputs = self._counter("outputs")
        self._quarantined = self._counter("quarantine_records")
        self._show_what_is_zero()
        build: Gauge = Gauge(
            PREFIX + "build_info", BY_NAME["build_info"].help, ["version", "python"], registry=self.registry
        )
        build.labels(own_version(), ".".join(map(str, sys.version_info[:3]))).set(1)
        console: Gauge = Gauge(PREFIX + "console_info", BY_NAME["console_info"].help, ["url"], registry=self.registry)
        if console_url:
            console.labels(console_url).set(1)

    def batch(
        self,
        records: Sequence[ConsumerRecord[bytes, bytes]],
        partitions: Mapping[str, int],
        seconds: Mapping[str, float],
    ) -> None:
        """Count a stored batch. `partitions` is their number per topic, `seconds` the time per stage of STAGES but the
        last, and since the batch began (ELAPSED)."""
        self._batch.observe(len(records))
        for stage in STAGES:
            if stage in seconds:
                self._stages.labels(stage).observe(seconds[stage])
        now = time.time()
        # The broker gives the records of one produce request one timestamp.
        ages = [(now - at / 1000, count) for at, count in Tally([one.timestamp for one in records]).items()]
        self._age.observe(ages)
        if (elapsed := seconds.get(ELAPSED)) is not None:
            self._age_at_start.observe([(age - elapsed, count) for age, count in ages])
        oldest = min(records, key=lambda one: one.timestamp)
        # One record of a batch is decoded a second time, instead of keeping all decoded ones until now.
        if (traceparent := inbound_record_of(oldest).traceparent) is not None and _is_sampled(traceparent):
            self._age.exemplify(now - oldest.timestamp / 1000, traceparent, now)
        for topic, partition, key in {(one.topic, one.partition, one.key) for one in records}:
            # A record without a key is quarantined, and does not show how its sender hashes.
            if key and topic in partitions and partition_of(key, partitions[topic]) != partition:
                self._misplaced.labels(topic).inc()

    def committed(self, seconds: float) -> None:
        """Count a commit of offsets, of one batch or several."""
        self._stages.labels("commit").observe(seconds)

    def handled(self, inbound_records: Sequence[InboundRecord], handled: BatchResult) -> None:
        """Count what a committed batch, or an assessment without new facts, has written."""
        all_by_type = Tally[str]()
        for claimed, count in Tally([one.decoded.type for one in inbound_records]).items():
            all_by_type[_type(claimed)] += count
        known = Tally[str]()
        for type_, count in handled.known.items():
            known[_type(type_)] += count
        refused = Tally(_type(one.refusal.type) for one in (*handled.quarantined, *handled.rejected_again))
        elsewhere = Tally[str]()
        for type_, count in handled.elsewhere.items():
            elsewhere[_type(type_)] += count
        taken = all_by_type - known - refused - elsewhere
        for outcome, tally in (
            ("taken", taken),
            ("known", known),
            ("refused", refused),
            ("elsewhere", elsewhere),
        ):
            for type_, count in tally.items():
                self._events.labels(type_, outcome).inc(count)
        self._facts.inc(handled.facts)
        self._assessed.inc(handled.assessed)
        self._raised.inc(len(handled.stuck))
        for topic, count in Tally(written.output.topic for written in handled.outputs).items():
            self._outputs.labels(topic).inc(count)
        for reason, count in Tally(one.refusal.reason for one in handled.quarantined).items():
            self._quarantined.labels(reason).inc(count)

    def relayed(self, seconds: Mapping[str, float]) -> None:
        """Count a transaction of the relay. `seconds` is the time per stage of RELAY_STAGES."""
        for stage, taken in seconds.items():
            self._relay_stages.labels(stage).observe(taken)

    def fired(self, handled: BatchResult) -> None:
        """Count orders assessed because of deadlines."""
        self._fired.inc(handled.assessed)

    def _show_what_is_zero(self) -> None:
        """Start all series at 0: a rate misses the first event of a series that begins with it."""
        for topic in TOPICS:
            if topic.direction == "in":
                self._misplaced.labels(topic.name)
                for message in topic.messages:
                    self._events.labels(message.TYPE, "taken")
                    self._events.labels(message.TYPE, "known")
            elif topic.direction == "out":
                self._outputs.labels(topic.name)
        for reason in get_args(Reason):
            self._quarantined.labels(reason)
        self._events.labels(UNKNOWN, "refused")
        for stage in STAGES:
            self._stages.labels(stage)
        for stage in RELAY_STAGES:
            self._relay_stages.labels(stage)

    def _counter(self, name: str) -> Counter:
        metric = BY_NAME[name]
        return Counter(PREFIX + name, metric.help, metric.labels, registry=self.registry)

    def _histogram(self, name: str) -> Histogram:
        metric = BY_NAME[name]
        return Histogram(PREFIX + name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)


def _is_sampled(traceparent: str) -> bool:
    """Return whether the sender kept this trace: only then does it lead anywhere."""
    return bool(int(traceparent.split("-")[3], 16) & 1)


def _type(claimed: str | None) -> str:
    """Return the type if the contract has it, else UNKNOWN: a sender must not create labels."""
    return claimed if claimed is not None and class_of(claimed) else UNKNOWN
