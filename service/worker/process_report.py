"""What a worker process tells its supervisor, over its standard input and output.

| way | what |
|---|---|
| stdout | reports, a line of JSON each: its health every second, its metrics when asked, at last why it ended |
| stdin | a byte asks for the metrics; the end of the stream means that the supervisor is gone |

So a process ends with its supervisor whatever ends that, SIGKILL included: the pipe closes. Logs go to stderr as ever.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from service.runtime.shutdown import SHUTDOWN_SECONDS, Shutdown, force_exit_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.observability.http import HealthReporter, Pages

STDIN, STDOUT = 0, 1
EVERY_SECONDS = 1.0
UNREAD_BYTES_MAX = 1_000_000
"""So much that the supervisor has not read, and reports are left out: a frozen supervisor must cost no memory."""


@asynccontextmanager
async def reporting(pages: Pages, health: HealthReporter, shutdown: Shutdown) -> AsyncIterator[None]:
    """Tell the supervisor while the block runs, and ask for the end when it is gone."""
    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(os.dup(STDOUT), "wb", buffering=0))

    def tell(**report: Any) -> None:
        if not pipe.is_closing() and pipe.get_write_buffer_size() < UNREAD_BYTES_MAX:
            pipe.write(_line(report))

    def tell_metrics() -> None:
        tell(metrics=pages.rendered().decode())

    async def tell_health() -> None:
        while True:
            tell(starting=health.starting(), missing=health.missing())
            await asyncio.sleep(EVERY_SECONDS)

    threading.Thread(target=_listen, args=(loop, tell_metrics, shutdown), name="supervisor", daemon=True).start()
    telling = asyncio.create_task(tell_health(), name="report")
    telling.add_done_callback(shutdown.with_task)
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.wait([telling])
        pipe.close()


def tell_reason(sentence: str) -> None:
    """Tell the supervisor why this process ends, once nothing else is told any more."""
    os.set_blocking(STDOUT, True)
    with suppress(BrokenPipeError):
        # What was being written when the pipe closed may have no end yet.
        os.write(STDOUT, b"\n" + _line({"reason": sentence}))


def _line(report: dict[str, Any]) -> bytes:
    return json.dumps(report).encode() + b"\n"


def _listen(loop: asyncio.AbstractEventLoop, tell_metrics: Any, shutdown: Shutdown) -> None:
    """Wait for questions, in a thread of its own: also a process whose event loop hangs ends with its supervisor."""
    # The event loop is closed where the process is at its end.
    with suppress(RuntimeError):
        while os.read(STDIN, 1):
            loop.call_soon_threadsafe(tell_metrics)
        loop.call_soon_threadsafe(shutdown.ask, "the end of its supervisor")
    force_exit_after(SHUTDOWN_SECONDS, shutdown)
