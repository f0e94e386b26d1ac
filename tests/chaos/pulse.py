"""The time without output: the instants at which outputs reached a consumer with another client library."""

import asyncio
import threading
import time
import uuid
from bisect import bisect_left
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from purchasing_contracts.topics import TOPICS

POLL_SECONDS = 0.2
AT_ONCE = 500


class Silence(NamedTuple):
    """The longest time without any output, in seconds, and the longest on any one lane."""

    everywhere: float
    lane: float


class Pulse:
    """`async with Pulse(bootstrap, lanes) as pulse`. Reads committed records from now on."""

    def __init__(self, bootstrap: str, lanes: int) -> None:
        self._bootstrap = bootstrap
        self._beats: list[float] = []
        self._by_lane: dict[int, list[float]] = {lane: [] for lane in range(lanes)}
        self._ending = threading.Event()
        self._reading = threading.Thread(target=self._read, name="pulse", daemon=True)

    async def __aenter__(self) -> "Pulse":
        self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        await asyncio.to_thread(self._reading.join)

    def silence(self, begun: float, until: float) -> Silence:
        """The silence between two instants of the monotonic clock."""
        return Silence(
            longest_gap(self._beats, begun, until),
            max((longest_gap(beats, begun, until) for beats in self._by_lane.values()), default=0.0),
        )

    def _begin(self) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": f"pulse-{uuid.uuid4().hex}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
                "reconnect.backoff.max.ms": 500,
                "topic.metadata.refresh.interval.ms": 2_000,
                "socket.timeout.ms": 5_000,
                "log_level": 0,
            }
        )
        self._consumer.assign(
            [
                TopicPartition(topic.name, partition, OFFSET_END)
                for topic in TOPICS
                if topic.direction == "out"
                for partition in range(topic.partitions)
            ]
        )
        self._reading.start()

    def _read(self) -> None:
        try:
            while not self._ending.is_set():
                messages = self._consumer.consume(AT_ONCE, POLL_SECONDS)
                now = time.monotonic()
                for message in messages:
                    if message.error() is None:
                        self._beats.append(now)
                        headers = dict(message.headers() or ())
                        with suppress(KeyError):
                            self._by_lane[int(headers.get("lane") or b"-1")].append(now)
        finally:
            self._consumer.close()


def longest_gap(ascending: list[float], begun: float, until: float) -> float:
    """The longest time between two of these instants, in which both ends of the period count as instants."""
    within = ascending[bisect_left(ascending, begun) : bisect_left(ascending, until)]
    instants = [begun, *within, until]
    return max(later - earlier for earlier, later in pairwise(instants))
