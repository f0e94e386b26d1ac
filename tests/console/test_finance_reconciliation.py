"""Reconciliation: what is open, by age, what is not due yet, and a list of commands held against the journal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from aiohttp import FormData
from purchasing_contracts.events.payment import RefundFailed, RefundSucceeded
from purchasing_contracts.money import Money

from service.console.finance.uploads import LINES_MAX, UploadError, listed_in
from service.store.money import BEIJING
from service.store.order_history import OrderHistories
from service.store.rows import StoreTime
from tests.console.reading import Page, read, read_json
from tests.databases import on_server
from tests.orders.stories import paid_order
from tests.rules.happenings import HOUR, when

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from tests.orders.stories import Story


async def refunds(database: str) -> dict[str, tuple[str, int]]:
    """Order to its refund's id and amount."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "select order_id, id, (convert_from(value, 'UTF8')::json #>> '{data,amount,value}')::bigint from outbox "
            "where topic = 'purchasing.commands.refund.v1'"
        )
    finally:
        await connection.close()
    return {row[0]: (row[1], row[2]) for row in rows}


PUBLISH = (
    "insert into relay_notes (lane, position) select lane, position from lanes "
    "on conflict (lane) do update set position = excluded.position"
)
DAYS = "from=" + str(when(0).astimezone(BEIJING).date()) + "&to=" + str(when(24 * HOUR).astimezone(BEIJING).date())


async def cancelled(engine: Any, order_id: str) -> Story:
    story = paid_order(order_id).asks_to_cancel()
    await engine.handle(list(story))
    return story


async def test_each_command_is_open_until_payments_reported_it_and_links_to_its_order(
    database, engine, pages, api
) -> None:
    done, failed, silent = [await cancelled(engine, name) for name in ("ord-done", "ord-failed", "ord-silent")]
    await on_server(database, PUBLISH)
    await cancelled(engine, "ord-held-back")
    commands = await refunds(database)
    done.add(RefundSucceeded(command_id=commands["ord-done"][0]))
    failed.refund_fails(commands["ord-failed"][1], command=commands["ord-failed"][0])
    await engine.handle([done.last, failed.last])
    del silent
    model = await read_json(api, f"/reconciliation?{DAYS}&grace=0")
    states = {(one["order_id"], one["status"], one["command_id"]) for one in model["open"]}
    expected = {
        ("ord-failed", "failed", commands["ord-failed"][0]),
        ("ord-silent", "open", commands["ord-silent"][0]),
        ("ord-held-back", "unpublished", commands["ord-held-back"][0]),
    }
    assert states >= expected
    assert {order for order, *_ in states} == {"ord-failed", "ord-silent", "ord-held-back"}
    page = Page(await read(pages, f"/reconciliation?{DAYS}&grace=0"))
    for order, status in (("ord-failed", "failed"), ("ord-silent", "not reported yet")):
        assert f"/orders/{order}" in page.links
        assert status in page.text
    assert "/orders/ord-done" not in page.links


async def test_a_refund_that_failed_in_another_currency_is_not_executed(database, engine, api) -> None:
    story = await cancelled(engine, "ord-1")
    await on_server(database, PUBLISH)
    command = (await refunds(database))["ord-1"][0]
    amount = Money(value=100, currency="EUR")
    story.add(RefundFailed(command_id=command, line="purchase", payment_id="pay-1", amount=amount))
    await engine.handle([story.last])
    model = await read_json(api, f"/reconciliation?{DAYS}&grace=0")
    assert [(one["command_id"], one["status"]) for one in model["open"]] == [(command, "failed")]


