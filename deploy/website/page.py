"""A page of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from deploy.website.rendering import Section


class Page(NamedTuple):
    """A page: name, title, HTML, and its sections for the search."""

    name: str
    title: str
    html: str
    sections: tuple[Section, ...] = ()
