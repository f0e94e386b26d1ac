"""The logs of a run with a failed test outlive the next runs."""

import os
from pathlib import Path

from tests.logs import KEPT, clear, note_failure

NOBODY = 2**22 + 1
"""More than any process id."""


def run_of(runs: Path, pid: int) -> Path:
    run = runs / str(pid)
    run.mkdir(parents=True)
    (run / "worker.log").write_text(f"said by {pid}")
    return run


def test_logs_are_kept_if_a_test_failed_and_removed_otherwise(tmp_path: Path) -> None:
    runs, kept = tmp_path / "tests", tmp_path / "failed"
    passed, failed, running = (run_of(runs, pid) for pid in (NOBODY, NOBODY + 1, os.getppid()))
    note_failure(failed, "test_a")
    clear(runs, kept)
    assert list(runs.iterdir()) == [running]
    (found,) = kept.iterdir()
    assert (found / "worker.log").read_text() == f"said by {NOBODY + 1}"
    assert (found / "failed").read_text() == "test_a\n"
    assert not passed.exists()


def test_only_the_latest_failed_runs_are_kept(tmp_path: Path) -> None:
    runs, kept = tmp_path / "tests", tmp_path / "failed"
    for n in range(KEPT + 2):
        note_failure(run_of(runs, NOBODY + n), "test_a")
        clear(runs, kept)
    assert sorted(int(one.name.partition("-")[2]) for one in kept.iterdir()) == [NOBODY + n for n in range(2, KEPT + 2)]


def test_a_run_without_servers_has_nothing_to_keep(tmp_path: Path) -> None:
    note_failure(tmp_path / "1", "test_a")
    assert list(tmp_path.iterdir()) == []