async def test_commands_that_payments_still_have_time_for_are_apart(database, engine, pages, api, monkeypatch) -> None:
    await cancelled(engine, "ord-1")
    await on_server(database, PUBLISH)

    async def two_days_later(_: object) -> StoreTime:
        return StoreTime(when(4 * HOUR) + timedelta(days=2), None)

    monkeypatch.setattr(OrderHistories, "clock", two_days_later)
    for grace, due in ((3, False), (1, True)):
        model = await read_json(api, f"/reconciliation?{DAYS}&grace={grace}")
        assert [one["is_due"] for one in model["open"]] == [due]
        assert {(one["age"], one["is_due"]) for one in model["states"]} == {(2, due)}
        page = Page(await read(pages, f"/reconciliation?{DAYS}&grace={grace}")).text
        heading = "Not due yet" if not due else "Due"
        assert f"{heading} Order Command" in page.replace("the oldest first ", "")
    for grace in ("x", "-1", "31", "100"):
        await read_json(api, f"/reconciliation?grace={grace}", 400)


async def test_the_next_page_leaves_out_nothing_when_a_command_is_reported_meanwhile(
    database, engine, api, monkeypatch
) -> None:
    monkeypatch.setattr("service.console.finance.reconciliation_pages.ROWS", 2)
    stories = {one.order_id: one for one in [await cancelled(engine, f"ord-{n}") for n in range(4)]}
    await on_server(database, PUBLISH)
    first = await read_json(api, f"/reconciliation?{DAYS}&grace=0")
    shown = [one["order_id"] for one in first["open"]]
    assert (len(shown), first["open_found"]) == (2, 4)
    story = stories[shown[0]].add(RefundSucceeded(command_id=first["open"][0]["command_id"]))
    await engine.handle([story.last])
    second = await read_json(api, first["next"])
    assert {one["order_id"] for one in second["open"]} == stories.keys() - {*shown}
    assert (second["open_found"], second["next"]) == (3, None)
    for wrong in ("x", "1", "1.1", "1.9999.1", "99999999999999999.1.1"):
        await read_json(api, f"/reconciliation?after={wrong}", 400)


async def test_a_report_of_a_command_that_is_not_the_orders_is_shown(database, engine, pages, api) -> None:
    one = await cancelled(engine, "ord-1")
    other = await cancelled(engine, "ord-2")
    commands = await refunds(database)
    one.add(RefundSucceeded(command_id="never-commanded"))
    other.add(RefundSucceeded(command_id=commands["ord-1"][0]))
    await engine.handle([one.last, other.last])
    model = await read_json(api, f"/reconciliation?{DAYS}")
    assert {(found["order_id"], found["names"]) for found in model["foreign"]} == {
        ("ord-1", "never-commanded"),
        ("ord-2", commands["ord-1"][0]),
    }
    page = Page(await read(pages, f"/reconciliation?{DAYS}"))
    assert "never-commanded" in page.text


async def test_money_that_a_buyer_owes_is_listed_with_its_last_instant(database, engine, api) -> None:
    story = paid_order().asks_to_cancel()
    story.bought(goods=90_000, at=2 * HOUR + 1)
    await engine.handle(list(story)[:-1])
    await engine.handle(list(story)[-1:])
    model = await read_json(api, f"/reconciliation?{DAYS}")
    (wait,) = [one for one in model["awaited"] if one["what"] == "repayment"]
    assert (wait["order_id"], wait["of"], wait["currency"], wait["is_due"]) == ("ord-1", "buyer", "CNY", True)
    (total,) = [one for one in model["awaited_sums"] if one["what"] == "repayment"]
    assert (total["amount"], total["waits"]) == (wait["amount"], 1)


async def sent(session: ClientSession, text: str | bytes, status: int = 200, **fields: str) -> Page:
    form = FormData(fields)
    form.add_field("file", text if isinstance(text, bytes) else text.encode(), filename="list.csv")
    async with session.post("/reconciliation", data=form) as answer:
        page = await answer.text()
        assert answer.status == status, page
    return Page(page)


