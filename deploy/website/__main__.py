"""Writes the documentation as a site: `python -m deploy.website --to build/site`.

Exit code 1: a link or an anchor leads nowhere; each is named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.website.site import DeadLinksError, build

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Write the site; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.website", description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("build/site"), help="directory of its own for the site")
    given = parser.parse_args(arguments)
    try:
        files = build(ROOT)
    except DeadLinksError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    given.to.mkdir(parents=True, exist_ok=True)
    for path in given.to.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (given.to / name).write_bytes(content)
    sys.stdout.write(f"{len(files)} files in {given.to}: open {given.to / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
