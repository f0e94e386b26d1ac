"""The supervisor's treatment of its processes, with programs in the place of workers that do one thing."""

import asyncio
import signal
import sys
from types import SimpleNamespace

import psutil
import pytest
from structlog.testing import capture_logs

from service.runtime.exit_codes import ExitCode
from service.runtime.shutdown import Shutdown
from service.worker import supervisor
from service.worker.supervisor import ProcessStoppedError, WorkerProcess, default_processes, supervise
from tests.observability.seen import ask
from tests.waiting import HANG_SECONDS, eventually

SETTINGS = SimpleNamespace(http_host="127.0.0.1", http_port=0, metrics="scrape")
READY = """
import json, sys, time
print(json.dumps({"starting": [], "missing": []}), flush=True)
"""
PROGRAMS = {
    "sleeps": READY + "time.sleep(600)",
    "deaf": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + READY + "time.sleep(600)",
    "mute": "import time; time.sleep(600)",
    "dies": "import sys; sys.exit(70)",
    "stops": """
import json, sys
print("no report")
print(json.dumps({"reason": "Do something about " + sys.argv[-1] + "."}), flush=True)
sys.exit(1)
""",
    "stops without a word": "import sys; sys.exit(1)",
}


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Take one of PROGRAMS for a worker."""

    def take(name: str) -> None:
        script = tmp_path / "program.py"
        script.write_text(PROGRAMS[name])
        monkeypatch.setattr(supervisor, "_program", lambda: [sys.executable, str(script)])

    monkeypatch.setattr(supervisor, "RESTART", SimpleNamespace(pause=lambda failures: failures / 100))
    # It would end the tests.
    monkeypatch.setattr(supervisor, "force_exit_after", lambda *_: None)
    return take


@pytest.fixture
def shutdown() -> Shutdown:
    return Shutdown(asyncio.Event())


def running_programs() -> list[psutil.Process]:
    """Those in the place of workers; this process has servers below it, too."""
    return [one for one in psutil.Process().children() if "--member" in one.cmdline()]


async def ended(running: "asyncio.Task[None]") -> None:
    await asyncio.wait_for(running, HANG_SECONDS)


async def three_restarts(worker: WorkerProcess, shutdown: Shutdown) -> list[float]:
    """The pauses before the first three, in seconds."""
    with capture_logs() as lines:
        running = asyncio.create_task(worker.run())
        await eventually(lambda: worker.restarts >= 3, "three restarts")
        shutdown.request("the test")
        await ended(running)
    return [line["pause_seconds"] for line in lines if line["event"] == "process_restarting"][:3]


async def test_one_that_dies_is_restarted_after_ever_longer_pauses(program, shutdown):
    program("dies")
    assert await three_restarts(WorkerProcess(1, {}, shutdown), shutdown) == [0.01, 0.02, 0.03]


async def test_a_dead_process_is_reported_until_it_is_restarted(program, shutdown, monkeypatch):
    program("dies")
    monkeypatch.setattr(supervisor, "RESTART", SimpleNamespace(pause=lambda _: HANG_SECONDS))
    worker = WorkerProcess(1, {}, shutdown)
    running = asyncio.create_task(worker.run())
    said = ["Process 1: It ended with exit code 70 and is restarted in a moment."]
    await eventually(lambda: worker.missing() == said, "it to say so", lambda: str(worker.missing()))
    shutdown.request("the test")
    await ended(running)


async def test_one_that_ran_for_long_is_restarted_as_if_it_were_the_first_time(program, shutdown, monkeypatch):
    program("dies")
    monkeypatch.setattr(supervisor, "LASTED_SECONDS", 0.0)
    assert await three_restarts(WorkerProcess(1, {}, shutdown), shutdown) == [0.01, 0.01, 0.01]


async def test_a_silent_process_is_killed_and_started_again(program, shutdown, monkeypatch):
    program("mute")
    monkeypatch.setattr(supervisor, "HUNG_SECONDS", 1)
    worker = WorkerProcess(1, {}, shutdown)
    running = asyncio.create_task(worker.run())
    await eventually(lambda: worker.restarts, "it is started again")
    shutdown.request("the test")
    await ended(running)


async def test_a_process_that_does_not_end_is_killed_which_the_exit_code_shows(program, shutdown, monkeypatch):
    program("deaf")
    monkeypatch.setattr(supervisor, "KILL_SECONDS", 0.1)
    worker = WorkerProcess(1, {}, shutdown)
    running = asyncio.create_task(worker.run())
    await eventually(lambda: not worker.missing(), "it is ready")
    shutdown.request("the test")
    await ended(running)
    assert worker.exit_code == ExitCode.NOT_DONE
    assert running_programs() == []


@pytest.mark.parametrize("name", ["mute", "sleeps"])
async def test_one_that_the_signal_ends_has_ended_well(program, shutdown, name):
    program(name)
    worker = WorkerProcess(1, {}, shutdown)
    running = asyncio.create_task(worker.run())
    await eventually(running_programs, "it runs")
    shutdown.request("the test")
    await ended(running)
    assert worker.exit_code == ExitCode.DONE


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stops", r"^Do something about [12]\.$"),
        ("stops without a word", "^Process [12] ended with exit code 1 without a reason: read its stderr.$"),
    ],
)
async def test_an_error_for_a_person_is_logged_once_and_ends_all_processes(program, name, said):
    program(name)
    with pytest.raises(ProcessStoppedError, match=said):
        await asyncio.wait_for(supervise(SETTINGS, 2, {}), HANG_SECONDS)
    assert running_programs() == []


async def test_a_fault_on_the_way_down_is_in_the_exit_code(program, shutdown):
    program("dies")
    worker = WorkerProcess(1, {}, shutdown)
    running = asyncio.create_task(worker.run())
    shutdown.requested = _SetFromTheSecondLook()
    await ended(running)
    assert worker.exit_code == ExitCode.FAULT


class _SetFromTheSecondLook(asyncio.Event):
    """Asked for the end while the process is running."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def is_set(self) -> bool:
        self._looks += 1
        if self._looks > 1:
            self.set()
        return super().is_set()


async def test_a_signal_ends_all_and_the_port_answers_until_then(program):
    program("sleeps")
    with capture_logs() as lines:
        running = asyncio.create_task(supervise(SETTINGS, 3, {}))
        await eventually(lambda: len(running_programs()) == 3, "three processes")
    (port,) = (line["http_port"] for line in lines if line["event"] == "supervisor_running")

    async def ready() -> bool:
        return await ask(port, "/readyz") == (200, "ready\n")

    await eventually(ready, "all are ready")
    # None of them answers with metrics.
    text = (await ask(port, "/metrics"))[1]
    assert 'purchasing_ready{process="3"} 0.0' in text
    assert 'process_resident_memory_bytes{process="supervisor"}' in text
    signal.raise_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running, HANG_SECONDS) == ExitCode.DONE
    assert running_programs() == []


@pytest.mark.parametrize(("cores", "processes"), [(1, 1), (4, 4), (64, 6)])
def test_by_default_there_is_one_per_core_and_no_more_than_partitions(monkeypatch, cores, processes):
    monkeypatch.setattr(supervisor.os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert default_processes() == processes
