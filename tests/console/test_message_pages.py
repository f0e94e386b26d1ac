"""Quarantine in groups, where a message is, and a message that is tried."""

from __future__ import annotations

import html
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from service.console import suppose_pages
from service.console.broker import BrokerAwayError, Record
from service.console.contract_pages import members
from service.console.server import running_console
from tests.chaos.proxy import proxy_before
from tests.cli.test_quarantine import garbled
from tests.console.conftest import browser, settings_for
from tests.console.reading import Page, read, read_json
from tests.console.test_access import somebody
from tests.console.test_hostile import HOSTILE
from tests.console.test_order_page import hear
from tests.orders.stories import Story, paid_order, record

if TYPE_CHECKING:
    from aiohttp import ClientSession

SECRET = "Warehouse 3, marker-77aa"
ORDERS = "purchasing.events.order.v1"


async def tried(session: ClientSession, status: int = 200, **sent: Any) -> Any:
    async with session.post("/try", json=sent, headers={"Accept": "application/json"}) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


def squeezed(text: str) -> str:
    """A text without blanks: where an element begins, `Page` puts one."""
    return "".join(text.split())


async def quarantine_some(engine) -> Story:
    """Two records of one sender with wrong quantities, and one that is no JSON; all of order ord-1 but the last."""
    story = paid_order()
    await hear(engine, story)
    placed = Story().placed(address=SECRET).last
    event = json.loads(placed.value)
    for n in (0, 1):
        bad = json.loads(json.dumps(event))
        bad["id"] = f"bad-{n}"
        bad["data"]["items"].append(bad["data"]["items"][0] | {"item_id": "2"})
        bad["data"]["items"][n]["quantity"] = "many"
        await engine.handle([record(json.dumps(bad).encode(), key=b"ord-1", topic=ORDERS)])
    await engine.handle([record(b"{", key=b"ord-9", topic=ORDERS)])
    return story


async def test_quarantine_is_shown_in_groups_with_what_waits_behind_them(engine, pages) -> None:
    await quarantine_some(engine)
    groups = (await read_json(pages, "/quarantine", Accept="application/json"))["groups"]
    assert [(one["reason"], one["place"], one["source"], one["records"], one["orders"]) for one in groups] == [
        ("schema", "/data/items/*/quantity", "/tests", 2, 1),
        ("not_json", "", None, 1, 0),
    ]
    order = await read_json(pages, "/orders/ord-1", Accept="application/json")
    assert order["awaited"]
    page = await read(pages, "/quarantine")
    assert SECRET not in page
    links = [link for link in Page(page).links if link.startswith("/quarantine/group")]
    records = await read_json(pages, links[0], Accept="application/json")
    assert len(records["records"]) == 2
    assert records["next"] is None
    assert all(one["holds_up"] == ["ord-1"] for one in records["records"])
    listed = Page(await read(pages, links[0]))
    assert "/data/items/*/quantity" in listed.text
    (first, *_) = [link for link in listed.links if link.startswith(f"/quarantine/{ORDERS}")]
    shown = await read(pages, first)
    assert SECRET not in shown
    assert "/data/items/" in Page(shown).text
    await read(pages, f"/quarantine/{ORDERS}/0/999999", 404)
    await read(pages, f"/quarantine/{ORDERS}/x/1", 404)
    await read(pages, "/quarantine/group?reason=schema", 400)


async def test_while_the_database_is_away_quarantine_is_shown_as_it_was_last(database, engine) -> None:
    await quarantine_some(engine)
    async with (
        proxy_before(database) as (proxy, url),
        running_console(settings_for(url)) as running,
        browser(running, Accept="application/json") as session,
    ):
        before = await read_json(session, "/quarantine")
        proxy.cut()
        after = await read_json(session, "/quarantine")
        page = Page(await read(session, "/quarantine", Accept="text/html")).text
        await read(session, "/messages?id=x", 503)
    assert after == before | {"is_current": False}
    assert after["groups"]
    assert "The database can't be read now" in page


async def test_a_group_is_shown_page_by_page(engine, api, monkeypatch) -> None:
    from service.console import quarantine_pages
    from service.store.operators import quarantine_groups

    monkeypatch.setattr(quarantine_groups, "RECORDS_SHOWN", 1)
    monkeypatch.setattr(quarantine_pages, "RECORDS_SHOWN", 1)
    await quarantine_some(engine)
    link = f"/quarantine/group?topic={ORDERS}&reason=schema&place=/data/items/*/quantity&source=/tests"
    seen = []
    while link is not None:
        records = await read_json(api, link)
        seen += [one["offset"] for one in records["records"]]
        link = records["next"]
    assert len(seen) == len(set(seen)) == 2


