"""Poll the broker and the database every few seconds, beside the work.

The last result is kept with its age and with the failures since, so that nobody takes an old figure for a present one.
Health and metrics read it and never wait for a poll.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog

from service.observability import database_figures
from service.observability.lag import GroupLag, LagLook
from service.runtime.errors import catch_unexpected, describe
from service.runtime.retry import happens_within
from service.store.migrate import schema_problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from service.kafka.connection import Kafka

log = structlog.get_logger("service.observability")

T = TypeVar("T")

EVERY_SECONDS = 3.0
AFTER_FAILURE_SECONDS = 1.0
SCHEMA_EVERY_SECONDS = 30.0
CENSUS_EVERY_SECONDS = 300.0
LOOK_LIMIT_SECONDS = 20.0
CURRENT_SECONDS = 60.0
"""A result older than this is not exported: another worker may have a newer one."""
CENSUS_CURRENT_SECONDS = 3 * CENSUS_EVERY_SECONDS


@dataclass(slots=True)
class LastLook(Generic[T]):
    """The last successful poll, `at` by the monotonic clock, and the failures since."""

    value: T | None = None
    at: float | None = None
    failures: int = 0
    because: str | None = None

    def worked(self, value: T) -> None:
        """Keep a result."""
        self.value, self.at, self.failures, self.because = value, time.monotonic(), 0, None

    def failed(self, because: str) -> None:
        """Count a failure."""
        self.failures += 1
        self.because = because

    def age(self) -> float | None:
        """Return the seconds since the last success; None if there was none."""
        return None if self.at is None else time.monotonic() - self.at

    def within(self, seconds: float) -> T | None:
        """Return the result if it is not older than that."""
        age = self.age()
        return self.value if age is not None and age <= seconds else None

    @property
    def works(self) -> bool:
        """Whether the last poll succeeded. False before the first poll."""
        return self.at is not None and not self.failures


class Poller:
    """The state of broker and database. `run` polls until `stopping`."""

    def __init__(self, kafka: Kafka, url: str, group: str, topics: Iterable[str], every: float = EVERY_SECONDS) -> None:
        self.broker: LastLook[GroupLag] = LastLook()
        self.database: LastLook[database_figures.Figures] = LastLook()
        self.census: LastLook[Sequence[Mapping[str, Any]]] = LastLook()
        self.census_at: float | None = None
        self.skew: float | None = None
        """The database's clock minus ours, in seconds."""
        self.schema_problem: str | None = None
        """The problem of the tables at the last check; None if there was none."""
        self._hidden: list[str] = []
        self._every = every
        self._kafka = kafka
        self._url = url
        self._group = group
        self._topics = tuple(topics)

    async def run(self, stopping: asyncio.Event) -> None:
        """Poll both independently: one that is away does not delay the other."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again_and_again(self._look_at_broker, self.broker, stopping))
            tasks.create_task(self._again_and_again(self._look_at_database, self.database, stopping))
            tasks.create_task(self._count_again_and_again(stopping))

    async def _again_and_again(
        self, look: Callable[[asyncio.Event], Awaitable[None]], seen: LastLook[Any], stopping: asyncio.Event
    ) -> None:
        """Repeat `look`, which runs until it fails or should stop. An unexpected error is not fatal here."""

        def report(error: Exception) -> None:
            seen.failed(describe(error))
            log.debug("poll_failed", message="Polling a server failed; polling again.", because=seen.because)

        while not stopping.is_set():
            with catch_unexpected(report):
                await look(stopping)
            await happens_within(stopping, AFTER_FAILURE_SECONDS)

    async def _look_at_broker(self, stopping: asyncio.Event) -> None:
        async with LagLook(self._kafka, self._group, self._topics) as looking:
            while not stopping.is_set():
                seen = await looking.look()
                self.broker.worked(seen)
                self._warn_of_missing_rights(seen)
                await happens_within(stopping, self._every)

    def _warn_of_missing_rights(self, seen: GroupLag) -> None:
        """Warn once per set of topics, because the alert about retention can't fire for them."""
        hidden = seen.unseen_retention
        if hidden and hidden != self._hidden:
            log.warning(
                "retention_hidden",
                message="Kafka does not show how long these topics keep messages, so no alert can warn before unread "
                "messages are removed. Grant DESCRIBE_CONFIGS on the topics (deploy/rights.md).",
                topics=hidden,
            )
        self._hidden = hidden

    async def _look_at_database(self, stopping: asyncio.Event) -> None:
        connection = await database_figures.connect(self._url)
        try:
            schema_at = float("-inf")
            while not stopping.is_set():
                # One timeout for all queries, because a frozen database answers none of them.
                async with asyncio.timeout(LOOK_LIMIT_SECONDS):
                    if (now := time.monotonic()) - schema_at >= SCHEMA_EVERY_SECONDS:
                        self.schema_problem = await schema_problem(self._url)
                        schema_at = now
                    if self.schema_problem is None:
                        begun = time.time()
                        figures = await database_figures.figures(connection)
                        self.skew = figures.totals["at"].timestamp() - (begun + time.time()) / 2
                        self.database.worked(figures)
                await happens_within(stopping, self._every)
        finally:
            connection.terminate()

    async def _count_again_and_again(self, stopping: asyncio.Event) -> None:
        """Take the census, beside the polls, because it may take longer than they may."""

        def report(error: Exception) -> None:
            log.warning("census_failed", message="Counting what orders wait for failed.", because=describe(error))

        while not stopping.is_set():
            if not self.database.works:
                await happens_within(stopping, self._every)
                continue
            with catch_unexpected(report):
                await self._count_waits()
            await happens_within(stopping, CENSUS_EVERY_SECONDS)

    async def _count_waits(self) -> None:
        connection = await database_figures.connect(self._url)
        try:
            counted = await database_figures.census(connection)
        finally:
            connection.terminate()
        if counted is not None:
            self.census.worked(counted)
            self.census_at = time.time()
