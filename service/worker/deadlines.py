"""Deadlines: orders whose time has come are looked at again.

Nothing here decides. An order's next deadline stands in its row (`due_at`); whoever finds it past, as far as the input
was read, claims the row and puts the order through the same batch transaction with no new fact. What fired is in the
order's outputs, so it fires once, whoever fires it.
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
"""How late a deadline may be noticed; they are days."""


async def watch_deadlines(
    fire: Callable[[], Awaitable[BatchResult | None]], stopping: asyncio.Event, every: float = LOOK_EVERY_SECONDS
) -> None:
    """Fire what is due until `stopping`; a full round is followed by the next at once.

    `fire` fires at most so many at once and waits by itself for a database that is away; it returns None when asked to
    stop meanwhile.
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
