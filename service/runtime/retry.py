"""The same work again until the database does it.

PostgreSQL away, a deadlock, a lock not had in time: none of these is the batch's fault, and nothing may pass
it by. So it is tried again for ever, ever more slowly, until it is stored or the process is asked to stop.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from service.runtime.errors import TransientError

log = structlog.get_logger("service.inbox")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 10.0

R = TypeVar("R")


def pause_before(attempt: int, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait before that attempt (the first retry is 1): doubling up to ten, half of it by chance.

    By chance, because workers that lost the database at the same moment shall not come back at the same
    moment.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt - 1, 16))
    return longest * (0.5 + draw() / 2)


async def until_stored(
    work: Callable[[], Awaitable[R]],
    stopping: asyncio.Event,
    task: str,
    *,
    told: Callable[[int, str | None], None] = lambda _failures, _because: None,
) -> R | None:
    """What `work` returns, however often it takes; None if `stopping` was set before it worked.

    `task` names the work in the log, such as "store the batch". `told` hears the number of failures so far each time
    and why, and 0 when it worked: readiness and lag build on it. Raises whatever `work` raises besides TransientError.
    """
    failures = 0
    while True:
        try:
            result = await work()
        except TransientError as error:
            failures += 1
            told(failures, str(error))
            pause = pause_before(failures)
            log.warning(
                "database_retry",
                message="Work on the database failed; retrying.",
                task=task,
                because=str(error),
                failures=failures,
                pause_seconds=round(pause, 2),
            )
            if await happens_within(stopping, pause):
                return None
        else:
            if failures:
                log.info(
                    "database_retry_succeeded",
                    message="Work on the database succeeded after failures.",
                    task=task,
                    failures=failures,
                )
            told(0, None)
            return result


async def done_before(stopping: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Whether it was done before `stopping` was set; if not it is given up. Raises whatever it raises.

    A client library waits for its broker as long as that is away, also where nobody needs what it would say any more.
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


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within that time."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
