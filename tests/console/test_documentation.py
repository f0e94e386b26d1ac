"""The documentation within the console: the site that `make docs` writes, without its script."""

from __future__ import annotations

import re

import pytest

from service.console import documentation
from tests.console.reading import Page, read, read_json

pytestmark = pytest.mark.usefixtures("site")


async def test_a_page_of_the_documentation_is_shown_within_the_console(pages, site) -> None:
    page = await read(pages, "/docs/purchasing.payment.tip_paid.v1.html")
    assert '<a href="/docs/index.html">Documentation</a>' in page
    assert page.count("<main") == page.count("<h1") == 1
    assert "<title>Documentation: purchasing.payment.tip_paid.v1 · " in page
    for link in Page(page).links:
        assert (
            "/" in link or link.startswith(("#", "?")) or link.partition("#")[0] in {one.name for one in site.iterdir()}
        )


async def test_the_search_shows_the_sections_with_all_words_without_a_script(pages) -> None:
    page = await read(pages, "/docs/search.html?q=Refund+limit")
    entries = re.findall(r'data-words="([^"]*)"', page)
    assert 3 < len(entries) < 60
    assert all(" refund" in words and " limit" in words for words in entries)
    assert 'value="Refund limit"' in page
    assert "<script" not in page
    assert len(re.findall("data-words", await read(pages, "/docs/search.html"))) > 300


async def test_words_to_search_for_are_shown_as_text(pages) -> None:
    page = await read(pages, '/docs/search.html?q="><script>x</script>')
    assert "<script" not in page


async def test_files_of_the_documentation_come_with_their_type(pages) -> None:
    for name, kind in (
        ("purchasing.payment.tip_paid.v1.schema.json", "application/json"),
        ("tests-console-order.png", "image/png"),
        ("LICENSE.txt", "text/plain"),
    ):
        async with pages.get(f"/docs/{name}") as answer:
            assert (answer.status, answer.content_type) == (200, kind)


@pytest.mark.parametrize("name", ["nothing.html", "..", "%2e%2e%2fREADME.md", "..%2F..%2Fetc%2Fpasswd", "%00"])
async def test_nothing_but_the_sites_own_files_is_found(name, pages) -> None:
    async with pages.get(f"{pages._base_url}/docs/{name}") as answer:
        assert answer.status == 404 or answer.url.path == "/"


async def test_without_the_site_the_page_shows_how_to_make_it(pages, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(documentation, "PLACES", (tmp_path / "none",))
    assert "<code>make docs</code>" in await read(pages, "/docs/index.html")


async def test_a_page_of_the_documentation_is_also_json(api) -> None:
    page = await read_json(api, "/docs/glossary.html")
    assert (page["slug"], page["title"]) == ("glossary.html", "Documentation: Glossary")
    assert 'id="going-out"' in page["html"]
