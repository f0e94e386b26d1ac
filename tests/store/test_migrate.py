"""The tables: created once, by one process at a time, and distinguished from unknown ones."""

import asyncio

import asyncpg
import pytest

from service.store import migrate as runner
from service.store.errors import SchemaError
from service.store.migrate import Migration, known_migrations, migrate, schema_problem
from service.store.postgres import PostgresStore

KNOWN = known_migrations()
NAMES = [f"{one.number:04}_{one.name}" for one in KNOWN]
NEXT = KNOWN[-1].number + 1


async def test_an_empty_database_is_reported_as_empty(empty_database: str) -> None:
    assert await schema_problem(empty_database) == (
        "the database has no tables of this service yet: run `python -m service migrate`"
    )


async def test_a_server_without_transaction_timeout_is_reported_as_too_old(empty_database: str, monkeypatch) -> None:
    monkeypatch.setattr(runner, "SERVER_MIN", 99)
    problem = str(await schema_problem(empty_database))
    with pytest.raises(SchemaError, match="99 or later is needed"):
        await migrate(empty_database)

    assert problem.startswith("PostgreSQL 99 or later is needed, this is ")


async def test_migrating_twice_does_something_once(empty_database: str) -> None:
    assert await migrate(empty_database) == NAMES
    assert await migrate(empty_database) == []
    assert await schema_problem(empty_database) is None


async def test_processes_that_migrate_at_once_wait_for_each_other(empty_database: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(4)))

    assert [name for names in applied for name in names] == NAMES
    assert await schema_problem(empty_database) is None


async def test_lanes_and_outbox_id_are_made_once(empty_database: str) -> None:
    await migrate(empty_database, lanes=8)
    store = await PostgresStore.open(empty_database, connections=1)
    first = store.installation
    await store.close()
    await migrate(empty_database, lanes=2)
    store = await PostgresStore.open(empty_database, connections=1)
    second = store.installation
    await store.close()

    assert first.lanes == 8
    assert first == second


async def test_a_cell_has_its_lanes_and_no_others_for_good(empty_database: str) -> None:
    await migrate(empty_database, lanes=8, cell=range(4, 6))
    await migrate(empty_database, lanes=8, cell=range(4))
    store = await PostgresStore.open(empty_database, connections=1)
    found = store.installation
    rows = await store.fetch("select lane from lanes order by lane")
    await store.close()

    assert (found.lanes, found.own, found.is_cell) == (8, range(4, 6), True)
    assert [row[0] for row in rows] == [4, 5]


@pytest.mark.parametrize("cell", [range(0), range(2, 5), range(-1, 1)])
async def test_a_cell_with_lanes_that_there_are_not_is_refused(empty_database: str, cell: range) -> None:
    with pytest.raises(SchemaError, match="a cell has some of the lanes 0 to 3"):
        await migrate(empty_database, lanes=4, cell=cell)


@pytest.mark.parametrize("lanes", [0, 3, 512, -4])
async def test_another_number_of_lanes_than_a_power_of_two_is_refused(empty_database: str, lanes: int) -> None:
    with pytest.raises(SchemaError, match="power of two"):
        await migrate(empty_database, lanes=lanes)
    assert "no tables" in str(await schema_problem(empty_database))


async def test_a_missing_migration_is_named(database: str, monkeypatch) -> None:
    later = Migration(NEXT, "later", "expand", "-- expand\ncreate table later (a int);")
    monkeypatch.setattr(runner, "known_migrations", lambda: [*KNOWN, later])

    assert f"the database lacks {NEXT:04}_later: run `python -m service migrate`" == await schema_problem(database)
    assert [f"{NEXT:04}_later"] == await migrate(database)
    assert await schema_problem(database) is None


@pytest.mark.parametrize(("kind", "fits"), [("expand", True), ("contract", False)])
async def test_an_older_program_works_on_a_newer_database_that_only_expanded(
    database: str, monkeypatch, kind: str, fits: bool
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(runner, "known_migrations", lambda: [*KNOWN, Migration(NEXT, "later", kind, "select 1")])
        await migrate(database)
    problem = await schema_problem(database)

    if fits:
        assert problem is None
        assert await migrate(database) == []
    else:
        assert f"{NEXT:04}_later" in str(problem)
        with pytest.raises(SchemaError, match="newer"):
            await migrate(database)


async def test_a_migration_that_changed_after_it_was_applied_is_noticed(database: str, monkeypatch) -> None:
    changed = Migration(KNOWN[0].number, KNOWN[0].name, KNOWN[0].kind, KNOWN[0].sql + " ")
    monkeypatch.setattr(runner, "known_migrations", lambda: [changed, *KNOWN[1:]])

    assert "another version" in str(await schema_problem(database))
    with pytest.raises(SchemaError, match="another version"):
        await migrate(database)


async def test_a_migration_of_another_line_is_noticed(database: str, monkeypatch) -> None:
    mine = [Migration(one.number + 1, one.name, one.kind, one.sql) for one in KNOWN]
    monkeypatch.setattr(runner, "known_migrations", lambda: mine)

    assert "another branch" in str(await schema_problem(database))


async def test_a_migration_that_fails_leaves_nothing_behind(database: str, monkeypatch) -> None:
    broken = Migration(NEXT, "broken", "expand", "create table half (a int); select 1 / 0;")
    monkeypatch.setattr(runner, "known_migrations", lambda: [*KNOWN, broken])
    with pytest.raises(SchemaError, match=f"{NEXT:04}_broken failed .*: division by zero"):
        await migrate(database)
    connection = await asyncpg.connect(database)
    half = await connection.fetchval("select to_regclass('half')")
    await connection.close()

    assert half is None


def test_every_migration_declares_whether_older_programs_can_work_with_it() -> None:
    assert list(range(1, len(KNOWN) + 1)) == [one.number for one in KNOWN]
    assert {"expand", "contract"} >= {one.kind for one in KNOWN}
