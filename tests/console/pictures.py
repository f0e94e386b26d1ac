"""Takes the README's two pictures of the console, and with --all one of every page to look at.

python -m tests.console.pictures [--all DIRECTORY [PAGE …]]

The orders are the demo's. --all takes each page in both languages: light, dark, 320 pixels wide, and printed (PDF).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from service.console.language import LANGUAGES
from service.console.links import order_link
from service.embedded import EmbeddedPostgres
from service.store.migrate import migrate
from service.store.substitute_clock import EVENTS, set_clock
from tests.console.chromium import EXECUTABLE, browsing, go_to, visiting
from tests.console.conftest import LANES
from tests.console.gallery import ALL, AWAY, SIGHTS, gallery, play, trouble
from tests.databases import on_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from tests.console.gallery import Gallery, Sight

HERE = Path(__file__).resolve().parent
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
OF_THE_README = (
    ("order.png", order_link("demo-03"), "en", {"width": 1000, "height": 1300}),
    ("letter.png", order_link("demo-04", page="letter"), "zh-CN", {"width": 860, "height": 920}),
)
SCALE = 0.8
"""Of the README's pictures, so that they stay small."""
MARGIN = {"top": "15mm", "bottom": "15mm", "left": "15mm", "right": "15mm"}


async def take(all_into: Path | None, names: frozenset[str] = frozenset()) -> None:
    """Take the pictures; with `names` only of these pages."""
    async with shown(in_trouble=all_into is not None) as gallery_, browsing() as browser:
        if all_into is None:
            for name, path, language, size in OF_THE_README:
                async with visiting(browser, gallery_, ALL, language, viewport=size, device_scale_factor=SCALE) as page:
                    await page.goto(path)
                    await page.screenshot(path=HERE / name)
                    _say(f"{name}: {(HERE / name).stat().st_size // 1000} kB")
        else:
            for language in LANGUAGES:
                await _all(browser, gallery_, language, all_into, names)


@asynccontextmanager
async def shown(*, in_trouble: bool) -> AsyncIterator[Gallery]:
    """A console on the demo's orders, in a database of its own; with what operators have to see to or without."""
    with TemporaryDirectory() as directory:
        async with EmbeddedPostgres(Path(directory) / "postgres", settings={"fsync": "off"}, temporary=True) as server:
            await on_server(server.dsn, "create database pictures")
            database = server.dsn_of("pictures")
            await migrate(database, lanes=LANES, roles=True)
            await set_clock(database, EVENTS)
            await play(database)
            if in_trouble:
                await trouble(database)
            async with gallery(database) as shown:
                yield shown


async def _all(browser: Browser, gallery_: Gallery, language: str, into: Path, names: frozenset[str]) -> None:
    sights = [one for one in (*SIGHTS, *AWAY) if not names or one.name in names]
    for person in sorted({sight.person for sight in sights}):
        async with visiting(browser, gallery_, person, language) as page:
            for sight in (one for one in sights if one.person == person):
                if sight in AWAY:
                    await page.goto(sight.path)
                    gallery_.proxy.cut()
                await _every_way(page, sight, into / f"{sight.name}.{language}")
                gallery_.proxy.mend()


async def _every_way(page: Page, sight: Sight, into: Path) -> None:
    await go_to(page, sight)
    for name, scheme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("320", "light", NARROW)):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await page.screenshot(path=f"{into}.{name}.png", full_page=True)
    await page.pdf(path=f"{into}.pdf", format="A4", margin=MARGIN)  # type: ignore[arg-type]
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    _say(into.name)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    """Read the command line, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="DIRECTORY", help="take every page into this directory instead")
    parser.add_argument("names", nargs="*", metavar="PAGE", help="with --all, only these pages, such as `now`")
    arguments = parser.parse_args()
    if EXECUTABLE is None:
        _say("There is no chromium on the PATH: install it (apt-get install chromium) and try again.")
        return 1
    if arguments.all is not None:
        arguments.all.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(arguments.all, frozenset(arguments.names)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
