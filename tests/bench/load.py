"""The outside world of a measurement: one process that writes events and reads outputs, with librdkafka.

It reads `read_committed` and counts only records that it holds: a contender's own figures do not count.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from purchasing_contracts.topics import TOPICS

from tests.bench.events import Record

OUT = {topic.name: topic.partitions for topic in TOPICS if topic.direction == "out"}
IN = {topic.name: topic.partitions for topic in TOPICS if topic.direction == "in"}
TRACED = re.compile(rb'"traceparent":"00-([0-9a-f]{32})')
DECIDED = re.compile(rb'"time":"([^"]+)"')
AT_ONCE = 2_000
POLL_SECONDS = 0.05
TICK_SECONDS = 0.002
RECONNECT = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100}
"""Find a broker again at once, because the time of the service is measured, not the client's."""


class NotDoneError(Exception):
    """A contender did not publish everything in time."""


class Sender:
    """A writer of records that knows the end of each partition afterwards, and when the broker appended each record."""

    def __init__(self, bootstrap: str) -> None:
        self.ends: dict[tuple[str, int], int] = {}
        self.appended: dict[int, int] = {}
        """Milliseconds by trace id."""
        self._failed: list[KafkaError] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "queue.buffering.max.messages": 1_000_000,
                **RECONNECT,
                # The client's messages while the broker starts or ends are of no use.
                "log_level": 2,
            }
        )

    def send(self, records: Sequence[Record], first: int, rate: float | None = None) -> None:
        """Send them at `rate` per second, or as fast as the broker takes them; wait until all are appended."""
        begin = time.perf_counter()
        sent = 0
        while sent < len(records):
            due = len(records) if rate is None else min(len(records), int((time.perf_counter() - begin) * rate) + 1)
            for number in range(sent, due):
                record = records[number]
                self._producer.produce(
                    record.topic, record.value, record.order, on_delivery=self._appended(first + number)
                )
                if number % 500 == 0:
                    self._producer.poll(0)
            sent = due
            self._producer.poll(0 if rate is None else TICK_SECONDS)
        if self._producer.flush(120) or self._failed:
            raise NotDoneError(f"the broker did not take everything: {self._failed[:1]}")

    def _appended(self, number: int) -> Callable[[KafkaError | None, Any], None]:
        def report(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                self._failed.append(error)
                return
            place = (message.topic(), message.partition())
            self.ends[place] = max(self.ends.get(place, 0), message.offset() + 1)
            self.appended[number] = message.timestamp()[1]

        return report


@dataclass
class Arrived:
    """The records that the reader got: how many, when the last one, and when any (seconds); with `traces`, of which
    trace, and when decided, published, read (ms)."""

    count: int = 0
    last_at: float = 0.0
    times: list[float] = field(default_factory=list)
    traces: list[tuple[int, float, int, int]] = field(default_factory=list)


class Reader:
    """A reader of all output topics from their beginning, in a thread of its own."""

    def __init__(self, bootstrap: str, *, traces: bool = False) -> None:
        self.arrived = Arrived()
        self._traces = traces
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 2,
                **RECONNECT,
            }
        )
        self._consumer.assign([TopicPartition(name, n, 0) for name, count in OUT.items() for n in range(count)])
        self._thread = threading.Thread(target=self._read, name="reader")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        arrived = self.arrived
        while not self._stop.is_set():
            # Waiting for many records would add to the latency that is measured here.
            messages = self._consumer.consume(1 if self._traces else AT_ONCE, 0.05)
            good = [message for message in messages if message.error() is None]
            if not good:
                continue
            arrived.last_at = time.time()
            arrived.times.append(arrived.last_at)
            if self._traces:
                at = int(arrived.last_at * 1000)
                for message in good:
                    found, time_ = TRACED.search(message.value()), DECIDED.search(message.value())
                    if found is not None and time_ is not None:
                        decided = datetime.fromisoformat(time_[1].decode()).timestamp() * 1000
                        arrived.traces.append((int(found[1], 16), decided, message.timestamp()[1], at))
            arrived.count += len(good)


class CommittedOffsets:
    """The offsets that a consumer group has committed, as the broker reports them."""

    def __init__(self, bootstrap: str, group: str) -> None:
        settings = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 2}
        self._consumer = Consumer({**settings, **RECONNECT})
        self._partitions = [TopicPartition(name, n) for name, count in IN.items() for n in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def up_to(self, ends: dict[tuple[str, int], int]) -> bool:
        """Whether everything before these offsets is committed."""
        try:
            committed = {(one.topic, one.partition): one.offset for one in self._consumer.committed(self._partitions)}
        except KafkaException:
            return False
        return all(committed[place] >= end for place, end in ends.items())


def wait(seen: Callable[[], bool], what: str, limit: float, alive: Callable[[], bool] = lambda: True) -> None:
    """Wait until that is so. Raises NotDoneError after `limit` seconds, or when the contender has ended."""
    until = time.monotonic() + limit
    while not seen():
        if not alive():
            raise NotDoneError(f"{what}: the contender has ended")
        if time.monotonic() > until:
            raise NotDoneError(f"{what}: not within {limit:.0f} s")
        time.sleep(POLL_SECONDS)
