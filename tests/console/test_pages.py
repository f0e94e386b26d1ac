"""The pages and the read API on orders in a real database: what they show, and what they never do."""

from __future__ import annotations

import re

import asyncpg
import pytest
from aiohttp import ClientSession
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from purchasing_contracts.base import text_of

from service.console.app import HEADERS
from service.console.links import clause_link
from service.console.pages import passages
from service.console.routes import api_routes
from service.console.server import running_console
from service.rules.catalogue import catalogue
from service.store.lanes import lane_of
from tests.broker import LANES
from tests.chaos.proxy import proxy_before
from tests.console.addresses import FORMS, IN_PATHS, QUERIES, TOPIC, add_operation
from tests.console.conftest import browser, settings_for
from tests.console.reading import Page, read, read_json
from tests.console.test_order_page import hear, late_purchase
from tests.orders.stories import Story, dissolved, record
from tests.rules.happenings import HOUR, when


async def set_watermark(database: str, hours: int) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("delete from input_progress")
        await connection.execute(
            "insert into input_progress (topic, partition, watermark) values ('t', 0, $1)",
            when(hours * HOUR),
        )
    finally:
        await connection.close()


async def test_an_orders_page_shows_the_facts_the_reasons_for_money_and_the_waits(engine, pages) -> None:
    await hear(engine, dissolved())
    page = Page(await read(pages, "/orders/ord-1"))
    story = await read_json(pages, "/orders/ord-1", Accept="application/json")
    for fact in story["facts"]:
        assert fact["id"] in page.text
    for output in story["outputs"]:
        assert output["id"] in page.text
        for basis in output["basis"]:
            assert basis["because"] in page.text
            assert clause_link(basis["clause"]) in page.links
    refunds = [one for one in story["outputs"] if one["type"] == "purchasing.refund.issue.v1"]
    assert refunds
    assert sum(one["amount"] for one in refunds) == sum(line["commanded"] for line in story["lines"])
    for wait in story["awaited"]:
        assert wait["what"] in page.text
    assert re.search(
        r'<time datetime="[^"]+Z">[^<]+<span class="offset">\+08:00</span>', await read(pages, "/orders/ord-1")
    )


async def test_at_an_instant_only_what_was_known_then_is_shown(engine, api) -> None:
    await hear(engine, late_purchase())
    then = f"/orders/ord-late/at/{text_of(when(2 * HOUR))}"
    before, now = await read_json(api, then), await read_json(api, "/orders/ord-late")
    assert [fact["nth"] for fact in before["facts"]] == [1, 2, 3]
    assert len(now["facts"]) == 5
    assert [fact["late"] for fact in now["facts"]].count(True) == 1
    assert before["outputs"] == [
        one | {"published": earlier["published"]}
        for one, earlier in zip(now["outputs"], before["outputs"], strict=False)
    ]
    page = await read(api, then, Accept="text/html")
    assert "What was known at" in page
    assert "late news" not in page
    missing = await read_json(api, f"/orders/ord-late/at/{text_of(when(-HOUR))}", 404)
    assert missing["title"] == "Not received"


@pytest.mark.parametrize("instant", ["2999-01-01T00:00:00Z", "yesterday", "2026-03-02", "2026-03-02T09:00:00", "%00"])
async def test_an_instant_that_is_none_or_to_come_is_refused(instant, engine, api) -> None:
    await hear(engine, late_purchase())
    problem = await read_json(api, f"/orders/ord-late/at/{instant}", 400)
    assert "instant" in problem["detail"]


@pytest.mark.parametrize("path", ["/orders/ord-9", "/orders/ord-9/letter", "/orders/ord-9/at/2026-03-02T09:00:00Z"])
async def test_the_page_of_an_unknown_order_shows_the_watermark(path, database, engine, pages) -> None:
    await hear(engine, late_purchase())
    await set_watermark(database, 1)
    page = Page(await read(pages, path, 404)).text
    assert "Not received" in page
    assert "No message about order ord-9 was received." in page
    assert "All messages up to" in page
    problem = await read_json(pages, path, 404, Accept="application/json")
    assert problem["watermark"] is not None


async def test_an_order_of_another_cell_is_named_with_its_lane(database, api) -> None:
    lanes = {lane_of(one, LANES): one for one in (f"ord-{n}" for n in range(20))}
    connection = await asyncpg.connect(database)
    await connection.execute("delete from lanes where lane > 1")
    await connection.close()
    here, there = lanes[0], lanes[3]
    for of_it in ("", "/letter"):
        assert (await read_json(api, f"/orders/{here}{of_it}", 404))["lane_elsewhere"] is None
        assert (await read_json(api, f"/orders/{there}{of_it}", 404))["lane_elsewhere"] == 3
    page = Page(await read(api, f"/orders/{there}", 404, Accept="text/html")).text
    assert "It is in lane 3, which another cell has: ask there." in page
    page = Page(await read(api, "/search?q=nothing", Accept="text/html")).text
    assert "This database has the orders of lanes 0 to 1 of 4 only; other cells have the others." in page


