"""Failpoints do what the variable asks for, once, and nothing without it."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from service.runtime.failpoints import Failpoint, FailpointError, failpoint, parse
from tests.outbox.world import eventually
from tests.waiting import HANG_SECONDS

PASS = """
import asyncio
from service.runtime.failpoints import failpoint
async def main():
    for n in range(1, 6):
        print(n, flush=True)
        await failpoint("here")
asyncio.run(main())
"""


def run(failpoints: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PURCHASING_FAILPOINTS": failpoints}
    return subprocess.Popen(
        [sys.executable, "-c", PASS], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_text_is_read_as_places_with_an_action_and_a_count() -> None:
    assert parse("a.b=kill@3; c=stop;d=wait:/x/y@2;") == {
        "a.b": Failpoint("kill", 3),
        "c": Failpoint("stop", 1),
        "d": Failpoint("wait", 2, Path("/x/y")),
    }


@pytest.mark.parametrize("text", ["here", "here=", "=kill", "here=explode", "here=kill:/x", "here=wait", "here=kill@x"])
def test_anything_else_is_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(FailpointError, match="write name=kill, name=stop or name=wait:PATH"):
        parse(text)


async def test_without_the_variable_nothing_happens() -> None:
    await failpoint("here")


def test_kill_ends_the_process_at_the_nth_pass() -> None:
    process = run("here=kill@3")
    out, _ = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, out.split()) == (-signal.SIGKILL, ["1", "2", "3"])


async def test_stop_freezes_the_process_until_it_is_woken() -> None:
    process = run("here=stop@2")
    await eventually("it is frozen", lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    process.send_signal(signal.SIGCONT)
    out, _ = await asyncio.to_thread(process.communicate, timeout=HANG_SECONDS)
    assert (process.returncode, out.split()) == (0, ["1", "2", "3", "4", "5"])


async def test_wait_holds_the_task_until_the_file_is_there(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    process = run(f"here=wait:{gate}")
    await eventually("it waits", (tmp_path / "gate.reached").exists)
    assert process.poll() is None
    gate.touch()
    out, _ = await asyncio.to_thread(process.communicate, timeout=HANG_SECONDS)
    assert (process.returncode, len(out.split())) == (0, 5)


def test_another_place_is_not_touched() -> None:
    process = run("there=kill")
    out, _ = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, len(out.split())) == (0, 5)
