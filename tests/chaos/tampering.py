"""Programs with a clock of their own, and a disk that can be full: `tampered.c`, preloaded by the dynamic linker.

It needs neither root nor a file system of its own: a disk is full while a file of its name says so.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("tampered.c")


class Tampering:
    """The compiled library, in a directory that every account can read, because PostgreSQL runs under its own.
    Raises AssertionError without a C compiler."""

    def __init__(self) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        assert compiler is not None, "the cluster's disks and clocks need a C compiler (apt install gcc)"
        self._directory = Path(tempfile.mkdtemp(prefix="purchasing-chaos-"))
        self._directory.chmod(0o755)
        self._library = self._directory / "tampered.so"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", self._library, SOURCE, "-ldl"], check=True, capture_output=True
        )

    def variables(self, name: str, clock_seconds: float = 0) -> dict[str, str]:
        """The environment of the program of this name, with its clock so many seconds ahead."""
        return {
            "LD_PRELOAD": str(self._library),
            "CHAOS_CLOCK_SECONDS": f"{clock_seconds:.0f}",
            "CHAOS_DISK_FULL": str(self._full(name)),
        }

    def fill(self, name: str) -> None:
        """Let none of this program's files grow until `free`."""
        self._full(name).touch()

    def free(self, name: str) -> None:
        """Make room on its disk again."""
        self._full(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the library; running programs keep it."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _full(self, name: str) -> Path:
        return self._directory / f"full-{name}"
