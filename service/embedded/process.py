"""One server process: started, probed, stopped, killed, frozen; never left behind."""

import asyncio
import contextlib
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

Progress = Callable[[str], None]
"""Takes one line for a person who waits, such as "starting Kafka ..."."""

POLL_SECONDS = 0.02
FREEZE_LIMIT_SECONDS = 10.0
LOG_TAIL_LINES = 12
PORT_TRIES = 200


class EmbeddedError(Exception):
    """The embedded broker or database can't do what was asked; the text says why and names the log."""


def silent(_line: str) -> None:
    """The `Progress` of who wants to hear nothing."""


def free_port() -> int:
    """A TCP port that is free on loopback right now.

    Below the range from which the system takes the local ends of outgoing connections: a client that keeps
    reconnecting to a stopped server on such a port can end up connected to itself, and holds the port.
    """
    for _ in range(PORT_TRIES):
        port = random.randint(20_000, 32_000)  # noqa: S311  # nothing secret about it
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise EmbeddedError(f"no free TCP port found between 20000 and 32000 on 127.0.0.1 in {PORT_TRIES} tries")


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log, indented, for an error message; empty when there is no log.

    Without the frames of Java's stack traces: they would push out the line that says what was wrong.
    """
    with contextlib.suppress(OSError):
        text = log.read_text("utf-8", errors="replace").splitlines()
        telling = [line for line in text if not line.startswith("\tat ")]
        return "\n".join(f"  | {line}" for line in telling[-lines:])
    return ""


class Guard:
    """Ends a process and all below it should this program die, however that happens: see `guard.py`.

    It then sends `stop_signal`, kills what is left after `grace` seconds, and removes `scratch`.
    """

    def __init__(self, pid: int, stop_signal: int, grace: float = 0.0, scratch: Sequence[Path] = ()) -> None:
        script = Path(__file__).with_name("guard.py")
        arguments = [str(pid), str(int(stop_signal)), str(grace), *map(str, scratch)]
        self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
            [sys.executable, "-I", str(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """The process has ended: nothing is to be guarded any more."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b".")
            self._process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process = None


@dataclass
class Server:
    """A server process with its guard.

    `name` is for messages, `stop_signal` asks it to end in order within `grace` seconds, `user` is the
    account it runs as when this program is root, `scratch` are directories that the guard removes should this
    program die. Used from any event loop: nothing here belongs to one.
    """

    name: str
    log: Path
    stop_signal: int = signal.SIGTERM
    grace: float = 10.0
    user: str | None = None
    scratch: Sequence[Path] = ()
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _guard: Guard | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """Process id of the running server. Raises EmbeddedError when it doesn't run."""
        if self._child is None:
            raise EmbeddedError(f"{self.name} is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process exists (frozen counts, dead doesn't)."""
        return self._child is not None and self._child.poll() is None

    def spawn(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        """Starts the process, output appended to the log, and its guard beside it. Raises EmbeddedError."""
        if self.running:
            raise EmbeddedError(f"{self.name} runs already (process {self.pid})")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            try:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    cwd=cwd,
                    # Ctrl-C in a terminal is for the program, which then stops this in order.
                    start_new_session=True,
                    **self.account(),
                )
            except OSError as error:
                raise EmbeddedError(f"{self.name} can't be started: {error}") from error
        self._guard = Guard(self._child.pid, self.stop_signal, self.grace, self.scratch)

    def account(self) -> dict[str, Any]:
        """Arguments for `subprocess` that run a command as `user`: empty unless this program is root."""
        if self.user is None or os.geteuid() != 0:
            return {}
        return {"user": self.user, "group": _group_of(self.user), "extra_groups": []}

    async def until_ready(self, probe: Callable[[], Awaitable[bool]], limit: float) -> None:
        """Asks `probe` until it says yes. Raises EmbeddedError when the process ends before, or after `limit`
        seconds.
        """
        end = time.monotonic() + limit
        while not await probe():
            if self._child is None or self._child.poll() is not None:
                code = self._child.returncode if self._child else None
                await self.kill()
                raise EmbeddedError(self._failure(f"ended while starting (exit code {code})"))
            if time.monotonic() > end:
                await self.kill()
                raise EmbeddedError(self._failure(f"did not answer within {limit:g} seconds"))
            await asyncio.sleep(POLL_SECONDS)

    def _failure(self, what: str) -> str:
        last = tail(self.log)
        return f"{self.name} {what}. Its log: {self.log}" + (f"\n{last}" if last else "")

    async def stop(self, stop_signal: int | None = None) -> None:
        """Ends the process in order; kills it when it takes longer than `grace` seconds. Nothing when it
        doesn't run.
        """
        if self.running:
            self.resume()
            self._signal(stop_signal or self.stop_signal)
            if not await self._ended(self.grace):
                await self.kill()
        self._dismiss_guard()

    async def kill(self) -> None:
        """kill -9 of the process and all below it: as if the machine had lost power, but for the disk's
        cache.
        """
        family = self.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await self._ended(self.grace)
        await asyncio.to_thread(psutil.wait_procs, family[1:], timeout=self.grace)
        self._dismiss_guard()

    def pause(self) -> None:
        """Freezes the process and all below it (SIGSTOP): connections stay, nothing answers. Frozen on return."""
        for process in self.family()[:1]:
            _freeze(process)
        for process in self.family()[1:]:  # listed anew: the first, now frozen, makes no more of them
            _freeze(process)

    def resume(self) -> None:
        """Lets a frozen process go on (SIGCONT); nothing when it wasn't frozen."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def family(self) -> list[psutil.Process]:
        """The process and all below it, the process first; empty when it doesn't run."""
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._child is not None and self._child.poll() is None:
                top = psutil.Process(self._child.pid)
                return [top, *top.children(recursive=True)]
        return []

    def _signal(self, number: int) -> None:
        if self._child is not None:
            self._child.send_signal(number)

    async def _ended(self, limit: float) -> bool:
        end = time.monotonic() + limit
        while self._child is not None and self._child.poll() is None:
            if time.monotonic() > end:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None


def _freeze(process: psutil.Process) -> None:
    end = time.monotonic() + FREEZE_LIMIT_SECONDS
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGSTOP)
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            if time.monotonic() > end:  # in the midst of a write to a disk that doesn't answer, say
                raise EmbeddedError(f"process {process.pid} could not be frozen in {FREEZE_LIMIT_SECONDS:g} s")
            time.sleep(POLL_SECONDS / 10)


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
