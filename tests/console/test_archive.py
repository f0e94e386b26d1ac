"""An archived order at the console: its page and its money are as ever, and what leaves it out names that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg

from service.runtime.exit_codes import ExitCode
from tests.cli.commands import command
from tests.console.reading import Page, read, read_json
from tests.orders.archiving import ANY_ORDER_IS_OVER, archive
from tests.orders.stories import paid_order
from tests.rules.happenings import when

if TYPE_CHECKING:
    from aiohttp import ClientSession

DAY = f"{when(0):%Y-%m-%d}"
MONEY = f"/money?from={DAY}&to={DAY}"


async def test_pages_read_an_archived_order_and_name_what_lacks_it(
    database: str, engine, api: ClientSession, pages: ClientSession
) -> None:
    await engine.handle(paid_order().asks_to_cancel().inbound_records)
    before = [await read_json(api, one) for one in ("/orders/ord-1", MONEY)]
    connection = await asyncpg.connect(database)
    await connection.execute(ANY_ORDER_IS_OVER)
    assert await archive(connection, "ord-1") == ["ord-1"]
    await connection.close()
    after = [await read_json(api, one) for one in ("/orders/ord-1", MONEY)]
    found = [await read_json(api, f"/search?q={one}") for one in ("ord-1", "pay-1")]
    page, money = [Page(await read(pages, one)) for one in ("/orders/ord-1", MONEY)]
    exported = command(database, "export", "--json")

    for one in (*before, *after):
        one.pop("known_at", None)
        one.pop("read_at", None)
    assert before[1]["rows"]
    assert (before[0].pop("archive_file"), before[0].pop("archived_at")) == (None, None)
    assert after[0].pop("archive_file").startswith("file-")
    assert after[0].pop("archived_at")
    assert after[0] == before[0]
    assert (before[1].pop("archived_orders"), after[1].pop("archived_orders")) == (0, 1)
    assert after[1] == before[1]
    assert [([hit["what"] for hit in one["hits"]], one["has_archive"]) for one in found] == [
        (["order"], True),
        (["payment"], True),
    ]
    assert "exported to file-" in "".join(text for text, _ in page.texts)
    assert "1 archived orders reach into these days" in "".join(text for text, _ in money.texts)
    assert exported.code == ExitCode.DONE
    assert json.loads(exported.err.splitlines()[-1])["archived_orders"] == 1
