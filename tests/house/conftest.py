"""The files that the rules of the house are checked on: those that are, or would be, under version control."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """All files of the checkout that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def texts(files: list[Path]) -> dict[str, str]:
    """Path from the root, and content; files that are no text are left out."""
    found = {}
    for path in files:
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
    return found


@pytest.fixture(scope="session")
def sources(texts: dict[str, str]) -> dict[str, ast.Module]:
    """The Python modules, parsed."""
    return {name: ast.parse(text, name) for name, text in texts.items() if name.endswith(".py")}
