"""Acts in a real browser, without JavaScript and by keyboard alone."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.console.chromium import EXECUTABLE, browsing, visiting
from tests.console.gallery import ALL, gallery, play
from tests.console.test_acts import rows
from tests.console.test_browser import go, tab_to
from tests.console.test_database import as_owner
from tests.databases import temporary_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

    from service.embedded import EmbeddedPostgres
    from tests.console.gallery import Gallery

pytestmark = pytest.mark.asyncio(loop_scope="module")
in_module = pytest_asyncio.fixture(scope="module", loop_scope="module")

if EXECUTABLE is None:

    async def test_no_act_was_tried_in_a_browser() -> None:
        warnings.warn("no chromium on the PATH: no act was tried in a browser (.ci/run brings one)", stacklevel=1)

else:

    @in_module
    async def played(postgres: EmbeddedPostgres, console_template: str) -> AsyncIterator[str]:
        async with temporary_database(postgres, console_template) as database:
            await play(database)
            yield database

    @in_module
    async def shown(played: str) -> AsyncIterator[Gallery]:
        async with gallery(played) as shown:
            yield shown

    @in_module
    async def browser() -> AsyncIterator[Browser]:
        async with browsing() as browser:
            yield browser

    async def test_back_and_reload_do_nothing_twice_without_javascript(played, shown, browser) -> None:
        """The fourth accident."""
        async with visiting(browser, shown, ALL) as page:
            await page.goto("/orders/demo-04")
            await tab_to(page, "Hold")
            await go(page, "Enter")
            await ask(page, "the buyer complains")
            proposal = page.url
            await tab_to(page, "Do it")
            await go(page, "Enter")
            assert "/operations/" in page.url
            assert "ended" in await page.inner_text("main")
            await page.reload()
            await page.go_back()
            assert page.url == proposal
            await page.reload()
            assert "This was confirmed." in await page.inner_text("main")
            await tab_to(page, "What became of it")
            await go(page, "Enter")
            assert "done" in await page.inner_text("main")
        assert await rows(played, "select count(*) from console_operations") == [(1,)]
        assert await rows(played, "select count(*) from operator_actions where what = 'order hold'") == [(1,)]

    async def test_a_stale_preview_is_refused_by_keyboard_without_javascript(played, shown, browser) -> None:
        """The second accident."""
        async with as_owner(played) as owner:
            await owner.execute("update orders set held_at = now() where order_id = 'demo-05'")
        async with visiting(browser, shown, ALL) as page:
            await page.goto("/orders/demo-05")
            await tab_to(page, "Release")
            await go(page, "Enter")
            await ask(page, "the buyer was answered")
            async with as_owner(played) as owner:
                # What a message about the order does.
                await owner.execute("update orders set version = gen_random_uuid() where order_id = 'demo-05'")
            await tab_to(page, "Do it")
            await go(page, "Enter")
            text = await page.inner_text("main")
            assert "The preview is out of date" in text
            assert "Nothing was done: 1 of its orders have changed" in text
            assert await rows(played, "select held_at is null from orders where order_id = 'demo-05'") == [(False,)]
            await tab_to(page, "Make a new preview")
            await go(page, "Enter")
            await tab_to(page, "Do it")
            await go(page, "Enter")
            assert "done" in await page.inner_text("main")
        assert await rows(played, "select held_at is null from orders where order_id = 'demo-05'") == [(True,)]


async def ask(page: Page, why: str) -> None:
    """Give the reason and ask for the preview."""
    await tab_to(page, "Reason, kept with the act")
    await page.keyboard.type(why)
    await tab_to(page, "Show what would follow")
    await go(page, "Enter")
    assert "/proposals/" in page.url
