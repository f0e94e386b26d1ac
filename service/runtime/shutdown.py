"""How the process ends: for which reason, with which exit code, and in bounded time whatever hangs."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from service.runtime.errors import catch_unexpected, describe

log = structlog.get_logger("service")

WELL, STOPPED, FAILED = 0, 1, 70
"""Exit codes: as asked; a person has to do something, and was told; nobody foresaw it."""

# Less than the 30 s after which Kubernetes kills.
SHUTDOWN_SECONDS = 26.0


@dataclass(slots=True)
class Shutdown:
    """When the process ends (`asked` is set) and why: `failure` is None where somebody asked for it."""

    asked: asyncio.Event
    failure: Exception | None = None

    def ask(self, who: str) -> None:
        """Somebody asks for the end, a signal usually."""
        if not self.asked.is_set():
            log.info("Asked to stop.", by=who)
        self.asked.set()

    def because_of(self, error: Exception) -> None:
        """Something went wrong. The first such thing is the reason, also of an end that was asked for."""
        if self.failure is None:
            self.failure = error
        self.asked.set()

    def exit_code(self) -> int:
        """0 where somebody asked for the end. Raises the failure where it was one."""
        if self.failure is not None:
            raise self.failure
        return WELL

    def with_task(self, task: "asyncio.Task[None]") -> None:
        """A task that goes on for ever has ended: by an error, or because it was cancelled in the course of
        the end.
        """
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            self.because_of(error)


@contextmanager
def asked_by_signals(shutdown: Shutdown) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask for the end while the block runs, in the running event loop. A second one adds
    nothing.
    """
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, shutdown.ask, number.name)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run_with_timeout(seconds: float, work: Awaitable[Any], what: str) -> None:
    """Do it, or give it up after so many seconds. What goes wrong with it doesn't matter any more."""

    def tell(error: Exception) -> None:
        log.info("Not done while shutting down.", what=what, because=describe(error))

    with catch_unexpected(tell):
        async with asyncio.timeout(seconds):
            await work


def force_exit_after(seconds: float, shutdown: Shutdown, exit_code: int = STOPPED) -> None:
    """End the process after so many seconds if it still is there: a client library may wait for its broker
    for ever.

    Everything is stored or its offset was never committed, so nothing is lost by it.
    """

    def say() -> None:
        log.error("Still not gone, and ended by force. Nothing is lost by it.", seconds=seconds, exit_code=code())

    def leave() -> None:
        os._exit(code())

    def code() -> int:
        return exit_code if shutdown.failure is None else FAILED

    # Two, so that a log that nobody takes holds up the saying only.
    for after, what in ((seconds, say), (seconds + 0.5, leave)):
        timer = threading.Timer(after, what)
        timer.daemon = True
        timer.start()
