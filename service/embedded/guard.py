"""Ends a server when the program that started it is gone. Run as a script; standard input is a pipe from that
program.

Why a guard and not PR_SET_PDEATHSIG: that signal comes when the *thread* that started the child ends, is lost
when the child changes its user (PostgreSQL as root), exists on Linux only, and can't resume a frozen child or
end PostgreSQL's backends, which sit in sessions of their own. A pipe closes whatever ends its writer, kill -9
included.

The guard reads one byte: any byte means "I have ended it myself", end of file means "I am dead, clean up".
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil


def family_of(server: psutil.Process) -> list[psutil.Process]:
    """The server's process and all below it; empty when it has gone (or its number belongs to another by
    now).
    """
    try:
        return [server, *server.children(recursive=True)] if server.is_running() else []
    except psutil.NoSuchProcess:
        return []


def end(server: psutil.Process, stop_signal: int, grace: float) -> None:
    """Asks the server to stop, waits `grace` seconds at most, and kills what is left of its family."""
    family = family_of(server)
    for process in family:  # a frozen one can't hear anything else
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
    with contextlib.suppress(psutil.NoSuchProcess):
        server.send_signal(stop_signal)
    _, alive = psutil.wait_procs(family, timeout=grace)
    for process in {*alive, *family_of(server)}:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def main() -> None:
    """Waits for the parent's word or death; on death ends the server and removes the scratch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pid", type=int)
    parser.add_argument("stop_signal", type=int)
    parser.add_argument("grace", type=float, help="seconds")
    parser.add_argument("scratch", nargs="*", type=Path, help="what to remove afterwards")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # an interrupt meant for the program must not disarm its guard
    try:
        server = psutil.Process(arguments.pid)
    except psutil.NoSuchProcess:
        return
    if os.read(sys.stdin.fileno(), 1):
        return
    end(server, arguments.stop_signal, arguments.grace)
    for path in arguments.scratch:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
