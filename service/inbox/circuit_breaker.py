"""A circuit breaker for each topic: where too many of its recent records break the contract, nobody reads it on.

A bad deploy elsewhere must not drain a topic into quarantine: what lies in the topic can be read once the sender is
mended, or we are. The batch that opened the circuit breaker is handled like any other; then the topic's partitions
pause, in every worker, until a person resets it (`breaker reset`). The other topics go on. While it is open, the input
counts as read no further there (store, `PROGRESS`), so deadlines wait, which is safe.

Limits, known and accepted: each worker counts what it reads itself, from its start on; what other workers have in hand
when a circuit breaker opens is handled; a worker notices another's circuit breaker within LOOK_EVERY_SECONDS. Only
records quarantined for the first time count as bad, so a topic that is read again does not open it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.runtime.errors import describe
from service.runtime.retry import happens_within
from service.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from service.orders.batch_result import BatchResult
    from service.orders.inbound_record import InboundRecord
    from service.store.operators.breakers import BreakerTable

log = structlog.get_logger("service.inbox")

LOOK_EVERY_SECONDS = 1.0


class BreakerLimits(NamedTuple):
    """More than `share` of a topic's last `records` records bad, once there were at least so many: it opens."""

    share: float = 0.5
    records: int = 500
    at_least: int = 100


class Window:
    """The last records of one topic, bad or not."""

    def __init__(self, limits: BreakerLimits) -> None:
        self._limits = limits
        self._last: deque[bool] = deque(maxlen=limits.records)
        self.bad = 0

    def __len__(self) -> int:
        """Return how many records it remembers."""
        return len(self._last)

    def take(self, records: Iterable[bool]) -> tuple[int, int] | None:
        """Take records in, True for a bad one. Returns how many of how many were bad when it first was too much."""
        share, size, at_least = self._limits
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
    """This worker's part of the circuit breakers. `changed` is called, without waiting, whenever `open_topics` is
    another set."""

    def __init__(self, table: BreakerTable, limits: BreakerLimits = BreakerLimits()) -> None:  # noqa: B008 - immutable
        self.open_topics: frozenset[str] = frozenset()
        """Topics that are not to be read on."""
        self.changed: Callable[[], None] = lambda: None
        self._table = table
        self._limits = limits
        self._windows: dict[str, Window] = {}
        self._unsaid: dict[str, tuple[int, int]] = {}
        self._hurry = asyncio.Event()

    def count(self, inbound_records: Sequence[InboundRecord], handled: BatchResult) -> None:
        """Count a batch that is stored; where that opens a circuit breaker, its topic is paused before the next
        batch."""
        bad = {(one.record.topic, one.record.partition, one.record.offset) for one in handled.quarantined}
        by_topic: dict[str, list[bool]] = {}
        for one in inbound_records:
            by_topic.setdefault(one.topic, []).append((one.topic, one.partition, one.offset) in bad)
        for topic, records in by_topic.items():
            window = self._windows.setdefault(topic, Window(self._limits))
            tripped = window.take(records)
            if tripped is not None and topic not in self.open_topics:
                self._open(topic, *tripped)

    async def look(self) -> None:
        """Keep what opened here, and learn what others opened and what was reset. Raises StoreUnavailableError."""
        self._hurry.clear()
        for topic, counted in list(self._unsaid.items()):
            await self._table.open(topic, *counted)
            del self._unsaid[topic]
        kept = frozenset(one.topic for one in await self._table.list_open())
        # What opened while we asked is not kept yet.
        open_topics = kept.union(self._unsaid)
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
        """Look until `stopping`; a database that is away is asked again."""
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
                await happens_within(self._hurry, every)

    def _open(self, topic: str, bad: int, records: int) -> None:
        log.error(
            "breaker_opened",
            message="Too many of the topic's records break the contract, so its circuit breaker opened and the topic "
            "is not read. Look at `quarantine list`, have the cause mended, then run `breaker reset`.",
            topic=topic,
            bad=bad,
            records=records,
        )
        self._unsaid[topic] = (bad, records)
        self._hurry.set()
        self._set(self.open_topics | {topic})

    def _set(self, open_topics: frozenset[str]) -> None:
        if open_topics != self.open_topics:
            self.open_topics = open_topics
            self.changed()