async def test_a_list_is_held_against_the_journal_line_by_line(database, engine, pages, api) -> None:
    for name in ("ord-1", "ord-2", "ord-3", "ord-4"):
        await cancelled(engine, name)
    await on_server(database, PUBLISH)
    commands = await refunds(database)
    (first, amount), (second, _), (third, _), (fourth, _) = (commands[f"ord-{n}"] for n in range(1, 5))
    lines = ["\ufeffcommand_id,amount,currency,status", f"{first},{amount},CNY,open", f'"{second}",1,CNY,']
    lines += [f"{third},,USD,", "unknown-1,5,CNY,", f"{first},{amount},CNY,open"]
    text = "\r\n".join(lines)
    page = await sent(pages, text, **dict(part.split("=") for part in DAYS.split("&")))
    for words in ("no such command in the journal", "another amount", "another currency", "listed twice"):
        assert words in page.text
    assert {f"/orders/ord-{n}" for n in (1, 2, 3, 4)} <= set(page.links), "ord-4 is not in the list"
    async with api.post("/reconciliation", json={"csv": text}) as answer:
        model = await answer.json()
    assert model["counts"] == {
        "same": 1,
        "unknown": 1,
        "repeated": 1,
        "amount_differs": 1,
        "currency_differs": 1,
    }
    assert [(one["line"], one["finding"]) for one in model["differing"]] == [
        (3, "amount_differs"),
        (4, "currency_differs"),
        (5, "unknown"),
        (6, "repeated"),
    ]
    assert fourth not in str(model)


GARBLED = [
    ("", 1, 1, "nothing in this list"),
    ("order\nx", 1, 1, "name the columns"),
    ("command_id,amount\na,1\nb,1.5", 3, 3, "whole number"),
    ("command_id,amount\na,1\nb,-1", 3, 3, "whole number"),
    ("command_id,amount\na,1\nb", 3, 1, "1 columns, but the first line names 2"),
    ("command_id,currency\na,cny", 2, 3, "three capital letters"),
    ("command_id,status\na,paid", 2, 3, "A status is one of"),
    ('command_id,amount\n"a\nb",1\n"c,2', 4, 1, "never closed"),
    ('command_id,amount\n"a\nb"x,1', 3, 3, "has to be a comma"),
    ('command_id\na"b', 2, 2, "within a field"),
    ("command_id,amount\n ,1", 2, 1, "no command here"),
    ("command_id,command_id\na,b", 1, 1, "one name"),
    ("command_id\n" + "x" * 501, 2, 1, "at most 500 characters"),
    ("command_id\na\0b", 2, 2, "no text"),
    ("command_id\n" + "a\n" * (LINES_MAX + 1), LINES_MAX + 2, 1, "at most 10000 commands"),
]


@pytest.mark.parametrize(("text", "line", "column", "words"), GARBLED)
def test_a_garbled_list_names_line_and_column(text, line, column, words) -> None:
    with pytest.raises(UploadError) as raised:
        listed_in(text.encode())
    assert (raised.value.line, raised.value.column) == (line, column)
    assert words in str(raised.value.what)


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [(b"command_id\nab\xff", 2, 3), (b"\xef\xbb\xbfcommand_id\nab\xff", 2, 3), ("command_id".encode("utf-16"), 1, 1)],
)
def test_a_list_that_is_no_utf_8_names_line_and_column(raw, line, column) -> None:
    with pytest.raises(UploadError) as raised:
        listed_in(raw)
    assert (raised.value.line, raised.value.column) == (line, column)


async def test_a_garbled_upload_is_refused_with_its_place_and_a_large_one_unread(pages) -> None:
    page = await sent(pages, "command_id,amount\na,1\nb,x", 400)
    assert "Line 3, column 3: An amount is a whole number of minor units." in page.text
    page = await sent(pages, "command_id\n" + "a\n" * 600_000, 413)
    assert "Too large" in page.text


def test_a_list_without_a_comma_is_read_in_one_pass() -> None:
    found = listed_in(b"command_id\r\n" + b"\r\n".join(b"c-%d" % n for n in range(LINES_MAX)))
    assert (len(found), found[-1].line, found[-1].command_id) == (LINES_MAX, LINES_MAX + 1, f"c-{LINES_MAX - 1}")
