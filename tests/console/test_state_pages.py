"""The front page, the page per alert and the runbook's sections: with workers down, and with the database away."""

from __future__ import annotations

import asyncpg
import pytest

from service.console.runbook import sections, slug_of
from service.console.server import running_console
from service.operations.alerts import ALERTS
from tests.chaos.proxy import proxy_before
from tests.console.conftest import browser, settings_for
from tests.console.reading import Page, read, read_json
from tests.console.test_hostile import HOSTILE
from tests.console.test_order_page import hear
from tests.databases import on_server
from tests.deploy.documents import RUNBOOK
from tests.orders.stories import dissolved
from tests.waiting import eventually

PAUSE = "insert into outbox_pauses (lane, paused_by, why) values (-1, 'ann', 'a look')"


async def test_money_that_waits_its_reason_and_the_one_thing_to_do(database, engine, pages) -> None:
    await hear(engine, dissolved())
    await on_server(database, PAUSE)
    state = await read_json(pages, "/now", Accept="application/json")
    refunds = [one for one in state["unpublished"] if one["topic"] == "purchasing.commands.refund.v1"]
    order = await read_json(pages, "/orders/ord-1", Accept="application/json")
    commanded = sum(one["amount"] for one in order["outputs"] if one["type"] == "purchasing.refund.issue.v1")
    assert sum(one["amount"] for one in refunds) == commanded > 0
    assert next(one["name"] for one in state["alerts"]) == "PurchasingOutboxPaused"
    assert state["is_current"] is True

    async def refunds_are_awaited() -> bool:
        now = await read_json(pages, "/now", Accept="application/json")
        return "refund_answer" in {one["what"] for one in now["waits"]}

    await eventually(refunds_are_awaited, "the count of waits, which a page before may have made")
    for path in ("/now", "/"):
        text = Page(await read(pages, path)).text
        late, why, todo = (text.index(part) for part in ("Money that is late", "Why", "The one thing to do"))
        assert late < why < todo
        assert "paused by ann : a look" in text
        assert "python -m service outbox resume" in text


async def test_a_service_at_rest_has_nothing_to_do(api) -> None:
    state = await read_json(api, "/now")
    assert state["unpublished"] == state["waits"] == state["halted"] == []
    assert "Nothing." in Page(await read(api, "/now", Accept="text/html")).text


async def test_while_the_database_is_away_the_front_page_shows_the_last_state(database, engine) -> None:
    await hear(engine, dissolved())
    await on_server(database, PAUSE)
    async with (
        proxy_before(database) as (proxy, url),
        running_console(settings_for(url)) as running,
        browser(running) as session,
    ):
        before = await read_json(session, "/now", Accept="application/json")
        proxy.cut()
        after = await read_json(session, "/now", Accept="application/json")
        text = Page(await read(session, "/now")).text
        alert = Page(await read(session, "/alerts/PurchasingOutboxPaused")).text
    assert after["is_current"] is False
    assert after["known_at"] == before["known_at"]
    assert after["unpublished"] == before["unpublished"] != []
    assert after["alerts"][0]["name"] == "PurchasingServerAway"
    assert "The database can't be read now" in text
    assert "No command waits" not in text
    assert "can't be seen from here" in alert


async def test_an_alerts_page_shows_its_state_and_the_runbooks_section(database, pages) -> None:
    quiet = await read_json(pages, "/alerts/PurchasingOutboxPaused", Accept="application/json")
    assert (quiet["holds"], quiet["since"]) == (False, None)
    await on_server(database, PAUSE)
    now = await read_json(pages, "/alerts/PurchasingOutboxPaused", Accept="application/json")
    assert now["holds"] is True
    assert now["since"] is not None
    page = await read(pages, "/alerts/OutboxPaused")
    assert "<strong>First look</strong>" in page
    assert "python -m service outbox status" in Page(page).text
    for alert in ALERTS:
        await read(pages, f"/alerts/{alert.name}?lang=zh-CN")


async def test_an_unknown_alert_is_not_found_and_all_are_listed(pages) -> None:
    page = Page(await read(pages, "/alerts/PurchasingNone", 404))
    assert "There is no alert PurchasingNone" in page.text
    assert {f"/alerts/{alert.name}" for alert in ALERTS} <= set(page.links)
    problem = await read_json(pages, "/alerts/PurchasingNone", 404, Accept="application/json")
    assert "PurchasingMoneyLate" in problem["detail"]


async def test_texts_of_people_are_escaped(database, pages) -> None:
    for text in HOSTILE:
        connection = await asyncpg.connect(database)
        try:
            await connection.execute("delete from outbox_pauses")
            await connection.execute("insert into outbox_pauses (lane, paused_by, why) values (1, $1, $1)", text)
            await connection.execute(
                "insert into operator_actions (done_by, what, subject, outcome, why) values ($1, 'x', $1, $1, $1)",
                text,
            )
        finally:
            await connection.close()
        for path in ("/now", "/alerts/PurchasingOutboxPaused"):
            page = Page(await read(pages, path))
            assert not {"script", "img"} & {tag for tag, _ in page.elements}
            assert not any(name.startswith("on") for _, names in page.elements for name in names)
            assert page.comments == []
            assert " ".join(text.replace("\r\n", "\n").split()) in page.text


def test_every_section_of_the_runbook_is_a_page_with_its_commands() -> None:
    text = RUNBOOK.read_text("utf-8")
    titles = [line.removeprefix("## ").strip() for line in text.splitlines() if line.startswith("## ")]
    assert [one.title for one in sections().values()] == titles
    assert list(sections()) == [slug_of(title) for title in titles]
    assert {alert.section for alert in ALERTS} <= sections().keys()
    late = sections()["money-late"].html
    assert '<a href="/runbook/partition-stalled">Partition stalled</a>' in late
    assert "<td>messages of one partition</td>" in late
    assert "Procedures" not in sections()["clock-skew"].html


async def test_a_section_that_there_is_not_is_no_page(pages) -> None:
    assert "Two stores" in Page(await read(pages, "/runbook/two-stores")).text
    for name in ("nothing", "%00", "..%2f", "Money%20late"):
        await read(pages, f"/runbook/{name}", 404)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_the_front_page_is_in_both_languages(language, database, pages) -> None:
    await on_server(database, PAUSE)
    page = await read(pages, f"/now?lang={language}")
    assert ("首先要做的事" in page) is (language == "zh-CN")