async def test_hostile_senders_and_places_are_shown_as_text(engine, pages) -> None:
    placed = Story().placed().last
    for text in HOSTILE:
        await engine.handle([garbled(placed, source=text, type="purchasing.none.v1", id=text)])
        await engine.handle([garbled(placed, data={text: text}, source=text)])
    page = Page(await read(pages, "/quarantine"))
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert not any(name.startswith("on") for _, names in page.elements for name in names)
    assert "<script>alert(1)</script>" in page.text
    for link in page.links:
        if link.startswith("/quarantine/group"):
            records = Page(await read(pages, link))
            assert not {"script", "img"} & {tag for tag, _ in records.elements}


async def test_a_message_is_found_by_id_and_by_order_with_what_it_led_to(engine, pages) -> None:
    await hear(engine, Story().placed().accepted().paid().asks_to_cancel(request="r-1"))
    where = await read_json(pages, "/messages?id=ord-1-e3", Accept="application/json")
    (received,) = where["received"]
    assert (received["order_id"], received["nth"], received["source"]) == ("ord-1", 4, "/tests")
    order = await read_json(pages, "/orders/ord-1", Accept="application/json")
    assert received["led_to"] == [one for one in order["outputs"] if one["at"] == received["received_at"]] != []
    page = Page(await read(pages, "/messages?id=ord-1-e3"))
    assert all(squeezed(one["words"]) in squeezed(page.text) for one in received["led_to"])
    every = await read_json(pages, "/messages?order=ord-1", Accept="application/json")
    assert [one["nth"] for one in every["received"]] == [1, 2, 3, 4]
    assert (await read_json(pages, "/messages?id=ord-1-e3&source=/others", Accept="application/json"))["received"] == []
    text = Page(await read(pages, "/messages?id=never")).text
    assert "No such message became a fact." in text
    assert "read" in text
    for path in ("/messages?source=/x", "/messages?topic=t", "/messages?topic=t&partition=-1&offset=0"):
        await read(pages, path, 400)
    await read(pages, "/messages?id=%00&order=%FF")


class Kafka:
    """A broker with one record; the console's acts know of none."""

    kafka = None

    def __init__(self, found: Record | BrokerAwayError | None) -> None:
        self._found = found

    async def lag(self) -> None:
        return None

    async def record(self, topic: str, partition: int, offset: int) -> Record | None:
        if isinstance(self._found, BrokerAwayError):
            raise self._found
        return self._found


@asynccontextmanager
async def console_with(database: str, broker: Any):
    async with running_console(settings_for(database), broker=broker) as running, browser(running) as session:
        yield session


async def test_a_message_is_found_by_its_place_in_kafka(database, engine) -> None:
    story = paid_order()
    await hear(engine, story)
    one = story.last
    here = f"/messages?topic={one.topic}&partition=0&offset={one.offset}"
    for broker, place, received in (
        (Kafka(Record(one.key, one.value, ())), "known", ["ord-1-e2"]),
        (Kafka(Record(one.key, b"{", ())), "no_message", []),
        (Kafka(None), "nothing", []),
        (Kafka(BrokerAwayError("gone")), "unreadable", []),
        (None, "not_asked", []),
    ):
        async with console_with(database, broker) as session:
            where = await read_json(session, here, Accept="application/json")
            await read(session, here)
        assert (where["place"], [found["id"] for found in where["received"]]) == (place, received)


async def test_a_quarantined_message_is_found_by_its_place_and_its_order(engine, api) -> None:
    bad = record(b"{", key=b"ord-7", topic=ORDERS)
    await engine.handle([bad])
    for path in (f"/messages?topic={ORDERS}&partition=0&offset={bad.offset}", "/messages?order=ord-7"):
        where = await read_json(api, path)
        assert [one["reason"] for one in where["in_quarantine"]] == ["not_json"]


async def test_the_ids_of_a_look_up_are_in_their_fields_and_not_in_the_search(engine, pages) -> None:
    await hear(engine, paid_order())
    page = await read(pages, "/messages?order=ord-1")
    assert re.findall(r'<input id="(\w+)"[^>]* value="([^"]+)"', page) == [("order", "ord-1")]
    page = await read(pages, "/search?q=ord-1-e0")
    assert re.findall(r'<input id="(\w+)"[^>]* value="([^"]+)"', page) == [("q", "ord-1-e0")]


