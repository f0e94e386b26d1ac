"""A real browser: Debian's Chromium, driven by Playwright, on the console's pages."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from playwright.async_api import async_playwright

from tests.console.gallery import NOBODY, TRIED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page, Response

    from tests.console.gallery import Gallery, Sight

EXECUTABLE = shutil.which("chromium")
ZONE = "Asia/Shanghai"


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Chromium while the block runs."""
    async with async_playwright() as playwright:
        # /dev/shm is small in containers.
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=["--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser, gallery: Gallery, person: str = NOBODY, language: str = "en", **given: Any
) -> AsyncIterator[Page]:
    """A tab of a person who is signed in, without JavaScript."""
    options = {
        "java_script_enabled": False,
        "viewport": {"width": 1280, "height": 900},
        "reduced_motion": "reduce",
    } | given
    context = await browser.new_context(
        base_url=gallery.running.origin, locale=language, extra_http_headers=gallery.headers(person), **options
    )
    try:
        page = await context.new_page()
        if (way_in := gallery.way_in(person)) is not None:
            await page.goto(way_in)
        yield page
    finally:
        await context.close()


async def go_to(page: Page, sight: Sight) -> Response:
    """Go to a page as the person does who wants it; where something is pasted there, to the answer."""
    answer = await page.goto(sight.path)
    if sight.pasted:
        await page.fill("textarea[name=value]", sight.pasted)
        await page.fill("input[name=key]", TRIED)
        async with page.expect_navigation() as sent:
            await page.click("main form button[type=submit]")
        answer = await sent.value
    assert answer is not None
    return answer
