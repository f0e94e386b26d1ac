"""A migration that says `-- expand` takes nothing away from the version that runs beside it: squawk looks at each."""

import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from service.store.errors import SchemaError
from service.store.migrate import Migration, known_migrations, migrate
from tests.waiting import HANG_SECONDS

SQUAWK = Path(sys.executable).with_name("squawk")
# What squawk asks for and is not wanted here, and why.
NOT_ASKED = {
    "prefer-bigint-over-int": "partitions, sizes and versions are 32 bits in the messages",
    "prefer-bigint-over-smallint": "lanes are 256 at most",
    "require-lock-timeout": "the runner sets it",
    "require-statement-timeout": "an index may take its time",
    "require-concurrent-index-creation": "a migration is one transaction; writers wait for the index and try again",
}


def complaints(sql: str) -> list[str]:
    """The rules that squawk finds broken."""
    done = subprocess.run(
        [SQUAWK, "--assume-in-transaction", "--pg-version=17.0", "--reporter=gcc", f"--exclude={','.join(NOT_ASKED)}"],
        input=sql,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    found = [line.split(": ", 2)[2].split()[0] for line in done.stdout.splitlines() if line.count(": ") >= 2]
    assert bool(found) == (done.returncode != 0), (done.stdout, done.stderr)
    return found


@pytest.mark.parametrize(
    "migration", [one for one in known_migrations() if one.kind == "expand"], ids=lambda one: one.name
)
def test_an_expanding_migration_takes_nothing_away(migration: Migration) -> None:
    assert complaints(migration.sql) == []


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("alter table orders drop column held_at", "ban-drop-column"),
        ("drop table publications", "ban-drop-table"),
        ("alter table outbox rename column value to body", "renaming-column"),
        ("alter table outbox rename to outputs", "renaming-table"),
        ("alter table facts alter column nth type bigint", "changing-column-type"),
        ("alter table facts add column weight integer not null", "adding-required-field"),
        ("alter table facts alter column type set not null", "adding-not-nullable-field"),
    ],
)
def test_a_migration_that_breaks_an_older_version_is_found(statement: str, rule: str) -> None:
    assert rule in complaints(f"{statement};")


async def test_a_migration_that_waits_for_a_lock_gives_up_in_time(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Migration(9999, "late", "expand", "-- expand\nalter table orders add column late integer;")
    monkeypatch.setattr("service.store.migrate.known_migrations", lambda: [*known_migrations(), late])
    monkeypatch.setattr("service.store.migrate.LOCK_TIMEOUT", "200ms")
    connection = await asyncpg.connect(database)
    async with connection.transaction():
        await connection.execute("select from orders")
        with pytest.raises(SchemaError, match="9999_late failed and changed nothing: canceling statement due to lock"):
            await migrate(database)
    assert await migrate(database) == ["9999_late"]
    await connection.close()
