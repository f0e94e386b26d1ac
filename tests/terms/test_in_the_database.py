"""Terms in PostgreSQL: imported by the command, and taken up by a running engine with its next batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.orders.engine import Engine
from service.rules.facts import instant
from service.store.postgres import PostgresStore
from service.store.substitute_clock import EVENTS, set_clock
from service.terms.source import TermsInDatabase
from tests.forkserver import run_text
from tests.orders.stories import Story
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

FILE = """
[[terms]]
version = "{version}"
provider_id = "{provider}"
effective_from = {start}
service_fee_rate = "0.01"
"""


def terms(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PURCHASING_DATABASE_URL": database, "PATH": "/usr/bin:/bin"}
    return run_text("service", ["terms", *arguments], environment, HANG_SECONDS)


def a_file(tmp_path: Path, version: str = "dear", provider: str = "*", start: str = "2150-01-01T00:00:00Z") -> str:
    file = tmp_path / f"{version}.toml"
    file.write_text(FILE.format(version=version, provider=provider, start=start))
    return str(file)


def test_a_file_is_imported_once_listed_and_shown(database: str, tmp_path: Path):
    file = a_file(tmp_path)

    first, second = terms(database, "import", file), terms(database, "import", file)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "1 sets added" in first.stderr
    assert "0 sets added, 1 were there already" in second.stderr
    listed = [json.loads(line) for line in terms(database, "list", "--json").stdout.splitlines()]
    assert [(row["provider_id"], row["version"], row["terms"]) for row in listed] == [
        ("*", "dear", {"service_fee_rate": "1/100"})
    ]
    then = json.loads(terms(database, "show", "prov-1", "--at", "2150-01-01T00:00:00Z", "--json").stdout)
    now = json.loads(terms(database, "show", "prov-1", "--json").stdout)
    assert (then["version"], then["service_fee_rate"]) == ("dear", "1/100")
    assert (now["version"], now["service_fee_rate"]) == ("standard", "1/1000")


@pytest.mark.parametrize(
    ("version", "start", "said"),
    [
        ("past", "2020-01-01T00:00:00Z", "in the future only"),
        ("twin", "2150-01-01T00:00:00Z", "they overlap"),
    ],
)
def test_an_import_that_can_not_be_is_refused_whole(database: str, tmp_path: Path, version: str, start: str, said: str):
    assert terms(database, "import", a_file(tmp_path)).returncode == 0

    refused = terms(database, "import", a_file(tmp_path, version, start=start))

    assert refused.returncode == 1
    assert said in refused.stderr
    assert len(terms(database, "list", "--json").stdout.splitlines()) == 1


async def test_the_database_takes_no_set_that_is_in_force_already(database: str):
    connection = await asyncpg.connect(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("insert into terms values ('*', 'sly', now() - interval '1 s', '{}')")
    await connection.close()


async def test_a_running_engine_takes_up_a_set_with_its_next_batch(database: str, tmp_path: Path):
    await set_clock(database, EVENTS)
    store = await PostgresStore.open(database)
    source = await TermsInDatabase.read(store)
    engine = Engine(store, source)
    await engine.handle(list(Story("ord-before").placed().accepted().paid()))

    assert terms(database, "import", a_file(tmp_path, start="2150-01-01T00:00:00Z")).returncode == 0
    later = Story("ord-after").placed().accepted().paid()
    await engine.handle(list(later))

    assert [one.version for one in source.book.sets] == ["dear"]
    values = await store.fetch("select value from outbox where order_id = 'ord-after' order by order_version")
    assert values
    assert {json.loads(row[0])["data"]["terms_version"] for row in values} == {"standard"}
    await store.close()


async def test_an_order_is_bound_by_the_set_in_force_at_its_mandate(database: str, tmp_path: Path):
    assert terms(database, "import", a_file(tmp_path)).returncode == 0
    store = await PostgresStore.open(database)
    source = await TermsInDatabase.read(store)
    start = source.book.sets[0].effective_from

    assert source.book.in_force("prov-1", start).version == "dear"
    assert source.book.in_force("prov-1", start - 1).version == "standard"
    assert instant(start).year == 2150
    await store.close()
