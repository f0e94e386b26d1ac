"""The end of the process: its reason, its exit code, and its time limit."""

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
from service.runtime.exit_codes import ExitCode

log = structlog.get_logger("service")

# Less than the 30 s after which Kubernetes kills.
SHUTDOWN_SECONDS = 26.0


@dataclass(slots=True)
class Shutdown:
    """The request to end the process (`requested`), and its reason. `failure` is None if only a signal requested it."""

    requested: asyncio.Event
    failure: Exception | None = None

    def request(self, by: str) -> None:
        """Request that the process ends; `by` is usually a signal's name."""
        if not self.requested.is_set():
            log.info("shutdown_requested", message="The process was requested to stop.", by=by)
        self.requested.set()

    def because_of(self, error: Exception) -> None:
        """End the process because of an error. The first error is the reason, even after a request to stop."""
        if self.failure is None:
            self.failure = error
        self.requested.set()

    def exit_code(self) -> int:
        """Return 0 after a request to stop. Raises the failure if there is one."""
        if self.failure is not None:
            raise self.failure
        return ExitCode.DONE

    def with_task(self, task: "asyncio.Task[None]") -> None:
        """Note that an endless task has ended. An error of it ends the process; a cancellation does not."""
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            self.because_of(error)


@contextmanager
def requested_by_signals(shutdown: Shutdown) -> Iterator[None]:
    """Let SIGTERM and SIGINT request the shutdown while the block runs, in the running event loop. Further signals have
    no effect.
    """
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, shutdown.request, number.name)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run_with_timeout(seconds: float, work: Awaitable[Any], what: str) -> None:
    """Run the work, or give up after that time. Its errors are only logged."""

    def report(error: Exception) -> None:
        log.info(
            "shutdown_step_failed",
            message="A step of the shutdown failed; the shutdown goes on.",
            step=what,
            because=describe(error),
        )

    with catch_unexpected(report):
        async with asyncio.timeout(seconds):
            await work


def force_exit_after(seconds: float, shutdown: Shutdown, exit_code: ExitCode = ExitCode.NOT_DONE) -> None:
    """End the process by force after that time, because a client library may wait for its broker for ever.

    Nothing is lost: what is not stored has no committed offset.
    """

    def log_it() -> None:
        log.error(
            "exit_forced",
            message="The shutdown took too long, so the process is ended by force. Nothing is lost.",
            seconds=seconds,
            exit_code=int(code()),
        )

    def leave() -> None:
        os._exit(code())

    def code() -> ExitCode:
        return exit_code if shutdown.failure is None else ExitCode.FAULT

    # Two timers, so that a blocked log delays only the log line.
    for after, what in ((seconds, log_it), (seconds + 0.5, leave)):
        timer = threading.Timer(after, what)
        timer.daemon = True
        timer.start()
