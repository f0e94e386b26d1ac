"""The directories with the logs of test runs: those of a run with a failed test are kept, all others are removed.

A fault that comes once in fifty runs is explained by the logs of its run or not at all. While a run lasts, its
directory leads to one among the temporary files, which lie in memory.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil

FAILED = "failed"
"""File in a run's directory, with a line for each of its tests that failed."""
KEPT = 10
"""So many runs with a failed test are kept, the latest."""


def make_directory(runs: Path) -> Path:
    """Make this process's directory."""
    directory = directory_of(runs)
    runs.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix="purchasing-tests-"))
    target.chmod(0o755)  # PostgreSQL has an account of its own, which has to reach its data
    directory.symlink_to(target)
    return directory


def keep(run: Path) -> None:
    """Put a directory in the place of what led to it."""
    if run.is_symlink():
        target = run.readlink()
        run.unlink()
        shutil.move(target, run)


def note_failure(run: Path, test: str) -> None:
    """Note that a test failed, if the run has a directory."""
    if run.is_dir():
        with (run / FAILED).open("a") as noted:
            noted.write(f"{test}\n")


def clear(runs: Path, kept: Path) -> None:
    """Remove the directories of the processes that have ended, and move those with a failed test to `kept`."""
    for run in runs.glob("*"):
        if run.name.isdigit() and psutil.pid_exists(int(run.name)) and run != directory_of(runs):
            continue
        # Several processes do this at once.
        with suppress(OSError):
            keep(run)
        with suppress(OSError):
            if (run / FAILED).exists():
                kept.mkdir(exist_ok=True)
                run.rename(kept / f"{(run / FAILED).stat().st_mtime_ns}-{run.name}")
        shutil.rmtree(run, ignore_errors=True)
    for old in sorted(kept.glob("*"))[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def directory_of(runs: Path) -> Path:
    """Return this process's directory, whether it is there or not."""
    return runs / str(os.getpid())
