"""Circuit breakers: one per topic. If too many of a topic's recent records break the contract, no worker reads it on.

Without it, a bad deploy at a sender would move a whole topic into quarantine. With it, the records stay in the topic
and can be read once the sender or this service is repaired. The batch that opens the breaker is handled like any other.
Then every worker pauses the topic's partitions until a person resets the breaker (`breaker reset`). Other topics go on.
While a breaker is open, the topic's watermark stands still (store, `PROGRESS`), so deadlines wait, which is safe.

Accepted limits: each worker counts only the records it has read itself since its start. When a breaker opens, other
workers still handle their current batch. A worker notices another worker's breaker within LOOK_EVERY_SECONDS. Only
records quarantined for the first time count as bad, so reading a topic again does not open its breaker.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.runtime.errors import describe
from service.runtime.retry import happens_within
from service.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from service.orders.batch_result import BatchResult
    from service.orders.inbound_record import InboundRecord
    from service.store.operators.breakers import BreakerTable

log = structlog.get_logger("service.inbox")

LOOK_EVERY_SECONDS = 1.0


class BreakerLimits(NamedTuple):
    """A breaker opens if more than `share` of a topic's last `records` records are bad, once at least `at_least` were
    read."""

    share: float = 0.5
    records: int = 500
    at_least: int = 100


class Window:
    """The last records of one topic, each bad or not."""

    def __init__(self, limits: BreakerLimits) -> None:
        self._limits = limits
        self._last: deque[bool] = deque(maxlen=limits.records)
        self.bad = 0

    def __len__(self) -> int:
        """Return the number of records in the window."""
        return len(self._last)

    def take(self, records: Collection[bool]) -> tuple[int, int] | None:
        """Add records, True for a bad one. Return (bad, read) at the first record that exceeds the limit, else None."""
        share, size, at_least = self._limits
        if self.bad == 0 and not any(records):
            self._last.extend(records)
            return None
        tripped = None
        for bad in records:
            if len(self._last) == size:
                self.bad -= self._last[0]
            self._last.append(bad)
            self.bad += bad
            seen = len(self._last)
            if tripped is None and seen >= min(at_least, size) and self.bad > share * seen:
                tripped = (self.bad, seen)
        return tripped


class CircuitBreakers:
    """This worker's view of the circuit breakers. Calls `changed`, which must not block, when `open_topics` changes."""

    def __init__(self, table: BreakerTable, limits: BreakerLimits = BreakerLimits()) -> None:  # noqa: B008 - immutable
        self.open_topics: frozenset[str] = frozenset()
        """Topics that must not be read."""
        self.changed: Callable[[], None] = lambda: None
        self._table = table
        self._limits = limits
        self._windows: dict[str, Window] = {}
        self._unstored: dict[str, tuple[int, int]] = {}
        self._look_now = asyncio.Event()

    def count(self, inbound_records: Sequence[InboundRecord], handled: BatchResult) -> None:
        """Count a stored batch. If that opens a circuit breaker, its topic is paused before the next batch."""
        bad = {(one.record.topic, one.record.partition, one.record.offset) for one in handled.quarantined}
        by_topic: dict[str, list[bool]] = defaultdict(list)
        for one in inbound_records:
            by_topic[one.topic].append(bool(bad) and (one.topic, one.partition, one.offset) in bad)
        for topic, records in by_topic.items():
            window = self._windows.setdefault(topic, Window(self._limits))
            tripped = window.take(records)
            if tripped is not None and topic not in self.open_topics:
                self._open(topic, *tripped)

    async def look(self) -> None:
        """Store the breakers that opened here, and read which ones others opened or reset. Raises
        StoreUnavailableError."""
        self._look_now.clear()
        for topic, counted in list(self._unstored.items()):
            await self._table.open(topic, *counted)
            del self._unstored[topic]
        kept = frozenset(one.topic for one in await self._table.list_open())
        # A breaker may have opened during the query, and is not stored yet.
        open_topics = kept.union(self._unstored)
        for topic in self.open_topics - open_topics:
            self._windows.pop(topic, None)
            log.warning("breaker_reset", message="The circuit breaker was reset; reading the topic again.", topic=topic)
        for topic in open_topics - self.open_topics:
            log.error(
                "breaker_is_open",
                message="The topic's circuit breaker is open, so the topic is not read until somebody resets it.",
                topic=topic,
            )
        self._set(open_topics)

    async def run(self, stopping: asyncio.Event, every: float = LOOK_EVERY_SECONDS) -> None:
        """Call `look` until `stopping`; retry while the database is unavailable."""
        while not stopping.is_set():
            try:
                await self.look()
            except StoreUnavailableError as error:
                log.debug(
                    "breakers_not_read",
                    message="Reading the circuit breakers failed; retrying.",
                    because=describe(error),
                )
                await happens_within(stopping, every)
            else:
                await happens_within(self._look_now, every)

    def _open(self, topic: str, bad: int, records: int) -> None:
        log.error(
            "breaker_opened",
            message="Too many of the topic's records break the contract, so its circuit breaker opened and the topic "
            "is not read. Look at `quarantine list`, have the cause mended, then run `breaker reset`.",
            topic=topic,
            bad=bad,
            records=records,
        )
        self._unstored[topic] = (bad, records)
        self._look_now.set()
        self._set(self.open_topics | {topic})

    def _set(self, open_topics: frozenset[str]) -> None:
        if open_topics != self.open_topics:
            self.open_topics = open_topics
            self.changed()
