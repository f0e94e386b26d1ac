"""Programs of the service in processes of their own, without the time that Python takes to import them.

Importing the service takes most of a second of the processor, and the tests start it many hundred times. So each test
process has one server (`python -m tests.forkserver`) that has imported the service and forks a process for each
program: with its own process id, arguments, environment, standard streams, signals and exit code, as if
`python -m MODULE ARGUMENTS` had been run. What differs: the modules are there already. So tests of what is imported,
of Python's own variables and of the first start use `subprocess`.

The server ends, and kills what it has forked, when the test process is gone.
"""

import functools
import gc
import json
import os
import pkgutil
import runpy
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
LENGTH = struct.Struct("!I")
STREAMS = 3
ENDS_PROGRAMS = (SystemExit, KeyboardInterrupt)


class Process:
    """`python -m MODULE ARGUMENTS`, running. Like `subprocess.Popen`, as far as tests need that."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdin: IO[Any] | None = None,
        stdout: IO[Any] | None = None,
        stderr: IO[Any] | None = None,
        session: bool = False,
    ) -> None:
        """None as a stream is /dev/null; `session`: the process begins one of its own."""
        self.args = ["python", "-m", module, *arguments]
        self.returncode: int | None = None
        self._looking = threading.Lock()
        read, write = os.pipe()
        self._ends = os.fdopen(read, "rb")
        asked = {"module": module, "arguments": list(arguments), "environment": dict(environment), "session": session}
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            streams = [nothing if stream is None else stream.fileno() for stream in (stdin, stdout, stderr)]
            self.pid = _server().fork(asked, [*streams, write])
        finally:
            os.close(nothing)
            os.close(write)

    def poll(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it runs."""
        with self._looking:
            if self.returncode is None and not self._ends.closed and self._ended_within(0):
                said = self._ends.read()
                assert said, f"the fork server is gone, and with it {self.args}"
                self._ends.close()
                self.returncode = int(said)
            return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code when it has ended. Raises subprocess.TimeoutExpired after so many seconds."""
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = until - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(self.args, timeout)
            with suppress(ValueError):  # another thread has seen the end
                self._ended_within(left)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing when it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds: float) -> bool:
        ready = select.poll()
        ready.register(self._ends, select.POLLIN)
        return bool(ready.poll(max(0, seconds * 1000)))


def run(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], timeout: float, given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    """`python -m MODULE ARGUMENTS` to its end, `given` being its standard input. Raises subprocess.TimeoutExpired, and
    kills it, after so many seconds."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        stdin.write(given)
        stdin.seek(0)
        process = Process(module, arguments, environment, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout)
        except BaseException:
            process.kill()
            raise
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(process.args, code, stdout.read(), stderr.read())


def run_text(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """The same with its output as text."""
    done = run(module, arguments, environment, timeout)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


class _Server:
    """The server's other end, in the test process."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # An interrupt in a terminal is for the tests, which end their programs.
                start_new_session=True,
            )

    def fork(self, asked: Mapping[str, Any], streams: Sequence[int]) -> int:
        body = json.dumps(asked).encode()
        with self._asking:
            socket.send_fds(self._socket, [LENGTH.pack(len(body))], streams)
            self._socket.sendall(body)
            answer = self._socket.recv(LENGTH.size, socket.MSG_WAITALL)
        assert answer, "the fork server is gone: its last words are on standard error"
        return int(LENGTH.unpack(answer)[0])


@functools.cache
def _server() -> _Server:
    return _Server()


def serve(number: int) -> Callable[[], object]:
    """Fork what is asked for on this socket until nobody is at its other end. Returns in each forked process: what that
    has to do."""
    for module in pkgutil.walk_packages(import_module("service").__path__, "service."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    assert threading.active_count() == 1, threading.enumerate()
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.collect()
    gc.freeze()
    running: dict[int, int] = {}
    with socket.socket(fileno=number) as asked, woken, wakes, selectors.DefaultSelector() as selector:
        selector.register(asked, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(1000)
                _reap(running)
            if asked not in ready:
                continue
            head, streams, *_ = socket.recv_fds(asked, LENGTH.size, STREAMS + 1)
            if not head:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                return sys.exit
            request = json.loads(asked.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in running.values():
                    os.close(end)
                break
            for stream in streams[:STREAMS]:
                os.close(stream)
            running[pid] = streams[STREAMS]
            asked.sendall(LENGTH.pack(pid))
    return _become(request, streams)


def _reap(running: dict[int, int]) -> None:
    """Report the exit codes of those that have ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            pid, status = ended
            end = running.pop(pid)
            with suppress(BrokenPipeError):
                os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(end)


def _become(request: dict[str, Any], streams: Sequence[int]) -> Callable[[], object]:
    """Make this process as if Python had just been started in it."""
    if request["session"]:
        os.setsid()
    for standard, stream in enumerate(streams[:STREAMS]):
        os.dup2(stream, standard)
    for stream in streams:
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (
        open(standard, mode, closefd=False, encoding="utf-8", errors=errors)  # noqa: SIM115
        for standard, (mode, errors) in enumerate((("r", "strict"), ("w", "strict"), ("w", "backslashreplace")))
    )
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[attr-defined]
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv[1:] = request["arguments"]
    # A supervisor starts its own program again.
    sys.orig_argv = [sys.executable, "-m", request["module"], *request["arguments"]]
    return functools.partial(runpy.run_module, request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))()
