"""Several worker processes on one machine: start them, watch them, restart those that die, and stop them together.

Python runs on one core per process, so a machine of several cores needs several workers. Each is a worker as `run` is
one alone: a fresh interpreter, its own clients, its own member of both consumer groups. The supervisor reads no record
and publishes none. It has the one port for health and metrics, which answers for all processes.

| a process ends | what follows |
|---|---|
| on request | nothing |
| with exit code 1: a person has to do something | all end, the supervisor too, with its reason and exit code 1 |
| in any other way: killed, a fault | the log line `process_restarting`; it is restarted after a pause that grows |
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector
from purchasing_contracts.environment import PREFIX
from purchasing_contracts.topics import TOPICS

from service.observability.exporter import SupervisorExporter
from service.observability.http import Pages, listening
from service.observability.otlp_metrics import pushing
from service.runtime.exit_codes import ExitCode
from service.runtime.retry import Backoff, attempts, happens_within
from service.runtime.shutdown import SHUTDOWN_SECONDS, Shutdown, force_exit_after, requested_by_signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.runtime.settings import Settings

log = structlog.get_logger("service")

RESTART = Backoff(first_seconds=0.8, longest_seconds=10.0)
LASTED_SECONDS = 60.0
"""A process that ran this long before it died is restarted after the first pause, whatever happened before."""
QUIET_SECONDS = 5
"""A process is not ready after this time without a report."""
HUNG_SECONDS = 60
"""A process is killed after this time without a report: as long as Kubernetes waits for a worker's /livez (deploy/)."""
METRICS_SECONDS = 3.0
KILL_SECONDS = SHUTDOWN_SECONDS + 1.0
"""A process ends itself by force before that, unless it is frozen."""
LINE_BYTES_MAX = 64_000_000
QUESTION = b"?"


class ProcessStoppedError(Exception):
    """A worker process ended for a reason that only a person can mend. Its text says which, as the process did."""


