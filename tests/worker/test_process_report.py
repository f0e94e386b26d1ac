"""Reports of a worker process to its supervisor, over pipes in the place of its standard input and output."""

import asyncio
import json
import os
import threading

import pytest

from service.runtime.shutdown import SHUTDOWN_SECONDS, Shutdown
from service.worker import process_report
from service.worker.process_report import report_reason, reporting
from tests.waiting import HANG_SECONDS, eventually

METRICS = b"m" * 100_000


class Pages:
    """Metrics that are large, and how often they were asked for."""

    asked = 0

    def rendered(self, accept: str) -> tuple[bytes, str]:
        self.asked += 1
        return METRICS, accept


class Health:
    def starting(self) -> list[str]:
        return []

    def missing(self) -> list[str]:
        return ["Something."]


@pytest.fixture
def pipes(monkeypatch):
    """A supervisor's ends: where it asks, and where it reads. The process's own ends are its standard ones."""
    (stdin, asks), (reads, stdout) = os.pipe(), os.pipe()
    monkeypatch.setattr(process_report, "STDIN", stdin)
    monkeypatch.setattr(process_report, "STDOUT", stdout)
    ends = {"asks": asks, "reads": reads, "stdout": stdout}
    yield ends
    for end in ends.values():
        os.close(end)


@pytest.fixture
def forced(monkeypatch) -> threading.Event:
    """An event that is set when the process has to end by force, within the common time limit."""
    event = threading.Event()
    monkeypatch.setattr(
        process_report, "force_exit_after", lambda seconds, _: event.set() if seconds == SHUTDOWN_SECONDS else None
    )
    return event


@pytest.fixture
def shutdown() -> Shutdown:
    return Shutdown(asyncio.Event())


def gone(pipes) -> None:
    os.close(pipes.pop("asks"))


async def test_health_is_reported_every_second_and_metrics_on_request(pipes, forced, shutdown):
    with os.fdopen(os.dup(pipes["reads"])) as reports:
        async with reporting(Pages(), Health(), shutdown):
            first = json.loads(await asyncio.to_thread(reports.readline))
            os.write(pipes["asks"], b"?")
            answer = json.loads(await asyncio.to_thread(reports.readline))
            while "metrics" not in answer:
                answer = json.loads(await asyncio.to_thread(reports.readline))
            gone(pipes)
            await asyncio.wait_for(shutdown.requested.wait(), HANG_SECONDS)
    assert first == {"starting": [], "missing": ["Something."]}
    assert answer == {"metrics": METRICS.decode()}


async def test_a_process_whose_event_loop_hangs_ends_with_its_supervisor_too(pipes, forced, shutdown):
    async with reporting(Pages(), Health(), shutdown):
        gone(pipes)
        assert forced.wait(HANG_SECONDS), "it would be there for ever"


async def test_a_supervisor_that_does_not_read_costs_no_memory(pipes, forced, shutdown, monkeypatch):
    monkeypatch.setattr(process_report, "UNREAD_BYTES_MAX", 150_000)
    pages = Pages()
    async with reporting(pages, Health(), shutdown):
        os.write(pipes["asks"], b"?" * 50)
        await eventually(lambda: pages.asked == 50, "every question was heard")
    gone(pipes)
    os.close(pipes.pop("stdout"))
    # The pipe's other end closes once the rest was written.
    with os.fdopen(os.dup(pipes["reads"]), "rb") as reports:
        read = len(await asyncio.to_thread(reports.read))
    # What the pipe holds, what is kept, and the one with which that was too much.
    assert read < 65_536 + 150_000 + 2 * len(METRICS)


async def test_the_reason_of_an_end_is_on_a_line_of_its_own(pipes):
    os.write(process_report.STDOUT, b'{"metrics": "cut o')
    report_reason("Do something.")
    lines = os.read(pipes["reads"], 1_000).splitlines()
    assert json.loads(lines[-1]) == {"reason": "Do something."}
