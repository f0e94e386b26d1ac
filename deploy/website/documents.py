"""The Markdown files that become pages, and the names of these pages."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = (
    "*.md",
    "contracts/README.md",
    "contracts/pacts/README.md",
    "deploy/**/*.md",
    "service/**/*.md",
    "tests/*/README.md",
    "tests/deploy/schemas/README.md",
)
OWN_PLACES = ("deploy/website/pages/", "service/docs/", "service/")
"""Directories that are left out of the names of pages."""


class Document(NamedTuple):
    """A Markdown file of the repository."""

    path: PurePosixPath
    text: str

    @property
    def page(self) -> str:
        """Name of its page."""
        return page_name(self.path)


def documents(root: Path) -> dict[PurePosixPath, Document]:
    """Return all documents by path."""
    found = sorted({path for pattern in PATTERNS for path in root.glob(pattern)})
    paths = [PurePosixPath(path.relative_to(root).as_posix()) for path in found]
    return {path: Document(path, (root / path).read_text("utf-8")) for path in paths}


def page_name(path: PurePosixPath) -> str:
    """Return the name of a document's page: flat, a directory's README under the directory's name."""
    text = path.with_suffix("").as_posix()
    for place in OWN_PLACES:
        text = text.removeprefix(place)
    return text.removesuffix("/README").replace("/", "-").lower() + ".html"
