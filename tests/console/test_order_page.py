"""The order's page: facts with both times, decisions with clause and words, the money, what is awaited."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from purchasing_contracts.base import text_of
from yarl import URL

from service.console.links import search_link
from tests.console.gallery import ALL, SIGHTS, play, trouble
from tests.console.reading import Page, read
from tests.orders.stories import Story
from tests.rules.happenings import HOUR, when


async def hear(engine, story: Story) -> None:
    for inbound_record in story:
        await engine.handle([inbound_record])


def late_purchase(order_id: str = "ord-late") -> Story:
    story = Story(order_id).placed(at=0).accepted(at=HOUR).paid(at=2 * HOUR)
    return story.asks_to_cancel(at=8 * HOUR).bought(at=6 * HOUR)


async def test_the_page_of_an_order_with_late_news_is_shown(engine, pages) -> None:
    await hear(engine, late_purchase())
    async with pages.get("/orders/ord-late") as answer:
        page = await answer.text()
    assert answer.status == 200
    assert "late news" in page


TIME = re.compile(r'<time datetime="([^"]+)">(.*?)</time>')
TAG = re.compile(r"<[^>]+>")
CLOCK = re.compile(r"\b\d\d:\d\d\b")
WRITTEN = re.compile(r"<textarea.*?</textarea>", re.DOTALL)
"""A message to be sent: its instants are the contract's."""


async def test_every_instant_is_shown_in_the_persons_zone_and_in_utc_with_offsets(database, pages) -> None:
    await play(database)
    await trouble(database)
    found = 0
    for zone in ("Asia/Shanghai", "America/New_York", "UTC"):
        for sight in SIGHTS:
            if sight.person == ALL and not sight.path.startswith("/search"):
                async with pages.get(URL(sight.path, encoded=True).update_query(zone=zone)) as answer:
                    page = await answer.text()
                found += instants_told(page, zone)
                if "letter" not in sight.name:  # a letter is text: its instants have their offset beside them
                    assert CLOCK.findall(TAG.sub("", WRITTEN.sub("", TIME.sub("", page)))) == [], sight.name
    assert found > 200


def instants_told(page: str, zone: str) -> int:
    """Assert that each instant is shown with zone and offset; return how many there are."""
    found = TIME.findall(page)
    for instant, shown in found:
        at = datetime.fromisoformat(instant)
        local = at.astimezone(ZoneInfo(zone))
        told = TAG.sub("", shown)
        assert told.startswith(f"{local:%Y-%m-%d %H:%M:%S} {local.isoformat()[-6:]}"), told
        assert zone == "UTC" or f"{at:%H:%M:%S} UTC" in told
        assert at.date() == local.date() or f"{at:%Y-%m-%d}" in told
    return len(found)


async def test_how_the_order_stands_is_what_was_decided_and_not_undone(database, pages) -> None:
    await play(database)
    for order_id, outcome in {"demo-04": "Closing: cancelled.", "demo-05": "Agreement: effective."}.items():
        page = await read(pages, f"/orders/{order_id}")
        assert re.search(r'<p class="outcome">([^<]+)</p>', page)[1] == outcome  # type: ignore[index]


async def test_every_id_is_a_link_and_every_page_of_an_order_leads_to_it(engine, pages) -> None:
    await hear(engine, with_ids("ord-1"))
    async with pages.get("/orders/ord-1", headers={"Accept": "application/json"}) as answer:
        known = await answer.json()
    order = Page(await read(pages, "/orders/ord-1"))
    ids = {one["id"] for one in (*known["facts"], *known["outputs"])}
    ids |= {"acct-x", "prov-x", "pay-x", "can-x", "cb-x"}
    assert {search_link(one) for one in ids} <= set(order.links)
    assert "/orders/ord-1" in Page(await read(pages, search_link("pay-x"))).links
    for page in ("/orders/ord-1/letter", f"/orders/ord-1/at/{text_of(when(4 * HOUR))}", "/search?q=pay-x"):
        assert "/orders/ord-1" in Page(await read(pages, page)).links, page


def with_ids(order_id: str) -> Story:
    story = Story(order_id).placed(account_id="acct-x", provider_id="prov-x").accepted().paid(payment_id="pay-x")
    story.bought(goods=90_000).asks_to_cancel(request="can-x")
    return story.seller_cancels(request="can-x").charged_back(amount=1_000, chargeback_id="cb-x", payment_id="pay-x")
