"""The two measurements: how many events a second, and how long one takes at a given load."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.contenders import Contender, Stages
from tests.bench.events import Record
from tests.bench.ground import usage
from tests.bench.load import CommittedOffsets, Reader, Sender, wait

LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Throughput:
    """One round. `seconds` from the first event sent until all were committed and the last output was read; CPU in
    microseconds an event."""

    events: int
    outputs: int
    seconds: float
    cpu_us: dict[str, float]
    rss_mb: float
    wal_bytes: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "rate": self.rate}


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the broker's time of an event's record to the time of the command's (`to_record`), and until
    a `read_committed` reader had it in hand (`to_reader`). Of the first: until it was decided, by the database's clock
    under the order's lock (`to_decided`: fetched, waited for the batch before, decoded, locked), and from there on
    (`from_decided`: the rules, written, committed, the relay's turn, Kafka's transaction). `stages` are means of the
    service's own account of a batch."""

    rate: float
    outputs: int
    to_record: dict[str, float]
    to_reader: dict[str, float]
    to_decided: dict[str, float]
    from_decided: dict[str, float]
    stages: dict[str, float]

    def plain(self) -> dict[str, Any]:
        return asdict(self)


class Session:
    """A contender with somebody who writes and somebody who reads. Each part of the load is sent and settled."""

    def __init__(self, contender: Contender, *, traces: bool = False) -> None:
        """The contender's tables are there, and whatever is in them is published already."""
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

    def send(self, records: Sequence[Record], rate: float | None = None) -> None:
        """Send them, wait until all are committed and everything they lead to is in the reader's hands."""
        contender, arrived = self._contender, self.reader.arrived
        self.sender.send(records, self._sent + 1, rate)
        self._sent += len(records)
        wait(
            lambda: self._committed.up_to(self.sender.ends),
            f"{contender.name}: {self._sent} events committed",
            LIMIT_SECONDS,
            lambda: contender.alive,
        )
        self._done_at = time.time()
        owed = contender.published(self._sent) - self._before
        wait(
            lambda: arrived.count >= owed,
            f"{contender.name}: {owed} outputs published",
            LIMIT_SECONDS,
            lambda: contender.alive,
        )
        self._done_at = max(self._done_at, arrived.last_at)

    def throughput(self, records: Sequence[Record]) -> Throughput:
        """Send as fast as the broker takes them."""
        ground, arrived = self._contender.ground, self.reader.arrived
        before, outputs, wal = usage(ground, self._contender.pids), arrived.count, self._wal()
        began = time.time()
        self.send(records)
        used = usage(ground, self._contender.pids).since(before)
        return Throughput(
            events=len(records),
            outputs=arrived.count - outputs,
            seconds=self._done_at - began,
            cpu_us={role: seconds / len(records) * 1e6 for role, seconds in used.cpu.items()},
            rss_mb=self._contender.rss / 1e6,
            wal_bytes=(self._wal() - wal) / len(records),
        )

    def latency(self, records: Sequence[Record], rate: float, warm_up: int = 0) -> Latency:
        """Send at this rate; what the first `warm_up` lead to is not counted."""
        first = self._sent + warm_up
        before = self._contender.stages()
        self.send(records, rate)
        stages = context(before, self._contender.stages())
        traces = [one for one in self.reader.arrived.traces if one[0] > first]
        appended = self.sender.appended
        return Latency(
            rate,
            len(traces),
            to_record=percentiles([at - appended[trace] for trace, _, at, _ in traces]),
            to_reader=percentiles([at - appended[trace] for trace, _, _, at in traces]),
            to_decided=percentiles([decided - appended[trace] for trace, decided, _, _ in traces]),
            from_decided=percentiles([at - decided for _, decided, at, _ in traces]),
            stages=stages,
        )

    def _wal(self) -> int:
        return int(self._contender.ground.value("select pg_current_wal_lsn() - '0/0'"))


def context(before: Stages, after: Stages) -> dict[str, float]:
    """Milliseconds a batch by stage, and messages a batch, between two looks."""
    grown = {name: (count - before[name][0], total - before[name][1]) for name, (count, total) in after.items()}
    return {
        name: total / count * (1 if name == "messages" else 1000) for name, (count, total) in grown.items() if count
    }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p99 and max, each a value that occurred; nothing of nothing."""
    ordered = sorted(values)
    if not ordered:
        return {}
    at = {name: ordered[math.ceil(share * len(ordered)) - 1] for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {**at, "max": ordered[-1]}
