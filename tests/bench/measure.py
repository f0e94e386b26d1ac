"""The two measurements: events per second, and the latency of an event at a given load."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from tests.bench.contenders import Contender
from tests.bench.disturbance import Disturbance, Usage
from tests.bench.events import Record
from tests.bench.ground import usage
from tests.bench.histograms import Histogram, grown
from tests.bench.load import CommittedOffsets, Reader, Sender, wait

LIMIT_SECONDS = 120.0

STAGES = {
    "event_age_at_start_seconds": "until its batch begins: the broker gathers, and the batch before",
    "batch_stage_seconds.decode": "batch: decoded",
    "batch_stage_seconds.store": "batch: read, decided, written, committed in the database",
    "relay_stage_seconds.read": "relay: rows read",
    "relay_stage_seconds.publish": "relay: published, one Kafka transaction",
}
"""The stages that an event passes one after the other, by the service's histogram."""
WAITED = "in between: waiting for the relay's turn, and the reader"
BESIDE = {"batch_stage_seconds.commit": "beside the next batch: offsets committed in Kafka"}


@dataclass(frozen=True)
class Throughput:
    """The throughput of one round. `seconds` from the first event sent until all were committed and the last output
    was read; processor time in microseconds per event."""

    events: int
    outputs: int
    seconds: float
    cpu_us: dict[str, float]
    rss_mb: float
    wal_bytes: float
    disturbance: Disturbance

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    def plain(self) -> dict[str, Any]:
        return {**self.__dict__, "rate": self.rate, "disturbance": self.disturbance.plain()}


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the broker's time of an event's record to the time of the command's (`to_record`), and until
    a `read_committed` reader had it in hand (`to_reader`). Of the first: until it was decided, by the database's clock
    under the order's lock (`to_decided`: fetched, waited for the batch before, decoded, locked), and from there on
    (`from_decided`: the rules, written, committed, the relay's turn, Kafka's transaction). `mean` is that of
    `to_reader`, and `stages` where it went by the service's own histograms."""

    rate: float
    outputs: int
    to_record: dict[str, float]
    to_reader: dict[str, float]
    to_decided: dict[str, float]
    from_decided: dict[str, float]
    mean: float
    batch: float
    """Messages per batch, mean."""
    stages: list[dict[str, Any]]
    disturbance: Disturbance

    def plain(self) -> dict[str, Any]:
        return {**self.__dict__, "disturbance": self.disturbance.plain()}


class Session:
    """A contender with a writer and a reader. Each part of the load is sent and settled."""

    def __init__(self, contender: Contender, *, traces: bool = False) -> None:
        """Prepare the contender's tables; whatever is in them counts as published."""
        self._contender = contender
        self.sender = Sender(contender.ground.bootstrap)
        self.reader = Reader(contender.ground.bootstrap, traces=traces)
        self._committed = CommittedOffsets(contender.ground.bootstrap, contender.group)
        self._sent = 0
        self._done_at = 0.0
        self._before = contender.published(0)

    def __enter__(self) -> "Session":
        self.reader.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.reader.__exit__()
        self._committed.__exit__()

    def until_joined(self) -> None:
        """Wait until every member of the contender's group is there: with fewer it would be another contender."""
        contender = self._contender
        self._wait(lambda: contender.joined, f"{contender.members} members in the consumer group")

    def send(self, records: Sequence[Record], rate: float | None = None) -> None:
        """Send them, wait until all are committed and all outputs were read."""
        contender, arrived = self._contender, self.reader.arrived
        self.sender.send(records, self._sent + 1, rate)
        self._sent += len(records)
        self._wait(lambda: self._committed.up_to(self.sender.ends), f"{self._sent} events committed")
        self._done_at = time.time()
        owed = contender.published(self._sent) - self._before
        self._wait(lambda: arrived.count >= owed, f"{owed} outputs published")
        self._done_at = max(self._done_at, arrived.last_at)

    def throughput(self, records: Sequence[Record]) -> Throughput:
        """Send as fast as the broker takes them."""
        arrived = self.reader.arrived
        before, outputs, wal = self._usage(), arrived.count, self._wal()
        began = time.time()
        self.send(records)
        used = self._usage().since(before)
        return Throughput(
            events=len(records),
            outputs=arrived.count - outputs,
            seconds=self._done_at - began,
            cpu_us={role: seconds / len(records) * 1e6 for role, seconds in used.cpu.items()},
            rss_mb=self._contender.rss / 1e6,
            wal_bytes=(self._wal() - wal) / len(records),
            disturbance=used.disturbance,
        )

    def latency(self, records: Sequence[Record], rate: float, warm_up: int = 0) -> Latency:
        """Send at this rate; outputs of the first `warm_up` events do not count."""
        if warm_up:
            self.send(records[:warm_up], rate)
        first = self._sent
        before, usage_before = self._contender.histograms(), self._usage()
        self.send(records[warm_up:], rate)
        used = self._usage().since(usage_before)
        found = grown(before, self._contender.histograms())
        traces = [one for one in self.reader.arrived.traces if one[0] > first]
        appended = self.sender.appended
        to_reader = [at - appended[trace] for trace, _, _, at in traces]
        mean = fmean(to_reader) if to_reader else 0.0
        return Latency(
            rate,
            len(traces),
            to_record=percentiles([at - appended[trace] for trace, _, at, _ in traces]),
            to_reader=percentiles(to_reader),
            to_decided=percentiles([decided - appended[trace] for trace, decided, _, _ in traces]),
            from_decided=percentiles([at - decided for _, decided, at, _ in traces]),
            mean=mean,
            batch=found["batch_messages"].mean if "batch_messages" in found else 0.0,
            stages=stages(found, mean),
            disturbance=used.disturbance,
        )

    def everything_arrived(self, sent: int) -> bool:
        """Whether all of so many events are committed, and all their outputs were read."""
        if not self._committed.up_to(self.sender.ends):
            return False
        return self.reader.arrived.count >= self._contender.published(sent) - self._before

    def _usage(self) -> Usage:
        return usage(self._contender.ground, self._contender.started)

    def _wait(self, seen: Callable[[], bool], what: str) -> None:
        contender = self._contender
        wait(seen, f"{contender.name}: {what}", LIMIT_SECONDS, lambda: contender.alive)

    def _wal(self) -> int:
        return int(self._contender.ground.value("select pg_current_wal_lsn() - '0/0'"))


def stages(found: Mapping[str, Histogram], mean: float) -> list[dict[str, Any]]:
    """The time of an event by stage: mean and p99 in milliseconds of each, and the rest of `mean`, the mean time from
    its record until its output is read. Means of a batch or a transaction, large and small alike."""

    def row(name: str, what: str) -> dict[str, Any]:
        return {"stage": what, "mean": found[name].mean * 1000, "p99": found[name].quantile(0.99) * 1000}

    one_by_one = [row(name, what) for name, what in STAGES.items() if name in found]
    if not one_by_one:
        return []
    rest = mean - sum(one["mean"] for one in one_by_one)
    beside = [row(name, what) for name, what in BESIDE.items() if name in found]
    return [*one_by_one, {"stage": WAITED, "mean": rest, "p99": None}, *beside]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p99 and max, each a value that occurred; empty without values."""
    ordered = sorted(values)
    if not ordered:
        return {}
    at = {name: ordered[math.ceil(share * len(ordered)) - 1] for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {**at, "max": ordered[-1]}
