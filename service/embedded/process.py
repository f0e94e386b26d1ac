"""One server process: start, probe, stop, kill, freeze; never left behind."""

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
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

Progress = Callable[[str], None]
"""Called with a line of progress, such as "starting Kafka ..."."""

POLL_SECONDS = 0.02
FREEZE_LIMIT_SECONDS = 10.0
LOG_TAIL_LINES = 12
PORT_TRIES = 200

_reserved: list[socket.socket] = []
"""Of `reserve_port`; held open as long as the program runs."""


class EmbeddedError(Exception):
    """The embedded broker or database failed. The text says why and names the log."""


def silent(_line: str) -> None:
    """A `Progress` that prints nothing."""


def reserve_port() -> int:
    """Return a TCP port of loopback that no other program gets from here until this one ends.

    Between the choice of a port and the moment a server listens there lie seconds, and minutes while it is stopped:
    another program must not choose the same one meanwhile. So a socket stays bound to it, without listening. Linux
    lets a server that sets SO_REUSEADDR, as all servers here do, listen beside it, and refuses the next choice, which
    doesn't set it. Raises EmbeddedError where no port is free.

    It is below the range for local ends of outgoing connections: a client that keeps reconnecting to a stopped server
    on a port of that range can end up connected to itself, and then holds the port.
    """
    for _ in range(PORT_TRIES):
        port = random.randint(20_000, 32_000)  # noqa: S311  # nothing secret about it
        place = socket.socket()
        try:
            place.bind(("127.0.0.1", port))
        except OSError:
            place.close()
            continue
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _reserved.append(place)
        return port
    raise EmbeddedError(f"no free TCP port found between 20000 and 32000 on 127.0.0.1 in {PORT_TRIES} tries")


async def together(*starts: Coroutine[Any, Any, None]) -> None:
    """Run these side by side. If one fails or this is interrupted, the others are cancelled and have ended before it
    raises.
    """
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log, indented, for an error message; empty if there is no log.

    Leaves out the frames of Java's stack traces, which would push out the line with the cause.
    """
    with contextlib.suppress(OSError):
        text = log.read_text("utf-8", errors="replace").splitlines()
        shown = [line for line in text if not line.startswith("\tat ")]
        return "\n".join(f"  | {line}" for line in shown[-lines:])
    return ""


class Guard:
    """End a process and all below it if this program dies in any way: see `guard.py`.

    The guard sends `stop_signal`, kills the rest after `grace` seconds, and removes `scratch`.
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
        """End the guard, because the process has ended."""
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

    `name` is for messages. `stop_signal` asks the process to end in order within `grace` seconds. `user` is its account
    if this program is root. The guard removes the directories `scratch` if this program dies. `environment` is beside
    this program's. Usable from any event loop.
    """

    name: str
    log: Path
    stop_signal: int = signal.SIGTERM
    grace: float = 10.0
    user: str | None = None
    scratch: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _guard: Guard | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process id of the server. Raises EmbeddedError if it does not run."""
        if self._child is None:
            raise EmbeddedError(f"{self.name} is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process exists, frozen or not."""
        return self._child is not None and self._child.poll() is None

    def spawn(self, command: Sequence[str], cwd: Path | None = None) -> None:
        """Start the process and its guard; append output to the log. Raises EmbeddedError."""
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
                    env={**os.environ, **self.environment},
                    cwd=cwd,
                    # Ctrl-C in a terminal reaches only the program, which then stops the server in order.
                    start_new_session=True,
                    **self.account(),
                )
            except OSError as error:
                raise EmbeddedError(f"{self.name} can't be started: {error}") from error
        self._guard = Guard(self._child.pid, self.stop_signal, self.grace, self.scratch)

    def account(self) -> dict[str, Any]:
        """Return arguments for `subprocess` to run a command as `user`; empty unless this program is root."""
        if self.user is None or os.geteuid() != 0:
            return {}
        return {"user": self.user, "group": _group_of(self.user), "extra_groups": []}

    async def until_ready(self, probe: Callable[[], Awaitable[bool]], limit: float) -> None:
        """Repeat `probe` until it succeeds. Raises EmbeddedError if the process ends, or after `limit` seconds."""
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
        """End the process in order; kill it after `grace` seconds. Idempotent."""
        if self.running:
            self.resume()
            self._signal(stop_signal or self.stop_signal)
            if not await self._ended(self.grace):
                await self.kill()
        self._dismiss_guard()

    async def kill(self) -> None:
        """kill -9 the process and all below it, like a power failure that keeps the disk's cache."""
        family = self.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await self._ended(self.grace)
        await asyncio.to_thread(psutil.wait_procs, family[1:], timeout=self.grace)
        self._dismiss_guard()

    def pause(self) -> None:
        """Freeze the process and all below it (SIGSTOP). On return connections are open, and nothing answers."""
        for process in self.family()[:1]:
            _freeze(process)
        for process in self.family()[1:]:  # listed again, because the first, now frozen, creates no more
            _freeze(process)

    def resume(self) -> None:
        """Resume a frozen process (SIGCONT). Idempotent."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def family(self) -> list[psutil.Process]:
        """Return the process and all below it, the process first; empty if it does not run."""
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
            if time.monotonic() > end:  # for example, a write to a disk that does not answer
                raise EmbeddedError(f"process {process.pid} could not be frozen in {FREEZE_LIMIT_SECONDS:g} s")
            time.sleep(POLL_SECONDS / 10)


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
