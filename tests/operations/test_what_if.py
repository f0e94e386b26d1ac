"""`what-if`: other terms, and the check before a release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.forkserver import run_text
from tests.orders.stories import Story
from tests.rules.happenings import when
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator
    from pathlib import Path

DEARER = """
[[terms]]
version = "dearer"
provider_id = "*"
effective_from = 2000-01-01T00:00:00Z
service_fee_rate = "0.01"
"""


def what_if(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PURCHASING_DATABASE_URL": database, "PATH": "/usr/bin:/bin"}
    return run_text("service", ["what-if", *arguments], environment, HANG_SECONDS)


def rows(done: subprocess.CompletedProcess[str], kind: str) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [row for line in done.stdout.splitlines() if (row := json.loads(line))["kind"] == kind]


@pytest.fixture
async def orders(database: str) -> AsyncIterator[str]:
    """Three orders: one bought for less, one cancelled before the purchase, one that just waits."""
    store = await PostgresStore.open(database)
    engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
    await engine.handle(list(Story("ord-less").placed().accepted().paid().bought(goods=50_000)))
    await engine.handle(list(Story("ord-cancelled").placed().accepted().paid().asks_to_cancel()))
    await engine.handle(list(Story("ord-waits").placed()))
    yield database
    await store.close()


def test_without_terms_the_installed_rules_publish_nothing_beyond_the_journal(orders: str):
    done = what_if(orders)

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "3 orders checked: 0 would publish more, 0 can't be assessed." in done.stderr


async def test_missing_outputs_are_listed_with_their_clauses_and_an_exit_code(orders: str):
    connection = await asyncpg.connect(orders)
    await connection.execute(
        "delete from outbox where order_id = 'ord-cancelled' and order_version ="
        " (select max(order_version) from outbox where order_id = 'ord-cancelled')"
    )
    before = await connection.fetchval("select count(*) from outbox")

    done, for_programs = what_if(orders), what_if(orders, "--json")

    assert done.returncode == for_programs.returncode == 4
    assert done.stdout.startswith("ord-cancelled: Refund ")
    assert "clause 12(1)A" in done.stdout
    assert json.loads(for_programs.stdout)["type"] == "purchasing.refund.issue.v1"
    assert await connection.fetchval("select count(*) from outbox") == before, "what-if only reads"
    await connection.close()


def test_other_terms_change_the_money_by_provider_and_line(orders: str, tmp_path: Path):
    (tmp_path / "dearer.toml").write_text(DEARER)

    done = what_if(orders, "--terms", str(tmp_path / "dearer.toml"), "--json")

    (summary,) = rows(done, "summary")
    (total,) = rows(done, "total")
    named = {row["order_id"]: row["lines"]["purchase"] for row in rows(done, "order")}
    assert (summary["orders"], summary["differing"]) == (3, len(named))
    assert total["line"] == "purchase"
    assert total["after"] - total["before"] == sum(line["after"] - line["before"] for line in named.values())
    assert named["ord-less"]["after"] < named["ord-less"]["before"], "a dearer fee leaves less to give back"
    assert "ord-waits" not in named


def test_it_can_be_asked_of_one_order_a_provider_or_a_period(orders: str, tmp_path: Path):
    (tmp_path / "dearer.toml").write_text(DEARER)
    file = ("--terms", str(tmp_path / "dearer.toml"), "--json")

    def count(*arguments: str) -> int:
        found: int = rows(what_if(orders, *file, *arguments), "summary")[0]["orders"]
        return found

    assert count("--order", "ord-less") == 1
    assert count("--provider", "nobody") == 0
    assert count("--since", f"{when(0):%Y-%m-%dT%H:%M:%SZ}") == 3
    assert count("--until", "2001-01-01T00:00:00Z") == 0


def test_text_is_for_people_and_progress_goes_to_stderr(orders: str, tmp_path: Path):
    (tmp_path / "dearer.toml").write_text(DEARER)

    done = what_if(orders, "--terms", str(tmp_path / "dearer.toml"))

    assert "3 orders with" in done.stdout
    assert "would end with different money" in done.stdout
    assert "The orders that differ most:" in done.stdout
    assert "3 orders of about" in done.stderr


def test_a_file_that_is_wrong_is_a_sentence_and_exit_code_one(orders: str, tmp_path: Path):
    missing = what_if(orders, "--terms", str(tmp_path / "none.toml"))

    assert missing.returncode == 1
    assert "can't be read" in missing.stderr
