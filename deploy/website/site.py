"""The whole site as files: pages, their navigation, the search, and what pages show or link to."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from markupsafe import Markup

from deploy.website.alerts import with_alerts
from deploy.website.documents import documents
from deploy.website.messages import ALL, contract_files, message_pages
from deploy.website.navigation import ENTRANCES, search_entries
from deploy.website.page import Page
from deploy.website.rendering import Links, Parsed, parse, render, resolved
from service.console.openapi import document
from service.console.rendering import templates_of
from service.console.routes import api_routes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHOWN_FILES = {".json": "", ".png": "", ".svg": ""}
"""Files that browsers show by themselves; `.txt` is added to the names of others."""
INSTEAD = {
    "contracts/schemas": ALL,
    "contracts/examples": ALL,
    "deploy": "operators.html",
    "contracts/asyncapi.json": "asyncapi.json",
}
"""The pages to which links to directories and to a file of the contract lead."""
READ_API = "https://console.example"
"""The address of the read API in the site's examples."""
STYLE, ICON = "console.css", "icon.svg"


class DeadLinksError(Exception):
    """Links lead nowhere; the text names them, one per line."""


class Site:
    """The files of the site, collected."""

    def __init__(self, root: Path) -> None:
        """Parse all documents."""
        self._root = root
        self._dead: list[str] = []
        self._copied: dict[str, bytes] = {}
        self._parsed: dict[PurePosixPath, Parsed] = {}
        self._pages: dict[PurePosixPath, str] = {}
        for path, one in documents(root).items():
            self._pages[path] = one.page
            self._parsed[path] = parse(path, with_alerts(one.text), partial(self._shown, path))

    @property
    def documents(self) -> frozenset[PurePosixPath]:
        """The paths of all documents."""
        return frozenset(self._pages)

    def page_of(self, document: str) -> str:
        """Return a document as HTML, without what is around it on its page."""
        return render(self._parsed[PurePosixPath(document)], Links(self._follow, self._mentioned))

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by name. Raises DeadLinksError."""
        pages = [
            Page(self._pages[path], parsed.title, self.page_of(path.as_posix()), parsed.sections)
            for path, parsed in self._parsed.items()
        ]
        pages += message_pages(self._root)
        if self._dead:
            raise DeadLinksError("\n".join(self._dead))
        return self._written(pages) | self._copied | contract_files(self._root) | _read_api() | _static()

    def _shown(self, path: PurePosixPath, name: str) -> str:
        """Return the text of a file that a document shows."""
        file = self._root / name
        if not file.is_file():
            self._dead.append(f"{path}: shows {name}, which is not there")
            return ""
        return file.read_text("utf-8")

    def _follow(self, document: PurePosixPath, link: str) -> str:
        """Return the address on the site of what a document links to; note it where nothing is there."""
        path, anchor = resolved(document, link)
        readme = path / "README.md"
        path = readme if readme in self._pages else path
        if path in self._pages:
            if anchor and anchor not in self._parsed[path].anchors:
                self._dead.append(f"{document}: {link}: there is no such section")
            return self._pages[path] + (f"#{anchor}" if anchor else "")
        if page := INSTEAD.get(path.as_posix()):
            return page
        if (self._root / path).is_file():
            name = path.as_posix().replace("/", "-") + SHOWN_FILES.get(path.suffix, ".txt")
            self._copied[name] = (self._root / path).read_bytes()
            return name
        self._dead.append(f"{document}: {link}: there is no such page or file")
        return ""

    def _mentioned(self, code: str) -> str | None:
        return self._pages.get(PurePosixPath(code)) if code.endswith(".md") else None

    def _written(self, pages: list[Page]) -> dict[str, bytes]:
        """Return the pages and the search as files."""
        environment = templates_of("deploy.website")
        titles: Mapping[str, str] = {page.name: page.title for page in pages}
        template = environment.get_template("page.html")

        def written(page: Page) -> bytes:
            made = template.render(
                page=page,
                article=Markup(page.html),  # noqa: S704 - of this repository's documents, HTML in them escaped
                entrances=ENTRANCES,
                titles=titles,
            )
            return made.encode()

        found = {page.name: written(page) for page in pages}
        script = files("deploy.website").joinpath("templates", "search.js").read_text("utf-8")
        search = environment.get_template("search.html").render(
            page=Page("search.html", "Search", ""),
            entrances=ENTRANCES,
            titles=titles,
            entries=search_entries(pages),
            script=Markup(script),  # noqa: S704 - a file of this package
            script_hash=f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}",
        )
        return found | {"search.html": search.encode()}


def build(root: Path) -> dict[str, bytes]:
    """Return the site as files by name. Raises DeadLinksError."""
    return Site(root).files()


def _read_api() -> dict[str, bytes]:
    """Return the description of the console's read API."""
    return {"openapi.json": json.dumps(document(list(api_routes()), READ_API), indent=1).encode()}


def _static() -> dict[str, bytes]:
    """Return stylesheet and icon: the console's, so that pages look alike in it and by themselves."""
    static = files("service.console").joinpath("static")
    return {name: static.joinpath(name).read_bytes() for name in (STYLE, ICON)}