async def test_engineers_learn_that_a_message_was_received_and_not_what_it_led_to(database, engine, provider) -> None:
    await hear(engine, paid_order())
    placed = Story("ord-2").placed().last
    async with (
        running_console(settings_for(database, **provider.settings())) as running,
        somebody(running, provider, "g-engineer", accept="application/json") as session,
    ):
        (received,) = (await read_json(session, "/messages?id=ord-1-e2"))["received"]
        answer = await tried(session, value=placed.value.decode(), key="ord-2")
    assert received["led_to"] is None
    assert (answer["is_valid"], answer["outputs"]) == (True, None)


async def test_trying_a_message_shows_what_would_be_published(engine, pages) -> None:
    story = Story().placed().accepted().paid().bought(goods=90_000, at=3_000_000)
    await hear(engine, story)
    asks = Story().placed().accepted().paid().bought(goods=90_000, at=3_000_000).asks_to_cancel(request="r-1").last
    value = asks.value.decode()
    before = await read_json(pages, "/orders/ord-1", Accept="application/json")
    answer = await tried(pages, value=value, key="ord-1")
    assert (answer["is_valid"], answer["reason"], answer["is_known"], answer["topic"]) == (True, None, False, ORDERS)
    unchanged = await read_json(pages, "/orders/ord-1", Accept="application/json")
    assert (unchanged["facts"], unchanged["outputs"]) == (before["facts"], before["outputs"])
    await engine.handle([asks])
    after = await read_json(pages, "/orders/ord-1", Accept="application/json")
    assert answer["outputs"] == [one["words"] for one in after["outputs"][len(before["outputs"]) :]] != []
    again = await tried(pages, value=value, key="ord-1")
    assert (again["is_known"], again["outputs"]) == (True, [])


async def test_a_supposed_message_shows_its_consequences_and_is_not_stored(database, engine, provider) -> None:
    """By support, from the order's page: the ids of the order are filled in."""
    await hear(engine, paid_order().bought(goods=90_000, at=3_000_000).asks_to_cancel(request="r-1"))
    async with (
        running_console(settings_for(database, **provider.settings())) as running,
        somebody(running, provider, "g-support") as session,
    ):
        before = await read_json(session, "/orders/ord-1", Accept="application/json")
        assert "/orders/ord-1/what-if" in Page(await read(session, "/orders/ord-1")).links
        assert "The seller agreed to cancel (r-1)" in Page(await read(session, "/orders/ord-1/what-if")).text
        link = "/orders/ord-1/what-if?type=purchasing.seller.cancellation_agreed.v1"
        supposed = await read_json(session, link, Accept="application/json")
        assert json.loads(supposed["value"])["data"]["request_id"] == "r-1"
        async with session.post("/orders/ord-1/what-if", data={"value": supposed["value"]}) as answer:
            assert answer.status == 200
            page = Page(await answer.text()).text
        assert "What would be published now" in page
        assert "Refund" in page
        after = await read_json(session, "/orders/ord-1", Accept="application/json")
        assert (after["facts"], after["outputs"]) == (before["facts"], before["outputs"])
        for order_id, status in (("ord-2", 400), ("ord-1", 200)):
            value = json.dumps(json.loads(supposed["value"]) | {"subject": order_id})
            async with session.post("/orders/ord-1/what-if", data={"value": value, "key": order_id}) as answer:
                assert answer.status == status
        await read(session, "/orders/ord-9/what-if", 404)


async def test_everything_that_can_happen_is_written_out_as_a_valid_message(engine, pages) -> None:
    await hear(engine, paid_order().bought(goods=90_000, at=3_000_000).asks_to_cancel())
    for type_ in suppose_pages._types():
        supposed = await read_json(pages, f"/orders/ord-1/what-if?type={type_}", Accept="application/json")
        assert (await tried(pages, value=supposed["value"], key="ord-1"))["is_valid"], type_


