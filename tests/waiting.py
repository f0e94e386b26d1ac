"""Waits of tests: for a condition, never for a time. A limit only ends a run that would hang.

A test that waits longer than it should is slow, not wrong: what is too slow is seen where the time goes, by
`--durations`. So there is one limit for every wait, longer than anything takes on a machine that does much else beside.
"""

import asyncio
from collections.abc import Awaitable, Callable

HANG_SECONDS = 120.0
"""Less than pytest's own limit for a test: of a wait that never ends the test says what it waited for."""
POLL_SECONDS, LONGEST_POLL_SECONDS = 0.02, 0.1
"""Looks get rarer in the first second of a wait: many ask a broker, a database or a worker, and all of them share the
processor with what is waited for."""
SLOWER = 1.1


async def eventually(
    seen: Callable[[], object | Awaitable[object]],
    what: str,
    state: Callable[[], str] = lambda: "",
    limit: float = HANG_SECONDS,
) -> None:
    """Wait until `seen()`, or what it awaits, is true. Raises AssertionError with `what` and `state()` after `limit`
    seconds.
    """
    pause = POLL_SECONDS
    try:
        async with asyncio.timeout(limit):
            while True:
                answer = seen()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
                await asyncio.sleep(pause)
                pause = min(pause * SLOWER, LONGEST_POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {limit:g} s: {what}\n{state()}") from None
