"""Reports of a worker process to its supervisor, over its standard input and output.

| stream | content |
|---|---|
| stdout | reports, a line of JSON each: its health every second, its metrics on request, at the end the reason for it |
| stdin | a byte requests the metrics; the end of the stream means that the supervisor has ended |

So a process ends with its supervisor, even if SIGKILL ends the supervisor, because the pipe closes. Logs go to stderr.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from service.runtime.shutdown import SHUTDOWN_SECONDS, Shutdown, force_exit_after
from service.worker.background import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.observability.http import HealthReporter, Pages

STDIN, STDOUT = 0, 1
EVERY_SECONDS = 1.0
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
"""The form of a process's metrics: it keeps exemplars."""
UNREAD_BYTES_MAX = 1_000_000
"""If the supervisor has not read this much, reports are dropped: a frozen supervisor must cost no memory."""


@asynccontextmanager
async def reporting(pages: Pages, health: HealthReporter, shutdown: Shutdown) -> AsyncIterator[None]:
    """Report to the supervisor while the block runs; request a shutdown when the supervisor has ended."""
    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(os.dup(STDOUT), "wb", buffering=0))

    def write(**report: Any) -> None:
        if not pipe.is_closing() and pipe.get_write_buffer_size() < UNREAD_BYTES_MAX:
            pipe.write(_line(report))

    def write_metrics() -> None:
        write(metrics=pages.rendered(OPEN_METRICS)[0].decode())

    async def write_health() -> None:
        while True:
            write(starting=health.starting(), missing=health.missing())
            await asyncio.sleep(EVERY_SECONDS)

    threading.Thread(target=_listen, args=(loop, write_metrics, shutdown), name="supervisor", daemon=True).start()
    try:
        async with running(write_health(), "report", shutdown):
            yield
    finally:
        pipe.close()


def report_reason(sentence: str) -> None:
    """Report why this process ends; call it after the last other report."""
    os.set_blocking(STDOUT, True)
    with suppress(BrokenPipeError):
        # What was being written when the pipe closed may have no end yet.
        os.write(STDOUT, b"\n" + _line({"reason": sentence}))


def _line(report: dict[str, Any]) -> bytes:
    return json.dumps(report).encode() + b"\n"


def _listen(loop: asyncio.AbstractEventLoop, write_metrics: Any, shutdown: Shutdown) -> None:
    """Wait for requests in a thread, so that a process with a hanging event loop also ends with its supervisor."""
    # The event loop may be closed already when the process ends.
    with suppress(RuntimeError):
        while os.read(STDIN, 1):
            loop.call_soon_threadsafe(write_metrics)
        loop.call_soon_threadsafe(shutdown.request, "the end of its supervisor")
    force_exit_after(SHUTDOWN_SECONDS, shutdown)