async def test_the_contract_shows_every_message_with_its_members_and_examples(database, provider) -> None:
    async with (
        running_console(settings_for(database, **provider.settings())) as running,
        somebody(running, provider, "g-engineer") as session,
    ):
        assert "/contract" in Page(await read(session, "/messages")).links
        contract = await read_json(session, "/contract", Accept="application/json")
        types = [one["type"] for topic in contract["topics"] for one in topic["messages"]]
        page = Page(await read(session, "/contract"))
        assert {f"/contract/{type_}" for type_ in types} <= set(page.links)
        assert contract["versions"][0]["version"] == contract["version"]
        assert any(one["words"].startswith("new:") for one in contract["versions"][0]["changes"])
        for type_ in types:
            message = await read_json(session, f"/contract/{type_}", Accept="application/json")
            shown = await read(session, f"/contract/{type_}")
            assert "&lt;code&gt;" not in shown
            text = Page(shown).text
            assert message["json_schema"]["title"] == type_
            assert {one.place for one in members(message["json_schema"])} <= {*text.split()}
            assert [one["name"] for one in message["examples"] if one["is_valid"]], type_
        await read(session, "/contract/purchasing.order.adored.v1", 404)
        await read(session, "/contract/..%2F..%2Fpyproject", 404)


async def test_an_example_of_the_contract_can_be_tried(pages) -> None:
    page = Page(await read(pages, "/contract/purchasing.order.placed.v1"))
    links = [link for link in page.links if link.startswith("/try?")]
    assert links
    for link in links:
        form = await read(pages, link)
        value = html.unescape(form.split('autocomplete="off">', 1)[1].split("</textarea>")[0])
        assert (await tried(pages, value=value, key="ord-1001"))["is_valid"], link
    assert "purchasing" not in (await read(pages, "/try?type=../..&example=pyproject")).split("<textarea")[1][:200]


async def test_a_message_that_is_tried_is_refused_as_a_record_would_be(engine, pages) -> None:
    placed = Story("ord-3").placed().last
    event = json.loads(placed.value)
    cases = [
        ({"value": "{", "key": "ord-3"}, "not_json", ""),
        ({"value": json.dumps(event | {"specversion": "2"}), "key": "ord-3"}, "not_cloudevent", "/specversion"),
        ({"value": placed.value.decode(), "key": "ord-4"}, "key_mismatch", None),
        (
            {"value": placed.value.decode(), "key": "ord-3", "topic": "purchasing.events.payment.v1"},
            "wrong_topic",
            None,
        ),
        ({"value": json.dumps(event | {"time": "2099-01-01T00:00:00Z"}), "key": "ord-3"}, "in_the_future", None),
    ]
    for sent, reason, place in cases:
        answer = await tried(pages, **sent)
        assert (answer["is_valid"], answer["reason"]) == (False, reason)
        assert answer["todo"]
        if place is not None:
            assert answer["place"] == place
    for sent in (
        {"value": "x", "topic": "elsewhere"},
        {"value": "x", "headers": [["a", "b"]] * 65},
        {"key": "no value"},
    ):
        await tried(pages, 400, **sent)
    await hear(engine, Story("ord-3").placed())
    conflict = await tried(pages, value=json.dumps(event | {"time": "2026-01-01T00:00:00Z"}), key="ord-3")
    assert conflict["reason"] == "conflict"
    elsewhere = json.dumps(event | {"subject": "ord-5", "data": event["data"] | {"order_id": "ord-5"}})
    assert (await tried(pages, value=elsewhere, key="ord-5"))["reason"] == "conflict"


async def test_the_form_tries_a_message_in_binary_mode_and_keeps_what_was_typed(pages) -> None:
    placed = Story("ord-3").placed().last
    event = json.loads(placed.value)
    headers = "\n".join(
        f"ce_{name}: {event[name]}" for name in ("specversion", "id", "source", "type", "subject", "time")
    )
    fields = {"value": json.dumps(event["data"]), "key": "ord-3", "headers": headers, "topic": ""}
    async with pages.post("/try", data=fields) as answer:
        page = Page(await answer.text())
        assert answer.status == 200
    assert "It is valid" in page.text
    assert "ce_specversion: 1.0" in page.text
    async with pages.post("/try", data=fields | {"value": "</textarea><script>"}) as answer:
        text = await answer.text()
    assert "It would be quarantined" in text
    assert "script" not in {tag for tag, _ in Page(text).elements}


async def test_a_tried_message_is_bounded_and_never_logged(pages) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await tried(pages, value="marker-77aa" * 10_000, key="marker-77aa")
        assert answer["reason"] == "not_json"
        await tried(pages, 413, value="x" * 300_000)
        async with pages.post("/try", data={"value": "x" * 300_000}) as answer:
            assert answer.status == 413
    assert "marker-77aa" not in json.dumps(lines, default=str)
