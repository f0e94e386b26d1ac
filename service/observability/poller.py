"""Looks at the broker and the database every few seconds, beside the work and never in its way, from the start on.

What was seen last is kept with its age and with what went wrong since, so that an outage passes for no good figure.
Health and metrics read it; nothing waits for a look.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog

from service.observability import database_figures
from service.observability.lag import GroupLag, LagLook
from service.runtime.acl_errors import WHERE
from service.runtime.errors import catch_unexpected, describe
from service.store.migrate import schema_problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from service.kafka.clients import Kafka

log = structlog.get_logger("service.observability")

T = TypeVar("T")

EVERY_SECONDS = 3.0
AFTER_FAILURE_SECONDS = 1.0
SCHEMA_EVERY_SECONDS = 30.0
CENSUS_EVERY_SECONDS = 300.0
LOOK_LIMIT_SECONDS = 20.0
CURRENT_SECONDS = 60.0
"""A look older than this says nothing any more: others see better, and an old figure would be taken for theirs."""
CENSUS_CURRENT_SECONDS = 3 * CENSUS_EVERY_SECONDS


@dataclass(slots=True)
class LastLook(Generic[T]):
    """The last look that worked, `at` by the monotonic clock, and how often, and how, it has not worked since."""

    value: T | None = None
    at: float | None = None
    failures: int = 0
    because: str | None = None

    def worked(self, value: T) -> None:
        """A look has worked."""
        self.value, self.at, self.failures, self.because = value, time.monotonic(), 0, None

    def failed(self, because: str) -> None:
        """A look has not worked."""
        self.failures += 1
        self.because = because

    def age(self) -> float | None:
        """Seconds since the last look that worked; None: none has."""
        return None if self.at is None else time.monotonic() - self.at

    def within(self, seconds: float) -> T | None:
        """What was seen, if that is no longer ago."""
        age = self.age()
        return self.value if age is not None and age <= seconds else None

    @property
    def works(self) -> bool:
        """Whether the last look worked. Where nobody has looked yet, none has."""
        return self.at is not None and not self.failures


class Poller:
    """What is seen of the broker and the database. `run` looks until `stopping`."""

    def __init__(self, kafka: Kafka, url: str, group: str, topics: Iterable[str], every: float = EVERY_SECONDS) -> None:
        self.broker: LastLook[GroupLag] = LastLook()
        self.database: LastLook[database_figures.Figures] = LastLook()
        self.census: LastLook[Mapping[str, database_figures.WaitFigures]] = LastLook()
        self.census_at: float | None = None
        self.skew: float | None = None
        """The database's clock less ours, in seconds."""
        self.schema_problem: str | None = None
        """What was wrong with the tables when that was looked at last."""
        self._hidden: list[str] = []
        self._every = every
        self._kafka = kafka
        self._url = url
        self._group = group
        self._topics = tuple(topics)

    async def run(self, stopping: asyncio.Event) -> None:
        """Look at both, each in its own time; one that is away doesn't hold the other up."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again_and_again(self._look_at_broker, self.broker, stopping))
            tasks.create_task(self._again_and_again(self._look_at_database, self.database, stopping))
            tasks.create_task(self._count_again_and_again(stopping))

    async def _again_and_again(
        self, look: Callable[[asyncio.Event], Awaitable[None]], seen: LastLook[Any], stopping: asyncio.Event
    ) -> None:
        """`look` goes on until it fails or is to stop. What nobody foresaw must not end the service: nothing rests on
        it.
        """

        def tell(error: Exception) -> None:
            seen.failed(describe(error))
            log.debug("A look has not worked.", because=seen.because)

        while not stopping.is_set():
            with catch_unexpected(tell):
                await look(stopping)
            await _pause(stopping, AFTER_FAILURE_SECONDS)

    async def _look_at_broker(self, stopping: asyncio.Event) -> None:
        async with LagLook(self._kafka, self._group, self._topics) as looking:
            while not stopping.is_set():
                seen = await looking.look()
                self.broker.worked(seen)
                self._say_what_is_hidden(seen)
                await _pause(stopping, self._every)

    def _say_what_is_hidden(self, seen: GroupLag) -> None:
        """Once, and again when it is other topics: an alert that can't fire must not pass for one that needn't."""
        hidden = seen.unseen_retention
        if hidden and hidden != self._hidden:
            log.warning(
                "Kafka doesn't say how long topics keep messages, so nobody is warned before some are removed unread: "
                f"grant DESCRIBE_CONFIGS on them ({WHERE}).",
                topics=hidden,
            )
        self._hidden = hidden

    async def _look_at_database(self, stopping: asyncio.Event) -> None:
        connection = await database_figures.connect(self._url)
        try:
            schema_at = float("-inf")
            while not stopping.is_set():
                # Around all of it: a database that freezes answers no question, whichever comes next.
                async with asyncio.timeout(LOOK_LIMIT_SECONDS):
                    if (now := time.monotonic()) - schema_at >= SCHEMA_EVERY_SECONDS:
                        self.schema_problem = await schema_problem(self._url)
                        schema_at = now
                    if self.schema_problem is None:
                        begun = time.time()
                        figures = await database_figures.figures(connection)
                        self.skew = figures.at.timestamp() - (begun + time.time()) / 2
                        self.database.worked(figures)
                await _pause(stopping, self._every)
        finally:
            connection.terminate()

    async def _count_again_and_again(self, stopping: asyncio.Event) -> None:
        """The census, beside the looks: it may take longer than a look may be old."""

        def tell(error: Exception) -> None:
            log.warning("Waits could not be counted.", because=describe(error))

        while not stopping.is_set():
            if not self.database.works:
                await _pause(stopping, self._every)
                continue
            with catch_unexpected(tell):
                await self._count_waits()
            await _pause(stopping, CENSUS_EVERY_SECONDS)

    async def _count_waits(self) -> None:
        connection = await database_figures.connect(self._url)
        try:
            counted = await database_figures.census(connection)
        finally:
            connection.terminate()
        if counted is not None:
            self.census.worked(counted)
            self.census_at = time.time()


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