async def test_every_kind_of_id_is_found(engine, api) -> None:
    story = Story("ord-s").placed().accepted().paid(payment_id="p-s").bought(goods=90_000, at=3_000_000)
    story.asks_to_cancel(request="r-s").seller_cancels(request="r-s", penalty=5_000)
    story.charged_back(amount=1_000, chargeback_id="c-s", payment_id="p-s")
    await hear(engine, story)
    outputs = (await read_json(api, "/orders/ord-s"))["outputs"]
    command = next(one["id"] for one in outputs if one["type"] == "purchasing.refund.issue.v1")
    decision = next(one["id"] for one in outputs if one["kind"])
    for what, given in {
        "order": "ord-s",
        "payment": "p-s",
        "request": "r-s",
        "chargeback": "c-s",
        "command": command,
        "decision": decision,
        "message": "ord-s-e0",
        "account": "acct-7",
        "provider": "prov-1",
    }.items():
        found = await read_json(api, f"/search?q=%20{given}%20")
        assert (what, "ord-s") in {(hit["what"], hit["order_id"]) for hit in found["hits"]}, what
        page = await read(api, f"/search?q={given}", Accept="text/html")
        assert "ord-s" in page
    nothing = await read_json(api, "/search?q=nothing")
    assert nothing["hits"] == []
    assert "Not received" in await read(api, "/search?q=nothing", Accept="text/html")
    assert (await read_json(api, "/search?q=", 400))["detail"]


async def test_a_clause_is_shown_with_its_text_and_what_messages_cite(pages) -> None:
    clause = await read_json(pages, "/clauses/12", Accept="application/json")
    assert clause["number"] == 12
    page = Page(await read(pages, "/clauses/12"))
    shown = page.text
    for part in (
        clause["title"],
        clause["does"],
        *clause["text"].split("\n\n"),
        *(one["because"] for one in clause["grounds"]),
    ):
        assert " ".join(part.split()) in shown
    assert {"/clauses/11", "/clauses/13"} <= set(page.links)
    assert [one["number"] for one in (await read_json(pages, "/clauses", Accept="application/json"))["clauses"]] == [
        *range(1, 31)
    ]
    for number in ("0", "31", "012", "x", "%F0%9F%98%80", "\u0661"):
        await read(pages, f"/clauses/{number}", 404)


def test_every_address_that_messages_cite_leads_to_its_passage() -> None:
    assert clause_link("12(1)A") == "/clauses/12#12(1)A"
    for entry in catalogue():
        there = {address for address, _ in passages(entry)} | {str(entry.number)}
        assert {address for address, _ in entry.grounds} <= there
        assert "\n\n".join(text for _, text in passages(entry)) == entry.text


INTERNAL = re.compile(
    r"\b(?:lane|watermark|outbox|quarantine|fact|journal|version|line|command(?:ed)?)\b|_|purchasing\."
)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_the_letter_has_no_ids_and_no_internal_words(language, engine, pages) -> None:
    story = Story("ord-1").placed().accepted().paid(payment_id="p-x").bought(goods=90_000, at=3_000_000)
    story.asks_to_cancel(request="r-x").seller_cancels(request="r-x", penalty=5_000)
    story.charged_back(amount=1_000, chargeback_id="c-x", payment_id="p-x")
    await hear(engine, story)
    known = await read_json(pages, "/orders/ord-1", Accept="application/json")
    ids = {one["id"] for one in (*known["facts"], *known["outputs"])} | {
        "p-x",
        "r-x",
        "c-x",
        "acct-7",
        "prov-1",
        "sell-9",
    }
    letter = await read_json(pages, f"/orders/ord-1/letter?lang={language}", Accept="application/json")
    text = "\n".join(one["text"] for one in letter["paragraphs"])
    page = Page(await read(pages, f"/orders/ord-1/letter?lang={language}")).text
    for one in letter["paragraphs"]:
        assert " ".join(one["text"].split()) in page
    assert [one for one in ids if one in text] == []
    assert INTERNAL.findall(text) == []
    assert ("for the same reasons as above" if language == "en" else "理由同上") in text
    refunds = [
        one for one in known["outputs"] if one["type"] == "purchasing.refund.issue.v1" and one["line"] != "brokerage"
    ]
    assert refunds
    assert text.count("a refund of" if language == "en" else "退款") >= len(refunds)
    if language == "zh-CN":
        for one in letter["paragraphs"]:
            assert re.search(r"[\u4e00-\u9fff]", one["text"]), one


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/json;q=0.5, text/html;q=0.4", "application/json"),
        ("text/html, application/json", "text/html"),
        (";q=;;,,application/json;q=nan", "text/html"),
    ],
)
async def test_the_answers_format_follows_the_accept_header(accept, kind, pages) -> None:
    async with pages.get("/clauses/1", headers={"Accept": accept}) as answer:
        assert answer.content_type == kind
        assert "Accept" in answer.headers["Vary"]


