"""The order's page: facts with both times, decisions with clause and words, the money, what is awaited."""

from __future__ import annotations

from tests.orders.stories import Story
from tests.rules.happenings import HOUR


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
