"""Wheels of this repository, and programs in environments into which they are installed."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[1]
HIDDEN = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")


def run(command: Sequence[object], directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; nothing of this repository's environment shows through."""
    inherited = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return subprocess.run(
        [str(part) for part in command],
        cwd=directory,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def uv(*arguments: object) -> None:
    """Run uv. Raises AssertionError with its errors."""
    ended = run([ROOT / ".ci" / "uv", *arguments], ROOT)
    assert ended.returncode == 0, ended.stderr


def build(package: Path, directory: Path) -> None:
    """Put the wheel of a package of this repository into the directory."""
    uv("build", "--quiet", "--wheel", "--out-dir", directory, package)


def environment_with(wheels: Sequence[Path], directory: Path) -> Path:
    """Make an environment with the wheels and their dependencies; return its directory."""
    uv("venv", "--quiet", directory)
    uv("pip", "install", "--quiet", "--python", directory, *wheels)
    return directory
