"""Writes the schemas, the examples and the AsyncAPI document: `python -m purchasing_contracts.generate DIRECTORY`.

With `--check` it writes nothing and says what isn't as it would write it (exit code 1). Files of its folders that it
would not write are removed. With `--release` it also writes what compatibility is held against from now on:
`released/VERSION.json` and `released/examples/VERSION.json`; a release that was written once is never changed (exit
code 2).
"""

import argparse
import sys
from pathlib import Path

from purchasing_contracts.generate.files import files, release

FRESH, STALE, RELEASED = 0, 1, 2
FOLDERS = ("schemas", "examples")


def main(arguments: list[str] | None = None) -> int:
    """Write, or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m purchasing_contracts.generate", description=__doc__)
    parser.add_argument("directory", type=Path, help="where schemas/ and examples/ are: contracts/ in the repository")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    parser.add_argument("--release", metavar="VERSION", help="also write the schemas as those of this release")
    given = parser.parse_args(arguments)
    wanted = files()
    for name, text in (release(given.release) if given.release else {}).items():
        if _text(given.directory / name) not in (None, text):
            sys.stderr.write(f"{name} was released with other schemas: choose a new version\n")
            return RELEASED
        wanted[name] = text
    stale = [name for name, text in wanted.items() if _text(given.directory / name) != text]
    strays = [path for path in _present(given.directory) if path.relative_to(given.directory).as_posix() not in wanted]
    if given.check:
        wrong = stale + [path.relative_to(given.directory).as_posix() for path in strays]
        sys.stdout.writelines(f"{name} is not as the models say\n" for name in wrong)
        return STALE if wrong else FRESH
    for name in stale:
        path = given.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], "utf-8")
    for path in strays:
        path.unlink()
    sys.stdout.write(f"{len(stale)} written, {len(strays)} removed, {len(wanted) - len(stale)} as they were\n")
    return FRESH


def _text(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _present(directory: Path) -> list[Path]:
    """Files that the generator might have written; not those of releases, which are never touched again."""
    return [path for folder in FOLDERS for path in sorted((directory / folder).rglob("*")) if path.is_file()]


if __name__ == "__main__":
    sys.exit(main())
