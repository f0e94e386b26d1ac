"""`explain`: an order's story from the journals, as text and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from service.orders.engine import Engine
from service.rules.facts import instant
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.postgres import PostgresStore
from service.store.substitute_clock import EVENTS, pass_time, set_clock
from service.terms.source import FixedTerms
from tests.forkserver import run_text
from tests.orders.stories import Story, record
from tests.rules.happenings import HOUR
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator

DAY = 24 * HOUR
CLAUSES = ["12(1)B", "12(3)", "12(5)"]
PRIVATE = ("Baiyun", "buyer@example", "evidence.example")


def explain(database: str, order: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PURCHASING_DATABASE_URL": database, "PATH": "/usr/bin:/bin"}
    return run_text("service", ["explain", order, *arguments], environment, HANG_SECONDS)


def explained(database: str, order: str) -> dict[str, Any]:
    done = explain(database, order, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Engine]:
    """An engine whose clock goes by the events."""
    await set_clock(database, EVENTS)
    store = await PostgresStore.open(database)
    yield Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
    await store.close()


async def receive(engine: Engine, story: Story) -> None:
    for inbound_record in story:
        await engine.handle([inbound_record])


async def test_an_unknown_order_is_reported_as_unknown(database: str):
    done = explain(database, "ord-0")

    assert done.returncode == 1
    assert "No message about order ord-0 was received." in done.stderr
    assert done.stdout == ""


async def test_facts_are_in_order_of_time_with_their_place_in_order_of_receipt(engine: Engine, database: str):
    story = Story("ord-late").placed(at=0).accepted(at=HOUR).paid(at=2 * HOUR)
    story.asks_to_cancel(at=8 * HOUR).bought(at=6 * HOUR)
    await receive(engine, story)

    happened = explained(database, "ord-late")["happened"]

    assert [one["type"].split(".")[2] for one in happened] == [
        "placed",
        "accepted",
        "captured",
        "purchase_confirmed",
        "cancellation_requested",
    ]
    assert [one["nth"] for one in happened] == [1, 2, 3, 5, 4]
    assert [one["late"] for one in happened] == [False, False, False, True, False]


async def test_the_money_stands_by_line_and_what_is_decided_cites_its_clauses(engine: Engine, database: str):
    story = Story("ord-money").placed().accepted().paid().bought().asks_to_cancel().seller_cancels(penalty=5_000)
    await receive(engine, story)

    found = explained(database, "ord-money")

    (line,) = [line for line in found["lines"] if line["line"] == "purchase"]
    refund = found["decided"][-1]
    assert refund["amount"] == line["due"] == line["commanded"]
    assert (line["withheld"], line["demanded"], line["to_command"]) == (0, 0, 0)
    assert [clause for clause, _ in refund["basis"]] == CLAUSES
    text = explain(database, "ord-money").stdout
    assert f"clause 12(5): {dict(refund['basis'])['12(5)']}" in " ".join(text.split())
    assert "The money" in text


async def test_a_wait_has_its_last_instant(engine: Engine, database: str):
    story = Story("ord-wait").placed(at=0).accepted(at=HOUR).paid(at=2 * HOUR).bought(at=3 * HOUR)
    story.received(at=4 * HOUR).delivered(at=5 * HOUR).asks_to_cancel(at=6 * HOUR)
    await receive(engine, story)

    waiting = {one["row"]: one for one in explained(database, "ord-wait")["waiting"] if one["row"] is not None}

    answer, receipt = waiting[6], waiting[5]
    assert (answer["from"], answer["what"], answer["until"]) == ("seller", "an answer to request can-1", None)
    # Delivered on 2 March, 22:00 Beijing time: the tenth day after is Thursday, 12 March, and ends at 24:00 (R14).
    assert (receipt["from"], receipt["until"]) == ("buyer", "2026-03-12T16:00:00Z")
    text = " ".join(explain(database, "ord-wait").stdout.split())
    assert "from the seller: an answer to request can-1" in text
    assert "receipt is deemed confirmed, overdue since 2026-03-12 16:00:00" in text


async def test_a_demand_waits_for_its_publication_and_then_for_the_payment(engine: Engine, database: str):
    story = Story("ord-demand").placed(at=0).accepted(at=HOUR).paid(at=2 * HOUR).bought(at=3 * HOUR)
    await receive(engine, story.charged_back(at=4 * HOUR))

    waiting = " ".join(one["what"] for one in explained(database, "ord-demand")["waiting"])

    assert "payment of ¥1,013.01 for chargeback cb-1" in waiting
    assert "the days begin when the demand is published" in waiting
    assert "the relay to publish" in waiting


async def test_a_stuck_order_and_a_record_in_quarantine_are_shown(engine: Engine, database: str):
    await receive(engine, Story("ord-odd").placed())
    await engine.handle([record(b"{", key=b"ord-odd")])
    connection = await asyncpg.connect(database)
    await connection.execute("update orders set stuck = 'ZeroDivisionError' where order_id = 'ord-odd'")
    await connection.close()

    waiting = " ".join(one["what"] for one in explained(database, "ord-odd")["waiting"])

    assert "a person to resolve a quarantined record of topic purchasing.events.order.v1" in waiting
    assert "ZeroDivisionError" in waiting


async def test_private_members_are_not_shown(engine: Engine, database: str):
    story = Story("ord-private").placed().accepted().paid().bought().objects()
    await receive(engine, story)
    connection = await asyncpg.connect(database)
    private = await connection.fetchval("select string_agg(data::text, ' ') from private_members")
    await connection.close()
    markers = {word for member in json.loads(f"[{private.replace('} {', '},{')}]") for word in strings(member)}
    assert markers, "the story has private members, or this test shows nothing"

    shown = explain(database, "ord-private").stdout + explain(database, "ord-private", "--json").stdout

    assert not [marker for marker in markers if marker in shown]


async def test_time_that_passes_changes_what_is_waited_for(engine: Engine, database: str):
    story = Story("ord-deemed").placed(at=0).accepted(at=HOUR).paid(at=2 * HOUR).bought(at=3 * HOUR)
    await receive(engine, story.delivered(at=5 * HOUR))
    connection = await asyncpg.connect(database)
    until = explained(database, "ord-deemed")["waiting"]
    assert any("deemed confirmed" in one["what"] for one in until)

    await pass_time(connection, instant(story_time(story) + 11 * DAY))
    await connection.close()
    handled = await engine.fire_due()

    assert handled.assessed == 1
    found = explained(database, "ord-deemed")
    assert found["decided"][-1]["words"] == "Receipt: deemed confirmed."
    assert not any("deemed confirmed" in one["what"] for one in found["waiting"])


def story_time(story: Story) -> int:
    from service.rules.facts import micros

    return micros(story.last.decoded.time)  # type: ignore[union-attr]


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in strings(child)]