def default_processes() -> int:
    """Return how many processes use this machine: one per core, but no more than an event topic has partitions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, max(topic.partitions for topic in TOPICS if topic.direction == "in"))


async def supervise(settings: Settings, processes: int, given: Mapping[str, Any]) -> int:
    """Run so many worker processes until SIGTERM or SIGINT, or until one says that a person has to do something.

    `given` are settings that come before the environment's. Returns the exit code. Raises PortError, OtlpError and
    ProcessStoppedError.
    """
    shutdown = Shutdown(asyncio.Event())
    own = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=own)
    with requested_by_signals(shutdown):
        workers: list[WorkerProcess] = []
        reporter = _Reporter(workers)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(SupervisorExporter(reporter.metrics, reporter.restarts, own))
        pages = Pages(reporter, registry, refresh=reporter.refresh)
        async with (
            listening(pages, settings.http_host, settings.http_port) as port,
            pushing(registry, settings.metrics, pages.refreshed),
        ):
            environment = _environment({**given, "http_port": port})
            workers += [WorkerProcess(number, environment, shutdown) for number in range(1, processes + 1)]
            log.info("supervisor_running", message="The supervisor is running.", processes=processes, http_port=port)
            running = [asyncio.create_task(worker.run(), name=f"process {worker.number}") for worker in workers]
            for task in running:
                task.add_done_callback(shutdown.with_task)
            await shutdown.requested.wait()
            force_exit_after(KILL_SECONDS + 1.0, shutdown)
            await asyncio.wait(running)
    return max(shutdown.exit_code(), *(worker.exit_code for worker in workers))


class WorkerProcess:
    """One worker process, by its number: its last report, and how often it was restarted."""

    def __init__(self, number: int, environment: Mapping[str, str], shutdown: Shutdown) -> None:
        self.number = number
        self.exit_code = ExitCode.DONE
        """The exit code, once a stop was requested."""
        self.restarts = 0
        self.metrics: str | None = None
        """The text of its metrics, as answered last; None: it has not answered."""
        self._environment = environment
        self._shutdown = shutdown
        self._process: asyncio.subprocess.Process | None = None
        self._starting = self._missing = ["It is starting."]
        self._reason: str | None = None
        self._silent_seconds = 0
        self._answered = asyncio.Event()

    async def run(self) -> None:
        """Keep it running until a stop is requested, or until it reports that a person has to do something."""
        async for attempt in attempts(self._shutdown.requested, RESTART):
            begun = time.monotonic()
            code = await self._live()
            self.metrics = None
            if self._shutdown.requested.is_set():
                # A process that has no handler for SIGTERM yet is ended by the signal; it has begun no work.
                if code not in (ExitCode.DONE, -signal.SIGTERM):
                    self.exit_code = ExitCode.FAULT if code == ExitCode.FAULT else ExitCode.NOT_DONE
            elif code == ExitCode.NOT_DONE:
                self._shutdown.because_of(ProcessStoppedError(self._reason or self._ended_without_reason()))
            else:
                if time.monotonic() - begun >= LASTED_SECONDS:
                    attempt.begin_again()
                self._note_end(code, attempt.pause)

    def starting(self) -> list[str]:
        """Return what its start waits for, a sentence each."""
        return [f"Process {self.number}: {line}" for line in self._starting]

    def missing(self) -> list[str]:
        """Return what keeps it from being ready, a sentence each."""
        quiet = self._process is not None and self._silent_seconds > QUIET_SECONDS
        lines = [f"It has sent no report for {self._silent_seconds} seconds."] if quiet else self._missing
        return [f"Process {self.number}: {line}" for line in lines]

    async def request_metrics(self) -> None:
        """Request its metrics, and wait for them for METRICS_SECONDS at most."""
        self.metrics = None
        process = self._process
        if process is None or process.returncode is not None or self._silent_seconds > QUIET_SECONDS:
            return
        assert process.stdin is not None
        self._answered.clear()
        process.stdin.write(QUESTION)
        await happens_within(self._answered, METRICS_SECONDS)

    async def _live(self) -> int:
        """Start it, wait until it ends, and return its exit code: negative if a signal ended it."""
        process = self._process = await asyncio.create_subprocess_exec(
            *_program(),
            "run",
            "--member",
            str(self.number),
            env=dict(self._environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            # Ctrl-C in a terminal is for the supervisor, which stops its processes in order.
            start_new_session=True,
        )
        self._silent_seconds, self._reason = 0, None
        self._starting = self._missing = ["It is starting."]
        ended = asyncio.create_task(self._read_to_the_end(process))
        stop_requested = asyncio.create_task(self._shutdown.requested.wait())
        watching = asyncio.create_task(self._kill_when_hung(process))
        try:
            await asyncio.wait([ended, stop_requested], return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                _signal(process, signal.SIGTERM)
                await asyncio.wait([ended], timeout=KILL_SECONDS)
        finally:
            stop_requested.cancel()
            watching.cancel()
            _signal(process, signal.SIGKILL)
            self._process = None
        return await ended

    async def _read_to_the_end(self, process: asyncio.subprocess.Process) -> int:
        assert process.stdout is not None
        async for line in process.stdout:
            with suppress(ValueError):
                self._take(json.loads(line))
        return await process.wait()

    def _take(self, report: dict[str, Any]) -> None:
        self._silent_seconds = 0
        if "metrics" in report:
            self.metrics = report["metrics"]
            self._answered.set()
        elif "reason" in report:
            self._reason = report["reason"]
        else:
            self._starting, self._missing = report["starting"], report["missing"]

    async def _kill_when_hung(self, process: asyncio.subprocess.Process) -> None:
        """Count the seconds without a report: one by one, or a suspended machine would pass for a hung process."""
        while self._silent_seconds < HUNG_SECONDS:
            await asyncio.sleep(1.0)
            self._silent_seconds += 1
        log.error(
            "process_hangs", message="A worker process hangs; killing it.", process=self.number, seconds=HUNG_SECONDS
        )
        _signal(process, signal.SIGKILL)

    def _note_end(self, code: int, pause: float) -> None:
        self.restarts += 1
        how = {"signal": signal.Signals(-code).name} if code < 0 else {"exit_code": code}
        log.error(
            "process_restarting",
            message="A worker process ended; restarting it.",
            process=self.number,
            **how,
            restarts=self.restarts,
            pause_seconds=round(pause, 2),
        )
        ended = f"by {how['signal']}" if code < 0 else f"with exit code {code}"
        self._starting = self._missing = [f"It ended {ended} and is restarted in a moment."]

    def _ended_without_reason(self) -> str:
        return f"Process {self.number} ended with exit code {ExitCode.NOT_DONE:d} without a reason: read its stderr."


class _Reporter:
    """Health and metrics of all processes together."""

    def __init__(self, workers: Sequence[WorkerProcess]) -> None:
        self._workers = workers

    def starting(self) -> list[str]:
        return [line for worker in self._workers for line in worker.starting()]

    def missing(self) -> list[str]:
        return [line for worker in self._workers for line in worker.missing()]

    def metrics(self) -> dict[int, str | None]:
        return {worker.number: worker.metrics for worker in self._workers}

    def restarts(self) -> dict[int, int]:
        return {worker.number: worker.restarts for worker in self._workers}

    async def refresh(self) -> None:
        await asyncio.gather(*(worker.request_metrics() for worker in self._workers))


def _program() -> list[str]:
    """The command of this program without its arguments: options of Python, and the module or file that it runs."""
    return [sys.executable, *sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv[1:])]]


def _environment(given: Mapping[str, Any]) -> dict[str, str]:
    return {**os.environ, **{PREFIX + name.upper(): str(value) for name, value in given.items()}}


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)
