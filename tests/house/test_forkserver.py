"""Programs that the fork server starts behave as if Python had been started for them."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.conftest import ROOT
from tests.forkserver import Process, run, run_text
from tests.waiting import HANG_SECONDS

WAITS = ["-n", "1", "import signal; signal.pause()"]
"""Arguments for `timeit`, which runs what it is given."""

LEAVES_A_PROGRAM = f"""
import os, signal
from tests.forkserver import Process
print(Process("timeit", {WAITS}, os.environ).pid, flush=True)
signal.pause()
"""


def test_a_program_has_the_environment_it_is_given_and_no_other() -> None:
    done = run_text("timeit", ["-n1", "-r1", "-s", "import os; print(dict(os.environ))"], {"A": "one"}, HANG_SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("{'A': 'one'}\n1 loop")


def test_a_program_has_its_own_stdin_stdout_and_stderr() -> None:
    done = run("json.tool", ["--compact"], os.environ, HANG_SECONDS, b'{"a": 1}')
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"a":1}\n', b"")
    bad = run("json.tool", [], os.environ, HANG_SECONDS, b"{")
    assert bad.returncode == 1
    assert bad.stdout == b""
    assert b"Expecting property name" in bad.stderr


def test_an_error_of_a_program_is_its_traceback_and_exit_code_1() -> None:
    done = run_text("timeit", ["-n1", "-s", "raise ValueError('no')", "pass"], os.environ, HANG_SECONDS)
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: no\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_program_and_is_its_exit_code(number: signal.Signals) -> None:
    process = Process("timeit", WAITS, os.environ)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)
    process.send_signal(number)
    assert process.wait(HANG_SECONDS) == process.poll() == process.returncode == -number


def test_programs_end_with_the_process_that_asked_for_them_even_if_it_is_killed() -> None:
    child = subprocess.Popen([sys.executable, "-c", LEAVES_A_PROGRAM], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    program = psutil.Process(int(child.stdout.readline()))
    server = program.parent()
    assert server is not None
    child.kill()
    child.communicate(timeout=HANG_SECONDS)
    _, alive = psutil.wait_procs([program, server], timeout=HANG_SECONDS)
    assert alive == []
