"""The place of what tests write: in memory, where the machine has room for it there.

A test's database is 300 files, and making so many takes a hundred times as long on a disk's file system as in memory:
ext4 looks through all that were removed in the last minutes before it makes one.
"""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that have to be free there: a run with six processes takes a third of it."""


def write_to_memory() -> None:
    """Make memory the place of temporary files, for this process and those it starts, unless one was chosen."""
    if "TMPDIR" not in os.environ and has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def has_room(place: Path) -> bool:
    """Return whether temporary files and programs may lie in this directory, and fit."""
    if not os.access(place, os.W_OK | os.X_OK):
        return False
    system = os.statvfs(place)
    return not system.f_flag & os.ST_NOEXEC and system.f_bavail * system.f_frsize >= ROOM
