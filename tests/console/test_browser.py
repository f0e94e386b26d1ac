"""The pages in a real browser, all in one pass: each in both languages, light and dark, narrow and printed.

axe-core is put into the pages from outside; the pages themselves have no script. The walk by keyboard has JavaScript
off. Where there is no Chromium, `.ci/run` installs it, and the run's warnings say so.
"""

from __future__ import annotations

import json
import warnings
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import pytest_asyncio

from service.console.language import LANGUAGES
from tests.console.chromium import EXECUTABLE, browsing, go_to, visiting
from tests.console.gallery import ALL, AWAY, BROKEN, ENGINEER, SIGHTS, TRIED, event_of, gallery, play, trouble
from tests.databases import temporary_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from service.embedded import EmbeddedPostgres
    from tests.console.gallery import Gallery, Sight

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW = 320
"""CSS pixels: what is left of 1,280 at 400 % zoom (WCAG 2.2, 1.4.10)."""

OF_THE_PAGE = """() => ({
    scripts: document.scripts.length
        + [...document.querySelectorAll('*')].filter(e => e.getAttributeNames().some(n => n.startsWith('on'))).length,
    language: document.documentElement.lang,
    title: document.title,
    headings: document.querySelectorAll('h1').length,
    found: [...document.querySelectorAll('[data-words] a')].map(e => e.textContent),
})"""
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll'))
    .map(e => e.outerHTML.slice(0, 200))"""
PRINTED = """() => ({
    controls: [...document.querySelectorAll('.top, .skip, form, summary, .noprint, nav')]
        .filter(e => e.tagName !== 'SUMMARY' && e.checkVisibility()).map(e => e.outerHTML.slice(0, 200)),
    text: document.body.innerText,
    letter: document.querySelector('.letter')?.innerText,
    dark: getComputedStyle(document.body).backgroundColor,
})"""

FOCUS = """() => {
    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    return {
        text: (e.innerText || e.labels?.[0]?.innerText || e.getAttribute('aria-label') || '').trim(),
        inside: e.closest('main') ? 'main' : e.closest('header') ? 'header' : e.tagName.toLowerCase(),
        visible: style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2
            && box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
}"""
STOPS_MAX = 150


class Seen(NamedTuple):
    """The findings on a page in one language."""

    status: int
    of_page: dict[str, Any]
    faults: dict[str, list[str]]
    """axe-core's findings by colour scheme."""
    too_wide: list[str]
    printed: dict[str, Any]
    requests: list[str]
    said: list[str]
    """The messages on the browser's own console, such as a violation of the page's policy."""


pytestmark = pytest.mark.asyncio(loop_scope="module")
in_module = pytest_asyncio.fixture(scope="module", loop_scope="module")

if EXECUTABLE is None:

    async def test_no_page_was_tried_in_a_browser() -> None:
        warnings.warn("no chromium on the PATH: no page was tried in a browser (.ci/run brings one)", stacklevel=1)

else:

    @in_module
    async def shown(postgres: EmbeddedPostgres, console_template: str, site: Path) -> AsyncIterator[Gallery]:
        async with temporary_database(postgres, console_template) as database:
            await play(database)
            await trouble(database)
            async with gallery(database) as shown:
                yield shown

    @in_module
    async def browser() -> AsyncIterator[Browser]:
        async with browsing() as browser:
            yield browser

    @in_module
    async def seen(shown: Gallery, browser: Browser) -> dict[tuple[str, str], Seen]:
        """Every page in every language, looked at by each person in one tab."""
        found: dict[tuple[str, str], Seen] = {}
        for language in LANGUAGES:
            for person in sorted({sight.person for sight in SIGHTS}):
                async with visiting(browser, shown, person, language, java_script_enabled=True) as page:
                    requests, said = listen(page)
                    for sight in SIGHTS:
                        if sight.person == person:
                            found[sight.name, language] = await look(page, sight, requests, said)
                    for sight in AWAY:
                        if sight.person == person:
                            await page.goto(sight.path)
                            shown.proxy.cut()
                            found[sight.name, language] = await look(page, sight, requests, said)
                            shown.proxy.mend()
        return found

    async def test_every_page_is_seen_in_its_language_with_one_heading(seen) -> None:
        for sight in (*SIGHTS, *AWAY):
            for language in LANGUAGES:
                one = seen[sight.name, language]
                assert one.status == sight.status, sight.name
                assert one.of_page["language"] == language
                assert one.of_page["headings"] == 1, sight.name
        titles = {one.of_page["title"] for one in seen.values()}
        assert len(titles) > len(SIGHTS)

    async def test_axe_finds_no_fault_on_any_page(seen) -> None:
        assert {name: one.faults for name, one in seen.items() if any(one.faults.values())} == {}

    async def test_no_page_has_a_script_or_asks_another_host(seen, shown) -> None:
        for name, one in seen.items():
            assert one.of_page["scripts"] == 0, name
            assert one.requests, name
            assert [url for url in one.requests if not url.startswith(f"{shown.running.origin}/")] == [], name

    async def test_the_browser_complains_of_no_page(seen) -> None:
        """It says of an answer of 403, 404 or 503 that loading failed, and nothing else."""
        for name, one in seen.items():
            assert [line for line in one.said if f"status of {one.status}" not in line] == [], name

    async def test_no_page_scrolls_sideways_at_400_percent(seen) -> None:
        assert {name: one.too_wide for name, one in seen.items() if one.too_wide} == {}

    async def test_a_printed_page_has_no_controls_and_is_black_on_white(seen) -> None:
        for name, one in seen.items():
            assert one.printed["controls"] == [], name
            assert one.printed["dark"] == "rgb(255, 255, 255)", name
        for language in LANGUAGES:
            letter = seen["letter", language].printed
            assert letter["text"].strip() == letter["letter"].strip() != ""

    async def test_the_documentations_search_by_script_shows_what_the_console_shows(site, seen, browser) -> None:
        context = await browser.new_context()
        try:
            page = await context.new_page()
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            await page.goto(f"{(site / 'search.html').as_uri()}?q=Refund+limit")
            shown = await page.locator("[data-words]:visible a").evaluate_all("all => all.map(a => a.textContent)")
        finally:
            await context.close()
        assert said == []
        assert shown == seen["docs-search", "en"].of_page["found"]

    async def test_every_task_can_be_done_by_keyboard_alone_without_javascript(shown, browser) -> None:
        async with visiting(browser, shown, ALL) as page:
            await tab_to(page, "Find by any id")
            await page.keyboard.type("acct-7")
            await go(page, "Enter")
            await tab_to(page, "demo-04")
            await go(page, "Enter")
            assert page.url.endswith("/orders/demo-04")
            await tab_to(page, "what was known then")
            await go(page, "Enter")
            assert "/orders/demo-04/at/2026-03-05T09:00:00" in page.url
            await tab_to(page, "What is known now")
            await go(page, "Enter")
            await tab_to(page, "12(1)B")
            await go(page, "Enter")
            assert page.url.endswith("/clauses/12#12(1)B")
            assert await page.locator(":target").inner_text() == await page.locator("[id='12(1)B']").inner_text()
            await tab_to(page, "Find by any id")
            await page.keyboard.type("demo-04")
            await go(page, "Enter")
            await tab_to(page, "Letter to the buyer")
            await go(page, "Enter")
            await tab_to(page, "As text, to copy")
            await page.keyboard.press("Enter")
            await page.keyboard.press("Tab")
            assert "Dear customer," in (await page.evaluate(FOCUS))["text"]
            await tab_to(page, "中文")
            await go(page, "Enter")
            assert "尊敬的客户" in await page.inner_text("main")
            await tab_to(page, "local user")
            await go(page, "Enter")
            await tab_to(page, "退出登录")
            await go(page, "Enter")
            assert page.url.endswith("/login")
            await page.goto("/orders/demo-04")
            assert "/login?next=" in page.url

    async def test_an_operators_night_can_be_done_by_keyboard_alone_without_javascript(shown, browser) -> None:
        async with visiting(browser, shown, ALL) as page:
            await tab_to(page, "Now")
            await go(page, "Enter")
            await tab_to(page, "PurchasingOutboxPaused")
            await go(page, "Enter")
            assert "it is so" in await page.inner_text("main")
            await tab_to(page, "Alerts")
            await go(page, "Enter")
            await tab_to(page, "PurchasingQuarantineGrowing")
            await go(page, "Enter")
            await tab_to(page, "What the runbook says")
            await go(page, "Enter")
            assert page.url.endswith("/runbook/quarantine-growing")
            await tab_to(page, "Quarantine")
            await go(page, "Enter")
            await tab_to(page, "3")
            await go(page, "Enter")
            await tab_to(page, f"0/{BROKEN}")
            await go(page, "Enter")
            assert "/data/items/0/quantity" in await page.inner_text("main")
            await tab_to(page, "demo-10")
            await go(page, "Enter")
            assert "demo-10" in await page.inner_text("h1")

    async def test_an_engineer_finds_and_tries_a_message_by_keyboard_alone(shown, browser) -> None:
        async with visiting(browser, shown, ENGINEER) as page:
            await page.goto("/")
            await tab_to(page, "Messages")
            await go(page, "Enter")
            await tab_to(page, "Or an order: all its messages")
            await page.keyboard.type("demo-04")
            await go(page, "Enter")
            assert "It was received at" in await page.inner_text("main")
            await tab_to(page, "Try a message")
            await go(page, "Enter")
            await tab_to(page, "Value")
            await page.keyboard.insert_text(json.dumps(event_of(TRIED, quantity="many")))
            await tab_to(page, "Try it")
            await go(page, "Enter")
            assert "It would be quarantined" in await page.inner_text("main")
            assert "/data/items/0/quantity" in await page.inner_text("main")
            assert TRIED in await page.input_value("textarea[name=value]")

    async def test_the_first_stop_leads_past_the_header(shown, browser) -> None:
        async with visiting(browser, shown, ALL) as page:
            await page.goto("/clauses")
            await page.keyboard.press("Tab")
            assert (await page.evaluate(FOCUS))["text"] == "Skip to the content"
            await page.keyboard.press("Enter")
            await page.keyboard.press("Tab")
            assert (await page.evaluate(FOCUS))["inside"] == "main"

    async def test_axe_is_able_to_find_faults(browser) -> None:
        page = await browser.new_page()
        await page.set_content("<p style='color: #bbb; background: #fff'>pale</p><img src='data:,'>")
        assert {fault.partition(":")[0] for fault in await faults(page, RULES)} >= {
            "color-contrast",
            "image-alt",
            "html-has-lang",
        }
        await page.close()


async def tab_to(page: Page, text: str) -> None:
    """Press Tab until what has this text has the focus, which can be seen at every stop."""
    passed: list[str] = []
    while len(passed) < STOPS_MAX:
        await page.keyboard.press("Tab")
        focus = await page.evaluate(FOCUS)
        if focus["inside"] != "body":  # past the last stop the browser itself has the focus
            assert focus["visible"], focus
        if focus["text"] == text:
            return
        passed.append(focus["text"])
    raise AssertionError(f"{text!r} is no stop of {page.url}: {passed}")


async def go(page: Page, key: str) -> None:
    """Press a key that leads to another page."""
    async with page.expect_navigation():
        await page.keyboard.press(key)


def listen(page: Page) -> tuple[list[str], list[str]]:
    """Note what the page asks for, and what the browser says of it."""
    requests: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return requests, said


async def look(page: Page, sight: Sight, requests: list[str], said: list[str]) -> Seen:
    """Look at one page in every way."""
    requests.clear()
    said.clear()
    answer = await go_to(page, sight)
    of_page = await page.evaluate(OF_THE_PAGE)
    found = {"light": await faults(page, RULES)}
    await page.emulate_media(color_scheme="dark")
    found["dark"] = await faults(page, ["color-contrast"], kind="rule")
    await page.set_viewport_size({"width": NARROW, "height": 640})
    too_wide = await page.evaluate(TOO_WIDE)
    await page.emulate_media(media="print")
    printed = await page.evaluate(PRINTED)
    await page.emulate_media(media="screen", color_scheme="light")
    await page.set_viewport_size({"width": 1280, "height": 900})
    return Seen(answer.status, of_page, found, too_wide, printed, list(requests), list(said))


async def faults(page: Page, values: list[str], kind: str = "tag") -> list[str]:
    """The violations that axe-core finds, a line per place."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE)
    options = {"runOnly": {"type": kind, "values": values}, "resultTypes": ["violations"], "preload": False}
    results = await page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
        for one in results["violations"]
        for node in one["nodes"]
    ]
