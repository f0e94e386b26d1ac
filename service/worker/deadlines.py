"""Find orders whose deadline has passed, and have them assessed again.

Nothing here decides. An order's row has its next deadline (`due_at`). A worker that finds it passed, by the watermark,
claims the row and puts the order through the usual batch transaction without a new fact. What fired is in the order's
outputs, so it fires once, whichever worker claims it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from service.runtime.retry import happens_within

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from service.orders.batch_result import BatchResult

log = structlog.get_logger("service.worker.deadlines")

LOOK_EVERY_SECONDS = 1.0
"""The longest delay until a deadline is noticed. Periods are days."""


async def watch_deadlines(
    fire: Callable[[], Awaitable[BatchResult | None]], stopping: asyncio.Event, every: float = LOOK_EVERY_SECONDS
) -> None:
    """Fire due orders until `stopping`. After a round with outputs, the next follows at once.

    `fire` takes a limited number of orders and waits for a database that is away. It returns None if asked to stop.
    """
    while not stopping.is_set():
        handled = await fire()
        if handled is not None and handled.assessed:
            log.info(
                "deadlines_passed",
                message="Deadlines passed, and their orders were assessed.",
                orders=handled.assessed,
                outputs=len(handled.outputs),
            )
            if handled.outputs:
                continue
        await happens_within(stopping, every)
