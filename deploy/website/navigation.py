"""Three entrances to the documentation, and the entries of its search."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deploy.website.page import Page


class Entrance(NamedTuple):
    """The pages for one kind of reader; the first of them leads to all others."""

    title: str
    pages: tuple[str, ...]


ENTRANCES = (
    Entrance(
        "For other teams", ("teams.html", "contracts.html", "messages.html", "clients.html", "contracts-pacts.html")
    ),
    Entrance(
        "For operators",
        (
            "operators.html",
            "readme.html",
            "runbook.html",
            "deploy-rights.html",
            "deploy-helm.html",
            "deploy-example.html",
            "performance.html",
            "console.html",
        ),
    ),
    Entrance(
        "For changes",
        (
            "changes.html",
            "contributing.html",
            "architecture.html",
            "agreement.html",
            "rules.html",
            "glossary.html",
            "decisions.html",
            "changelog.html",
        ),
    ),
)


class Entry(NamedTuple):
    """A section that can be found, with its words."""

    address: str
    page: str
    title: str
    words: str
    """Each once, in order, with a blank before each and after the last."""


def search_entries(pages: Sequence[Page]) -> Iterator[Entry]:
    """Yield an entry per section, those of the entrances' pages first."""
    first = [name for entrance in ENTRANCES for name in entrance.pages]
    order = {name: number for number, name in enumerate(first)}
    for page in sorted(pages, key=lambda one: (order.get(one.name, len(order)), one.name)):
        if not page.sections:
            yield Entry(page.name, page.title, page.title, _line(page.title.lower().replace(".", " ").split()))
        for section in page.sections:
            words = {*section.words, *section.title.lower().split(), *page.title.lower().split()}
            yield Entry(f"{page.name}#{section.anchor}", page.title, section.title, _line(words))


def _line(words: Iterable[str]) -> str:
    return f" {' '.join(sorted(words))} "
