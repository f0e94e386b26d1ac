"""The page of the effects of other terms; and the same facts of an order in other orders of arrival."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

import asyncpg
import pytest
from structlog.testing import capture_logs

from service.operations.arrivals import FACTS_MAX, proof_of
from service.rules.decide import CurrencyChangedError
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.order_history import open_histories
from tests.console.gallery import play
from tests.console.reading import Page, read, read_json
from tests.console.test_hostile import random_story, receive_mixed
from tests.operations.test_what_if import DEARER
from tests.orders.stories import Story, paid_order

if TYPE_CHECKING:
    from aiohttp import ClientSession

DAYS = {"first": "2026-03-01", "last": "2026-03-31"}
OF_PROV_2 = DEARER.replace('"*"', '"prov-2"')


async def compare(session: ClientSession, status: int = 200, **given: object) -> dict:
    async with session.post("/what-if", json=given) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


async def content(database: str) -> list[object]:
    connection = await asyncpg.connect(database)
    try:
        return [
            await connection.fetchval(f"select count(*) from {table}")
            for table in ("facts", "outbox", "orders", "terms", "operator_actions")
        ]
    finally:
        await connection.close()


async def received_days(database: str) -> dict[str, str]:
    """The days of Beijing on which the latest order was placed, as far as a page may go back."""
    connection = await asyncpg.connect(database)
    try:
        first, last = await connection.fetchrow(
            "select max(day) - 30, max(day) from (select (received_at at time zone interval '8 hours')::date as day "
            "from facts where type = 'purchasing.order.placed.v1') as d"
        )
    finally:
        await connection.close()
    return {"first": str(first), "last": str(last)}


async def test_other_terms_show_who_gets_less_and_the_orders_that_differ_most(database, pages, api) -> None:
    await play(database)
    days, before = await received_days(database), await content(database)
    model = await compare(api, terms=DEARER, **days)
    assert model["compared"] > model["differing"] > 0
    assert not model["has_more"]
    (purchase,) = [one for one in model["totals"] if one["line"] == "purchase"]
    assert purchase["after"] < purchase["before"]
    assert purchase["before"] - purchase["after"] == sum(
        line["before"] - line["after"] for one in model["most"] for line in one["lines"] if line["line"] == "purchase"
    )
    async with pages.post("/what-if", data={"terms": DEARER, **days}) as answer:
        page = Page(await answer.text())
    assert f"{model['differing']} of {model['compared']} orders would come to other money" in page.text
    assert f"/orders/{model['most'][0]['order_id']}" in page.links
    assert await content(database) == before, "nothing is stored"


async def test_only_the_latest_orders_of_the_files_providers_are_compared(database, engine, api) -> None:
    for n in range(4):
        await engine.handle(list(paid_order(f"ord-{n}").asks_to_cancel()))
        await engine.handle(list(Story(f"other-{n}").placed(provider_id="prov-2").accepted().paid().asks_to_cancel()))
    days = await received_days(database)
    assert (await compare(api, terms=OF_PROV_2, **days))["compared"] == 4
    model = await compare(api, terms=OF_PROV_2, orders=3, **days)
    assert (model["compared"], model["selected"], model["has_more"]) == (3, 3, True)
    assert (await compare(api, terms=DEARER, **days))["compared"] == 8


async def test_the_page_ends_with_what_was_compared_when_the_time_is_over(
    database, engine, api, pages, monkeypatch
) -> None:
    monkeypatch.setattr("service.console.finance.what_if_pages.AT_ONCE", 1)
    monkeypatch.setattr("service.console.finance.what_if_pages.WORK_SECONDS", 0.0)
    for n in range(3):
        await engine.handle(list(paid_order(f"ord-{n}").asks_to_cancel()))
    days = await received_days(database)
    model = await compare(api, terms=DEARER, **days)
    assert (model["compared"], model["selected"]) == (1, 3)
    async with pages.post("/what-if", data={"terms": DEARER, **days}) as answer:
        assert "The time was over before all 3 were compared." in Page(await answer.text()).text


@pytest.mark.parametrize("terms", ["", "x", "[[terms]]", '{"terms": [{}]}', DEARER.replace("0.01", "dear")])
async def test_terms_that_cannot_be_are_refused_and_stay_in_the_form(terms, pages) -> None:
    async with pages.post("/what-if", data={"terms": terms}) as answer:
        assert answer.status == 400
        page = Page(await answer.text())
    assert "These terms can't be taken" in page.text
    assert " ".join(terms.split())[:20] in page.text
    async with pages.post("/what-if", json={"terms": terms}, headers={"Accept": "application/json"}) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["status"]) == (400, 400)
    assert problem["detail"]


@pytest.mark.parametrize("given", [{"orders": "0"}, {"orders": "2001"}, {"orders": "x"}, {"first": "2026-02-30"}])
async def test_a_comparison_that_cannot_be_is_refused(given, pages) -> None:
    async with pages.post("/what-if", data={"terms": DEARER} | given) as answer:
        assert answer.status == 400


async def test_every_order_of_arrival_comes_to_the_same_money(database, pages, api) -> None:
    await play(database)
    before = await content(database)
    for order in ("demo-04", "demo-05", "demo-11"):
        model = await read_json(api, f"/orders/{order}/arrivals?n=8&seed=3")
        assert model["is_same"]
        assert model["is_as_recorded"]
        assert len(model["permutations"]) == 8
        assert len({tuple(one["numbers"]) for one in model["permutations"]}) > 3
        assert model["journal"] == model["permutations"][0]["money"]
    assert model["journal"] != {}
    assert await read_json(api, f"/orders/{order}/arrivals?n=8&seed=3") == model, "a seed gives the same again"
    other = await read_json(api, f"/orders/{order}/arrivals?n=8&seed=4")
    assert other["permutations"] != model["permutations"]
    page = Page(await read(pages, "/orders/demo-04/arrivals"))
    assert "The same money in every order of arrival" in page.text
    assert "/orders/demo-04" in page.links
    assert await content(database) == before, "nothing is stored"


async def test_random_orders_come_to_the_same_money_too(database, engine) -> None:
    rng = random.Random(2)
    await receive_mixed(engine, rng, [random_story(rng, f"order{n}") for n in range(15)])
    proven = 0
    async with open_histories(database) as histories:
        clock = await histories.clock()
        async for page in histories.all():
            for history in page:
                # Messages that place an order in two currencies are for people.
                with suppress(CurrencyChangedError):
                    proof = proof_of(history, TERMS_OF_THE_AGREEMENT, clock, 6, 1, 60.0)
                    proven += proof is not None
                    assert proof is None or proof.is_same, history.order_id
    assert proven >= 10


async def test_rules_that_go_by_the_order_of_arrival_are_called_a_fault(database, pages, monkeypatch) -> None:
    await play(database)
    from service.operations import arrivals

    taken = count()
    monkeypatch.setattr(arrivals, "money_of", lambda _: {"purchase": next(taken)})
    page = Page(await read(pages, "/orders/demo-04/arrivals")).text
    assert "Not the same money: this is a fault in the rules" in page
    assert "The journal has other money." in page


async def test_an_order_that_can_not_be_played_is_refused_in_words(database, engine, pages, monkeypatch) -> None:
    await engine.handle(list(paid_order()))
    await engine.handle(list(Story("ord-unplaced").accepted()))
    for number in ("n=0", "n=51", "n=x", "seed=-1", "seed=1e3"):
        await read(pages, f"/orders/ord-1/arrivals?{number}", 400)
    assert "Not received" in await read(pages, "/orders/ord-9/arrivals", 404)
    assert "it was not placed yet" in Page(await read(pages, "/orders/ord-unplaced/arrivals", 422)).text
    monkeypatch.setattr("service.console.finance.arrival_pages.FACTS_MAX", 2)
    assert "Too long to be played" in await read(pages, "/orders/ord-1/arrivals", 422)
    assert FACTS_MAX > 2


async def test_rules_that_fail_are_logged_without_content(database, engine, pages, monkeypatch) -> None:
    await engine.handle(list(paid_order()))

    def fails(*_: object) -> None:
        raise ValueError("secret of an order")

    monkeypatch.setattr("service.console.finance.arrival_pages.proof_of", fails)
    with capture_logs() as logs:
        await read(pages, "/orders/ord-1/arrivals", 422)
    assert [one["event"] for one in logs if one["event"] == "console_arrivals_failed"] == ["console_arrivals_failed"]
