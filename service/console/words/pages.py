"""What the pages and the letter say, in zh-CN."""

from __future__ import annotations

_PAGES = {
    "Purchasing console": "代购控制台",
}

_LETTER: dict[str, str] = {}

PAGES = {**_PAGES, **_LETTER}
