"""However a program ends, its broker and database end with it, and its temporary data goes."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

PROGRAM = Path(__file__).with_name("program.py")
LIMIT_SECONDS = 60


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "stack"


class Program:
    """The program of `program.py`, running; `processes` are all it started."""

    def __init__(self, directory: Path, mode: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(directory), mode],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        self.directory = directory
        self.processes = [psutil.Process(pid) for pid in json.loads(line) if psutil.pid_exists(pid)]

    def left(self) -> list[psutil.Process]:
        """What of it still runs when there was time to end."""
        self.child.wait(LIMIT_SECONDS)
        _, alive = psutil.wait_procs(self.processes, timeout=LIMIT_SECONDS)
        return [*alive, *(process for process in psutil.process_iter() if self.concerns(process))]

    def concerns(self, process: psutil.Process) -> bool:
        """Whether it is one of this program's that was started after the program had said what runs."""
        try:
            return any(str(self.directory) in argument for argument in process.cmdline())
        except psutil.Error:
            return False


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    running: list[Program] = []
    yield running
    for program in running:
        for process in [
            *program.processes,
            psutil.Process(program.child.pid) if program.child.poll() is None else None,
        ]:
            if process is not None and process.is_running():
                process.kill()


def names(program: Program) -> set[str]:
    return {process.name() for process in program.processes}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_ends_the_program_ends_its_broker_and_database(
    number: signal.Signals, directory: Path, programs: list[Program]
) -> None:
    program = Program(directory, "wait")
    programs.append(program)
    assert {"java", "postgres"} <= names(program)
    program.child.send_signal(number)
    assert program.left() == []
    assert sorted(path.name for path in directory.glob("*/*")) == ["kafka.log", "postgres.log", "server.properties"]


def test_a_frozen_broker_and_database_end_with_a_killed_program(directory: Path, programs: list[Program]) -> None:
    program = Program(directory, "pause")
    programs.append(program)
    program.child.kill()
    assert program.left() == []


def test_a_program_interrupted_while_its_broker_still_starts_leaves_nothing(
    directory: Path, programs: list[Program]
) -> None:
    program = Program(directory, "starting")
    programs.append(program)
    program.child.send_signal(signal.SIGINT)
    assert program.left() == []
