"""Tasks of a worker that run beside its other parts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from service.runtime.shutdown import Shutdown


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None], name: str, shutdown: Shutdown) -> AsyncIterator[None]:
    """Run a task until the block ends. If the task ends by itself, the process ends."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(shutdown.with_task)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
