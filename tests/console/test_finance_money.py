"""Money by day: what it adds up to, by whatever it is grouped, and that no page or range is without a bound."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from purchasing_contracts.events.payment import RefundSucceeded

from service.operations.explain.explanation import explain
from service.store.money import (
    GROUPINGS,
    MOVEMENTS,
    MoneyFilter,
    TooMuchError,
    archived_orders,
    commands_beside,
    commands_by_id,
    foreign_answers,
    money,
    open_commands,
    placed_orders,
    state_of_commands,
)
from service.store.order_history import open_histories
from service.terms.table import read_book
from tests.console.gallery import play
from tests.console.reading import Page, read, read_json
from tests.console.test_hostile import random_story, receive_mixed
from tests.orders.archiving import ANY_ORDER_IS_OVER, archive
from tests.orders.stories import Story, paid_order
from tests.rules.happenings import amounts, when

if TYPE_CHECKING:
    from service.store.money import MoneyRow, MoneyTable

ALWAYS = MoneyFilter(when(-(10**6)), when(10**6))
DAY = timedelta(days=1)
LATE_EVENING = "2026-03-05"
"""`demo-04` was refunded on this day by UTC, which was the next day in Beijing."""


async def table(database: str, *by: str, which: MoneyFilter | None = None, seconds: float = 30.0) -> MoneyTable:
    connection = await asyncpg.connect(database)
    try:
        if which is None:
            since, until = await connection.fetchrow("select min(decided_at), max(decided_at) from outbox")
            latest = await connection.fetchval("select max(received_at) from facts")
            which = MoneyFilter(since, max(until, latest) + DAY)
        return await money(connection, which, by, 0, 10_000, seconds)
    finally:
        await connection.close()


def due(rows: list[MoneyRow]) -> dict[tuple[str | None, ...], int]:
    return {(one.provider, one.line): one.sums.due for one in rows if one.movement == "refund" and one.sums.due}


async def test_the_columns_add_up_to_the_amount_due_on_each_line(database, engine) -> None:
    """Of random orders in which nothing was set off, and failures name the commands that failed: by the journals alone
    the same as by the rules."""
    rng = random.Random(5)
    stories = [random_story(rng, f"order{n}") for n in range(40)]
    await receive_mixed(engine, rng, stories)
    found = due([*(await table(database, "provider", "line")).rows])
    expected: dict[tuple[str | None, ...], int] = {}
    left_out = set()
    async with open_histories(database) as histories:
        book, clock = await read_book(histories.connection), await histories.clock()
        foreign = await foreign_answers(histories.connection, when(-(10**6)), clock.now + DAY, 1_000, 30.0)
        async for page in histories.all():
            for history in page:
                order = explain(history, book, clock)
                if history.order_id in {one.order_id for one in foreign} or any(
                    one.set_off or one.to_command for one in order.lines
                ):
                    left_out.add(order.provider_id)
                    continue
                for one in order.lines:
                    key = (order.provider_id, one.line.partition(":")[0])
                    expected[key] = expected.get(key, 0) + one.entitled
    found = {key: amount for key, amount in found.items() if key[0] not in left_out}
    assert found == {key: amount for key, amount in expected.items() if amount}
    assert len(found) >= 10


async def test_groups_add_up_to_the_totals_of_each_currency_whatever_they_are_grouped_by(database, engine) -> None:
    await play(database)
    quote = amounts(currency="USD")
    dollars = Story("ord-usd").placed(currency="USD", quote=quote).accepted().paid(quote).asks_to_cancel()
    await engine.handle(list(dollars))
    tables = [await table(database, *by) for by in (("day", "provider", "line", "clauses"), ("clauses",), ("day",), ())]
    totals = {(one.currency, one.movement): one.sums for one in tables[0].totals}
    assert {currency for currency, _ in totals} == {"CNY", "USD"}
    assert {movement for _, movement in totals} == {"refund", "deduction", "hold"} < {*MOVEMENTS}
    for one in tables:
        assert {(row.currency, row.movement): row.sums for row in one.totals} == totals
        for key, sums in totals.items():
            parts = [row.sums for row in one.rows if (row.currency, row.movement) == key]
            assert [sum(column) for column in zip(*parts, strict=True)] == list(sums)
    assert tables[0].groups == len(tables[0].rows) > len(tables[1].rows)


async def test_a_day_is_one_of_beijing(database, pages, api) -> None:
    await play(database)
    model = await read_json(api, f"/money?from={LATE_EVENING}&to={LATE_EVENING}&by=day")
    assert [one for one in model["rows"] if one["movement"] == "refund"] == []
    model = await read_json(api, "/money?from=2026-03-06&to=2026-03-06&by=day&by=clauses")
    (row,) = model["rows"]
    assert (row["day"], row["clauses"]) == ("2026-03-06", "12(1)B, 12(3), 12(4), 12(5)")
    page = Page(await read(pages, "/money?from=2026-03-06&to=2026-03-06")).text
    assert "A day is one of Beijing" in page
    assert "it begins eight hours before the same day of UTC" in page


async def test_reports_of_payments_are_beside_the_commands(database, engine, api) -> None:
    story = paid_order().asks_to_cancel()
    await engine.handle(list(story))
    connection = await asyncpg.connect(database)
    try:
        command, amount = await connection.fetchrow(
            "select id, (convert_from(value, 'UTF8')::json #>> '{data,amount,value}')::bigint from outbox "
            "where topic = 'purchasing.commands.refund.v1'"
        )
        await connection.execute("insert into relay_notes (lane, position) select lane, position from lanes")
    finally:
        await connection.close()
    story.refund_fails(30_000, command=command, payment_id="pay-1")
    story.add(RefundSucceeded(command_id=command))
    await engine.handle([*story][-2:])
    (total,) = (await table(database)).totals
    assert total.sums.failed == 30_000
    assert total.sums.confirmed == amount - 30_000
    assert (total.sums.commanded, total.sums.commands) == (amount + 30_000, 2), "commanded again, to the account"
    assert total.sums.published == amount, "the second command is not published yet"
    assert total.sums.due == amount


async def test_a_filter_selects_and_is_shown_in_words_and_kept_in_every_link(database, pages, api) -> None:
    await play(database)
    days = "from=2026-03-01&to=2026-03-31"
    every = await read_json(api, f"/money?{days}&by=clauses&by=line")
    for query, selects in (
        ("clause=12", lambda one: any(part.startswith("12(") for part in one["clauses"].split(", "))),
        ("clause=12(1)B", lambda one: "12(1)B" in one["clauses"].split(", ")),
        ("line=brokerage", lambda one: one["line"] == "brokerage"),
        ("movement=hold", lambda one: one["movement"] == "hold"),
        ("currency=EUR", lambda one: False),
        ("provider=prov-1", lambda one: True),
        ("provider=prov-2", lambda one: False),
    ):
        model = await read_json(api, f"/money?{days}&by=clauses&by=line&{query}")
        assert model["rows"] == [one for one in every["rows"] if selects(one)], query
        page = Page(await read(pages, f"/money?{days}&{query}"))
        assert "decided from 2026-03-01 to 2026-03-31" in page.text
        assert query.partition("=")[2] in page.text
        name = query.partition("=")[0]
        assert [link for link in page.links if "/money/export?format=csv&from=" in link and f"&{name}=" in link]


async def test_pages_follow_each_other_and_there_are_not_too_many(database, api) -> None:
    await play(database)
    query = "/money?from=2026-03-01&to=2026-03-31&by=day&by=clauses"
    assert (await read_json(api, query))["next"] is None
    beyond = await read_json(api, f"{query}&page=200")
    assert beyond["rows"] == []
    assert beyond["totals"], "totals are over all pages"
    for page in ("0", "201", "x", "-1", "1e3"):
        await read_json(api, f"{query}&page={page}", 400)


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-02&to=2026-03-01",
        "from=2026-03-01&to=2026-04-01",
        "from=yesterday",
        "from=0001-01-01&to=0001-01-02",
        "movement=gift",
        "provider=%00",
    ],
)
async def test_a_range_or_filter_that_cannot_be_is_refused_in_words(query, pages) -> None:
    page = Page(await read(pages, f"/money?{query}", 400)).text
    assert "Not understood" in page


async def test_a_sum_that_takes_too_long_asks_for_fewer_days(database, pages, monkeypatch) -> None:
    owner = await asyncpg.connect(database)
    try:
        async with owner.transaction():
            await owner.execute("lock table outbox in access exclusive mode")
            with pytest.raises(TooMuchError):
                await table(database, which=ALWAYS, seconds=0.05)
    finally:
        await owner.close()

    async def slow(*_: object) -> None:
        raise TooMuchError

    monkeypatch.setattr("service.console.finance.money_pages.money", slow)
    page = Page(await read(pages, "/money", 422)).text
    assert "Choose fewer days" in page


async def test_a_chart_stands_beside_the_table_it_is_made_of(database, pages) -> None:
    await play(database)
    page = Page(await read(pages, "/money?from=2026-03-01&to=2026-03-31"))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("svg") == 1
    assert tags.count("rect") == 2 * 6, "a bar and its executed part per day with refunds"
    (names,) = [names for tag, names in page.elements if tag == "svg"]
    assert {"role", "aria-labelledby"} <= set(names)
    assert "Refunds per day: CNY" in page.text
    assert "svg" not in [tag for tag, _ in Page(await read(pages, "/money?from=2026-03-04&to=2026-03-04")).elements]


async def test_money_of_archived_orders_is_summed_and_reconciled_like_any(database, engine) -> None:
    rng = random.Random(7)
    await receive_mixed(engine, rng, [random_story(rng, f"order{n}") for n in range(30)])
    connection = await asyncpg.connect(database)
    since, now = await connection.fetchrow("select min(decided_at), now() from outbox")
    which = MoneyFilter(since, now + DAY)

    async def everything() -> list[object]:
        return [
            await money(connection, which, GROUPINGS, 0, 10_000, 30.0),
            await state_of_commands(connection, which, now, 30.0),
            await open_commands(connection, which, None, 1_000, 30.0),
            await foreign_answers(connection, since, now + DAY, 1_000, 30.0),
            await commands_beside(connection, which, [], 1_000, 30.0),
            await placed_orders(connection, None, which, 1_000, 30.0),
            await commands_by_id(connection, ids, 30.0),
        ]

    commands = "select id from outbox where topic like 'purchasing.commands.%' order by position"
    ids = [row[0] for row in await connection.fetch(commands)]
    before = await everything()
    await connection.execute(ANY_ORDER_IS_OVER)
    some = await archive(connection, *(f"order{n}" for n in range(0, 30, 2)))
    mixed = await everything()
    await archive(connection, *(f"order{n}" for n in range(30)))
    left = await connection.fetchval("select count(*) from outbox where order_id is not null")

    assert all(before)
    assert (len(some), left, await archived_orders(connection, which)) == (15, 0, 30)
    assert mixed == before
    assert await everything() == before
    assert await archived_orders(connection, MoneyFilter(now + DAY, None)) == 0
    await connection.close()
