"""End a server when the program that started it is gone. Run as a script; standard input is a pipe from that program.

PR_SET_PDEATHSIG is no alternative: it fires when the *thread* that started the child ends, is lost when the child
changes its user (PostgreSQL as root), exists only on Linux, can't resume a frozen child, and does not end PostgreSQL's
backends, which have sessions of their own. A pipe closes however its writer ends, kill -9 included.

The guard reads one byte. A byte means that the program ended the server itself. End of file means that the program
died.
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
    """Return the server's process and all below it; empty if it is gone, or if another process has its id."""
    try:
        return [server, *server.children(recursive=True)] if server.is_running() else []
    except psutil.NoSuchProcess:
        return []


def end(server: psutil.Process, stop_signal: int, grace: float) -> None:
    """Ask the server to stop, wait up to `grace` seconds, and kill the rest of its processes."""
    family = family_of(server)
    for process in family:  # wake a frozen process, or it can't react
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
    with contextlib.suppress(psutil.NoSuchProcess):
        server.send_signal(stop_signal)
    _, alive = psutil.wait_procs(family, timeout=grace)
    for process in {*alive, *family_of(server)}:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def main() -> None:
    """Wait for the parent's byte or death; on death, end the server and remove the scratch directories."""
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
