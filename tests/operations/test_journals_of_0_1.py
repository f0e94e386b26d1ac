"""The release check on what 0.1 stored: its facts are read under today's rules, which publish what they add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from service.orders.engine import Engine
from service.rules.facts import DAY
from service.store.postgres import PostgresStore
from service.terms.source import TermsInDatabase
from tests.forkserver import run_text
from tests.orders.stories import Story
from tests.rules.happenings import HOUR
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    import subprocess

SCHEMAS = json.loads((Path(__file__).parents[2] / "contracts" / "released" / "0.1.0.json").read_text())
NEW_KINDS = {"closing", "unavailability", "order_amount", "third_party_fees"}
"""Decisions that 0.1 didn't know."""
DAYS_OF_24_HOURS = """
insert into terms (provider_id, version, effective_from, declared, imported_at)
values ('*', 'standard', '1970-01-02Z', '{"period_counting": "hours"}', '1970-01-01Z')
"""
"""Terms that count as 0.1 always did."""


def member_names(schema: Any) -> set[str]:
    """Every name of a member anywhere in a schema."""
    if isinstance(schema, list):
        return {name for one in schema for name in member_names(one)}
    if not isinstance(schema, dict):
        return set()
    return {name for one in schema.values() for name in member_names(one)} | set(schema.get("properties", {}))


def as_stored(data: Any, known: set[str]) -> Any:
    """Data without the members that came later."""
    if isinstance(data, list):
        return [as_stored(one, known) for one in data]
    if not isinstance(data, dict):
        return data
    return {name: as_stored(value, known) for name, value in data.items() if name in known}


async def make_old(connection: asyncpg.Connection[Any]) -> int:
    """Rewrite the journals as 0.1 left them; return how many facts lost a member."""
    changed = 0
    for row in await connection.fetch("select source, id, type, data from facts"):
        data = json.loads(row["data"])
        old = as_stored(data, member_names(SCHEMAS[row["type"]]))
        changed += old != data
        await connection.execute(
            "update facts set data = $1 where source = $2 and id = $3", json.dumps(old), row["source"], row["id"]
        )
    versions: dict[str, int] = {}
    rows = await connection.fetch("select lane, position, order_id, value from outbox order by order_id, order_version")
    for row in rows:
        event = json.loads(row["value"])
        place = (row["lane"], row["position"])
        if event["data"].get("kind") in NEW_KINDS:
            await connection.execute("delete from outbox where lane = $1 and position = $2", *place)
            continue
        version = versions[row["order_id"]] = versions.get(row["order_id"], 0) + 1
        event["data"]["order_version"] = version
        await connection.execute(
            "update outbox set order_version = $3, value = $4 where lane = $1 and position = $2",
            *place,
            version,
            json.dumps(event).encode(),
        )
    return changed


def what_if(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PURCHASING_DATABASE_URL": database, "PATH": "/usr/bin:/bin"}
    return run_text("service", ["what-if", *arguments], environment, HANG_SECONDS)


@pytest.fixture
async def journals(database: str) -> str:
    """Three orders: one was bought for less, one couldn't be had, of one the tip was asked back on the last day."""
    connection = await asyncpg.connect(database)
    await connection.execute(DAYS_OF_24_HOURS)
    store = await PostgresStore.open(database)
    engine = Engine(store, await TermsInDatabase.read(store))
    tipped = Story("ord-tipped").placed().accepted().paid().bought().tipped(15_000, at=20 * HOUR)
    for story in (
        Story("ord-bought").placed().accepted().paid().bought(goods=50_000),
        Story("ord-none-left").placed().accepted().paid().unavailable(),
        tipped.asks_tip_back(at=20 * HOUR + 30 * DAY + 1),
    ):
        await engine.handle(list(story))
    await store.close()
    await connection.execute("delete from terms")
    assert await make_old(connection) > 0
    await connection.close()
    return database


def test_the_release_check_lists_what_these_rules_add_to_decisions_of_0_1(journals: str) -> None:
    done = what_if(journals, "--json")

    assert done.returncode == 4, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    said = {
        (one["data"]["order_id"], one["data"].get("kind") or one["type"], one["data"].get("outcome")) for one in found
    }
    refund = "purchasing.refund.issue.v1"
    assert said == {
        ("ord-none-left", "closing", "unavailable"),
        ("ord-none-left", "unavailability", "ended"),
        ("ord-tipped", "tip_refund", "agreed"),
        ("ord-tipped", refund, None),
    }
    assert [one["data"]["amount"]["value"] for one in found if one["type"] == refund] == [15_000]
    assert "3 orders checked: 2 would publish more, 0 can't be assessed." in done.stderr


def test_the_release_check_explains_which_money_would_move(journals: str) -> None:
    done = what_if(journals, "--order", "ord-tipped")

    assert done.returncode == 4, done.stderr
    assert "ord-tipped: Refund ¥150.00 to payment pay-tip (line tip:tip-1). (clause 21, " in done.stdout
    assert "ord-tipped: Tip refund (tip-1): agreed. (clause 21, " in done.stdout