async def test_the_api_is_described_as_openapi_and_answers_as_described(database, engine, api) -> None:
    await add_operation(database)
    document = await read_json(api, "/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    described = list(api_routes())
    assert {(path, method.upper()) for path, one in document["paths"].items() for method in one} == {
        (route.path, route.method) for route in described
    }
    rights = {path: described["x-right"] for path, one in document["paths"].items() for described in one.values()}
    assert rights == {route.path: route.right.value for route in described}
    await hear(engine, dissolved())
    await engine.handle([record(b"{", key=b"ord-1", topic=TOPIC)._replace(offset=77)])
    acting = {(route.path, route.method.lower()) for route in described if route.acts}
    for path, operation in document["paths"].items():
        given = path.format(**(IN_PATHS | {"instant": text_of(when(3_000_000))})) + QUERIES.get(path, "")
        for method, one in operation.items():
            # A form by which a person acts needs its token: `test_openapi` sends them as a program does.
            if (path, method) in acting or "application/json" not in one["responses"]["200"]["content"]:
                continue
            schema = one["responses"]["200"]["content"]["application/json"]["schema"]
            body = {"json": FORMS.get(path, {"value": "{"})} if "requestBody" in one else {}
            async with api.request(method, given, **body) as response:
                assert response.status == 200, await response.text()
                answer = await response.json()
            Draft202012Validator(schema | {"components": document["components"]}).validate(answer)
    problem = await read_json(api, "/orders/ord-9", 404)
    schema = document["paths"]["/clauses"]["get"]["responses"]["404"]["content"]["application/problem+json"]["schema"]
    Draft202012Validator(schema | {"components": document["components"]}).validate(problem)


async def test_every_answer_has_the_headers_that_keep_a_page_safe(engine, running, pages) -> None:
    await hear(engine, dissolved())
    paths = {
        "/": 200,
        "/orders/ord-1": 200,
        "/orders/ord-9": 404,
        "/nothing": 404,
        "/static/console.css": 200,
        "/static/../app.py": 404,
        "/static/none": 404,
        "/livez": 200,
        "/readyz": 200,
        "/login": 200,
        "/login/oidc": 404,
        "/openapi.json": 200,
        "/search": 303,
    }
    async with ClientSession(running.origin) as nobody:
        answers = [await pages.get(path, allow_redirects=False) for path in paths]
        answers += [await pages.post("/"), await nobody.get("/", allow_redirects=False), await nobody.post("/logout")]
        answers += [await nobody.get("/", headers={"Host": "elsewhere.example"})]
        assert [one.status for one in answers] == [*paths.values(), 405, 303, 401, 421]
        for answer in answers:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (answer.url, name)
            assert "script-src 'none'" in answer.headers["Content-Security-Policy"]
            is_static = answer.url.path == "/static/console.css"
            assert answer.headers["Cache-Control"] == ("no-cache" if is_static else "no-store"), answer.url
            answer.release()


async def test_while_the_database_is_away_the_page_reports_it_and_shows_the_last_story(database, engine) -> None:
    await hear(engine, late_purchase())
    async with (
        proxy_before(database) as (proxy, url),
        running_console(settings_for(url)) as running,
        browser(running) as session,
    ):
        await read(session, "/orders/ord-late")
        proxy.cut()
        page = Page(await read(session, "/orders/ord-late", 503)).text
        assert "The database can't be read now" in page
        assert "What was known of order ord-late" in page
        problem = await read_json(session, "/orders/ord-late", 503, Accept="application/json")
        assert problem["last_known"]["order_id"] == "ord-late"
        other = Page(await read(session, "/orders/ord-9", 503)).text
        assert "The database can't be read now" in other
        assert "ord-late" not in other
        assert "can't be read" in Page(await read(session, "/search?q=ord-late", 503)).text
        assert await read(session, "/livez") == "alive\n"
        await read(session, "/readyz", 503)
        await read(session, "/clauses/12")
        async with session.get("/orders/ord-late") as answer:
            assert answer.headers["Retry-After"]
