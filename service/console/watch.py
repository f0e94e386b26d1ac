"""The state of the service for the pages of operators: the database at once, the broker and the census as they come.

A page waits for the broker and for the census a short while. Both go on in the background, one look at a time for all
visitors, so that neither a silent broker nor a million orders make the page late.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import structlog

from service.operations.alert_looks import Seen
from service.operations.situation import situation_of, waits_of_all
from service.runtime.errors import catch_unexpected, describe
from service.store.errors import StoreError
from service.store.operators.quarantine_groups import groups

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from service.console.broker import Broker
    from service.observability.lag import GroupLag
    from service.operations.situation import Situation, Waits
    from service.store.operators.quarantine_groups import GroupFigures
    from service.store.order_history import Readers
    from service.store.rows import StoreTime

log = structlog.get_logger("service.console")

T = TypeVar("T")

PATIENCE_SECONDS = 2.5
"""So long a page waits for the broker, or for the census."""
LAG_SECONDS = 5.0
"""A look at the broker serves at most so long."""
CENSUS_SECONDS = 60.0
"""And a census at most so long."""
TIMES = 20.0
"""A look serves so many times as long as it took, so that at most a twentieth of the time is spent on looks."""


def warn_of_database(error: StoreError) -> None:
    """Log that a request was answered without the database."""
    log.warning("console_store", message="The database could not be read for a request.", error=describe(error))


class Looking(Generic[T]):
    """A figure that may take longer than a page can wait: looked up in the background, one look at a time."""

    def __init__(self, look: Callable[[], Awaitable[T | None]], serves_seconds: float, patience: float) -> None:
        """`look` returns None where there is no answer now."""
        self._look = look
        self._serves = serves_seconds
        self._patience = patience
        self._task: asyncio.Task[None] | None = None
        self._next_at = float("-inf")
        self.latest: T | None = None
        """The last answer: None also after a look that had none."""

    async def value(self) -> T | None:
        """Return the figure, begun to be looked up if it is old; within `patience` seconds, else the last one."""
        if self._task is None and time.monotonic() >= self._next_at:
            self._task = asyncio.get_running_loop().create_task(self._run())
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._patience)
        return self.latest

    async def _run(self) -> None:
        def report(error: Exception) -> None:
            self.latest = None
            log.warning(
                "console_look_failed",
                message="A figure for the console's pages could not be read.",
                error=describe(error),
            )

        begun = time.monotonic()
        try:
            with catch_unexpected(report):
                self.latest = await self._look()
        finally:
            ended = time.monotonic()
            self._next_at = ended + min(self._serves, TIMES * (ended - begun))
            self._task = None

    async def close(self) -> None:
        """End a look that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class QuarantineSeen(NamedTuple):
    """Open quarantined records in groups, and of when this is the knowledge."""

    groups: Sequence[GroupFigures]
    clock: StoreTime
    is_current: bool
    """Whether the database could be read."""


class Watch:
    """The state of the service now, and when it was read last."""

    def __init__(self, readers: Readers, broker: Broker | None, patience: float = PATIENCE_SECONDS) -> None:
        """Take the pool to read by, and the broker where there is one to ask."""
        self._readers = readers
        self.broker = broker
        self.last: Situation | None = None
        """The database's state at the last reading."""
        self._quarantine: QuarantineSeen | None = None
        self._lag: Looking[GroupLag] = Looking(self._look_at_broker, LAG_SECONDS, patience)
        self._waits: Looking[Waits] = Looking(self._count, CENSUS_SECONDS, patience)

    async def seen(self) -> Seen:
        """Return what is known now. Never raises StoreError: without a database, `situation` is None."""
        situation, lag = await asyncio.gather(self._situation(), self._lag.value())
        waits = await self._waits.value() if situation is not None else self._waits.latest
        return Seen(situation, lag, waits, datetime.now(UTC), self.broker is not None)

    async def quarantine(self) -> QuarantineSeen:
        """Return open quarantined records in groups, or what there was last. Raises StoreError if none was read yet."""
        try:
            async with self._readers.histories() as histories:
                found = await groups(histories.connection)
                clock = await histories.clock()
        except StoreError as error:
            if self._quarantine is None:
                raise
            warn_of_database(error)
            return self._quarantine._replace(is_current=False)
        self._quarantine = QuarantineSeen(found, clock, is_current=True)
        return self._quarantine

    async def close(self) -> None:
        """End looks that are under way."""
        await self._lag.close()
        await self._waits.close()

    async def _situation(self) -> Situation | None:
        try:
            async with self._readers.histories() as histories:
                self.last = found = await situation_of(histories.connection)
        except StoreError as error:
            warn_of_database(error)
            return None
        return found

    async def _look_at_broker(self) -> GroupLag | None:
        return None if self.broker is None else await self.broker.lag()

    async def _count(self) -> Waits | None:
        """Count again. While a worker counts, or without a database, the last count stays, with its time."""
        try:
            async with self._readers.histories() as histories:
                return await waits_of_all(histories.connection) or self._waits.latest
        except StoreError:
            return self._waits.latest
