"""The one way to try again: attempts with pauses between them, until one succeeds or the process is asked to stop.

| what | is for |
|---|---|
| `Backoff` | the numbers of a retry, named where it is made |
| `attempts` | a loop over attempts, with the pause before each but the first |
| `until_stored` | work on the database: tried again for ever, as no batch may be passed by |
| `happens_within` | a pause that an event ends |
| `done_before` | work that is given up when the process is asked to stop |
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, Self, TypeVar

import structlog

from service.runtime.errors import TransientError

log = structlog.get_logger("service.inbox")

DOUBLINGS_MAX = 16

R = TypeVar("R")


class Backoff(NamedTuple):
    """The pause after a failure: doubling from the first pause to the longest, half of it random.

    By chance, because workers that lost a server at the same moment shall not come back at the same moment.
    """

    first_seconds: float
    longest_seconds: float

    def pause(self, failures: int, draw: Callable[[], float] = random.random) -> float:
        """Return the seconds to wait after so many failures in a row (1 or more)."""
        longest = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, DOUBLINGS_MAX))
        return longest * (0.5 + draw() / 2)


DATABASE = Backoff(first_seconds=0.05, longest_seconds=10.0)
"""PostgreSQL away, a deadlock, a lock not had in time: most are over in a moment."""

SERVERS = Backoff(first_seconds=0.8, longest_seconds=10.0)
"""The attempts at a start: Kafka, PostgreSQL, an empty group."""


class Attempts:
    """The attempts of a loop over `attempts`; inside the loop, the current attempt."""

    def __init__(self, stopping: asyncio.Event | None, backoff: Backoff, *, at_least_one: bool) -> None:
        self._stopping = stopping or asyncio.Event()
        self._backoff = backoff
        self._at_least_one = at_least_one
        self.number = 0
        """The attempt at hand; where it fails, how many have failed in a row."""
        self.pause = 0.0
        """Seconds until the next attempt, should this one fail."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Self:
        if self.number:
            if await happens_within(self._stopping, self.pause):
                raise StopAsyncIteration
        elif self._stopping.is_set() and not self._at_least_one:
            raise StopAsyncIteration
        self._count(self.number + 1)
        return self

    def begin_again(self) -> None:
        """Count from one again: what fails now went well for a while."""
        self._count(1)

    def _count(self, number: int) -> None:
        self.number = number
        self.pause = self._backoff.pause(number)


def attempts(stopping: asyncio.Event | None, backoff: Backoff, *, at_least_one: bool = False) -> Attempts:
    """Return attempts to loop over with `async for`; leave the loop where one succeeds.

    They end when `stopping` is set, during a pause or before the first (unless `at_least_one`); without it, never.
    """
    return Attempts(stopping, backoff, at_least_one=at_least_one)


async def until_stored(
    work: Callable[[], Awaitable[R]],
    stopping: asyncio.Event,
    task: str,
    *,
    on_failures: Callable[[int, str | None], None] = lambda _failures, _because: None,
) -> R | None:
    """Repeat `work` until it is stored and return its result; None if `stopping` was set before.

    `task` names the work in the log, such as "store the batch". `on_failures` is called after each attempt, with the
    number of failures so far and why, and with 0 on success; readiness and lag use it. Raises whatever `work` raises
    besides TransientError.
    """
    async for attempt in attempts(stopping, DATABASE, at_least_one=True):
        try:
            result = await work()
        except TransientError as error:
            on_failures(attempt.number, str(error))
            log.warning(
                "database_retry",
                message="Work on the database failed; retrying.",
                task=task,
                because=str(error),
                failures=attempt.number,
                pause_seconds=round(attempt.pause, 2),
            )
        else:
            if attempt.number > 1:
                log.info(
                    "database_retry_succeeded",
                    message="Work on the database succeeded after failures.",
                    task=task,
                    failures=attempt.number - 1,
                )
            on_failures(0, None)
            return result
    return None


async def done_before(stopping: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Return whether the work was done before `stopping` was set; if not, cancel it. Raises what the work raises.

    A client library waits for its broker as long as the broker is away, even if the answer is not needed any more.
    """
    doing = asyncio.create_task(work)
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([doing, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        done = doing.done()
        doing.cancel()
        stopped.cancel()
        await asyncio.wait([doing, stopped])
    if done:
        await doing
    elif not doing.cancelled():
        # What went wrong while it was given up matters to nobody; unless it is looked at, Python complains.
        doing.exception()
    return done


async def happens_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Return whether the event is set within that time; None: wait without a limit."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
