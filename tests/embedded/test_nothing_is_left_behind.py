"""However a program ends, its broker and database end with it, and its temporary data goes."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import HANG_SECONDS

PROGRAM = Path(__file__).with_name("program.py")


class Program:
    """The program of `program.py`, with what it started."""

    def __init__(self, directory: Path, mode: str) -> None:
        self.directory = directory
        self.processes: list[psutil.Process] = []
        self.child = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(directory), mode],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def await_start(self) -> None:
        """Wait until the program reports what it has started."""
        assert self.child.stdout is not None
        for pid in json.loads(self.child.stdout.readline()):
            with contextlib.suppress(psutil.NoSuchProcess):
                self.processes.append(psutil.Process(pid))

    def left(self) -> list[psutil.Process]:
        """The processes that still run after they had time to end."""
        self.child.wait(HANG_SECONDS)
        _, alive = psutil.wait_procs(self.processes, timeout=HANG_SECONDS)
        return [*alive, *(process for process in psutil.process_iter() if self.concerns(process))]

    def concerns(self, process: psutil.Process) -> bool:
        """Whether it is one of this program's, perhaps started after its report."""
        try:
            return any(str(self.directory) in argument for argument in process.cmdline())
        except psutil.Error:
            return False

    def end(self) -> None:
        """Kills whatever a failed test left."""
        self.child.kill()
        for process in self.left():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "stack"


@pytest.fixture
def start(directory: Path) -> Iterator[Callable[[str], Program]]:
    started: list[Program] = []

    def start_program(mode: str) -> Program:
        program = Program(directory, mode)
        started.append(program)
        program.await_start()
        return program

    yield start_program
    for program in started:
        program.end()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_ends_the_program_ends_its_broker_and_database(
    number: signal.Signals, directory: Path, start: Callable[[str], Program]
) -> None:
    program = start("wait")
    assert {"java", "postgres"} <= {process.name() for process in program.processes}
    program.child.send_signal(number)
    assert program.left() == []
    kept = sorted(path.name for path in directory.glob("*/*"))
    assert kept == ["kafka.log", "postgres.log", "server.properties"]


def test_a_frozen_broker_and_database_end_with_a_killed_program(start: Callable[[str], Program]) -> None:
    program = start("pause")
    program.child.kill()
    assert program.left() == []


def test_a_program_interrupted_while_its_broker_still_starts_leaves_nothing(start: Callable[[str], Program]) -> None:
    program = start("starting")
    program.child.send_signal(signal.SIGINT)
    assert program.left() == []
