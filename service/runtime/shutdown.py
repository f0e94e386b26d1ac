"""How the process ends: for which reason, with which exit code, and in bounded time whatever hangs."""

import asyncio
import os
import threading
from collections.abc import Awaitable
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
    """When the process ends (`asked` is set) and why: `failure` is None where somebody asked for it."""

    asked: asyncio.Event
    failure: Exception | None = None

    def ask(self, who: str) -> None:
        """Somebody asks for the end, a signal usually."""
        if not self.asked.is_set():
            log.info("shutdown_requested", message="The process was asked to stop.", by=who)
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
        return ExitCode.DONE

    def with_task(self, task: "asyncio.Task[None]") -> None:
        """A task that goes on for ever has ended: by an error, or because it was cancelled in the course of
        the end.
        """
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            self.because_of(error)


async def run_with_timeout(seconds: float, work: Awaitable[Any], what: str) -> None:
    """Do it, or give it up after so many seconds. What goes wrong with it doesn't matter any more."""

    def tell(error: Exception) -> None:
        log.info(
            "shutdown_step_failed",
            message="A step of the shutdown failed; the shutdown goes on.",
            step=what,
            because=describe(error),
        )

    with catch_unexpected(tell):
        async with asyncio.timeout(seconds):
            await work


def force_exit_after(seconds: float, shutdown: Shutdown, exit_code: ExitCode = ExitCode.NOT_DONE) -> None:
    """End the process after so many seconds if it still is there: a client library may wait for its broker
    for ever.

    Everything is stored or its offset was never committed, so nothing is lost by it.
    """

    def say() -> None:
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

    # Two, so that a log that nobody takes holds up the saying only.
    for after, what in ((seconds, say), (seconds + 0.5, leave)):
        timer = threading.Timer(after, what)
        timer.daemon = True
        timer.start()
