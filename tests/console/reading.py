"""Pages as a browser reads them, and the read API's answers."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import ClientSession

VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """A page as a browser reads it: its elements with the names of their attributes, its text, its links."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.comments: list[str] = []
        self.texts: list[tuple[str, tuple[str, ...]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.links += [str(value) for name, value in attrs if name in ("href", "src", "action")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.texts.append((data, tuple(self._open)))

    @property
    def text(self) -> str:
        return " ".join(" ".join(text for text, _ in self.texts).split())


async def read(session: ClientSession, path: str, status: int = 200, **headers: str) -> str:
    async with session.get(path, headers=headers) as answer:
        text = await answer.text()
        assert answer.status == status, text
        return text


async def read_json(session: ClientSession, path: str, status: int = 200, **headers: str) -> Any:
    async with session.get(path, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        assert answer.content_type == ("application/json" if status < 400 else "application/problem+json")
        return await answer.json(content_type=None)
