"""The relay's statements on PostgreSQL."""

from datetime import datetime

import asyncpg
import pytest

from service.outbox import reader as journal_module
from service.outbox.reader import OutboxReader, value_hash
from tests.outbox.world import OUT, World


@pytest.fixture
async def rows(database: str, pool: asyncpg.Pool) -> World:
    return World(database, "", pool)


async def test_rows_come_in_order_behind_a_position_and_not_more_than_asked_for(rows: World) -> None:
    await rows.write(1, 9)
    await rows.write(2, 9)
    journal = OutboxReader(rows.pool)
    found = (await journal.following(1, 3, limit=4)).rows
    assert [row.position for row in found] == [4, 5, 6, 7]
    assert found[0].topic in OUT
    assert b'"id"' in found[0].value


async def test_rows_come_up_to_so_many_bytes_and_at_least_one(rows: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "BYTES_AT_ONCE", 3_000)
    await rows.write(0, 1, pad=5_000)
    await rows.write(0, 5, pad=1_000)
    journal = OutboxReader(rows.pool)
    assert [row.position for row in (await journal.following(0, 0)).rows] == [1]
    assert [row.position for row in (await journal.following(0, 1)).rows] == [2, 3, 4]


async def test_rows_are_complete_if_neither_their_number_nor_their_bytes_were_cut(
    rows: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BYTES_AT_ONCE", 3_000)
    await rows.write(0, 1, pad=5_000)
    await rows.write(0, 5, pad=100)
    journal = OutboxReader(rows.pool)
    for position, limit, count, complete in ((0, 9, 1, False), (1, 4, 4, False), (1, 5, 5, False), (1, 6, 5, True)):
        found = await journal.following(0, position, limit)
        assert (len(found.rows), found.complete) == (count, complete)


async def test_a_note_never_falls(rows: World) -> None:
    journal = OutboxReader(rows.pool)
    assert await journal.noted(3) == 0
    await journal.note(3, 0, 8, timed=False)
    await journal.note(3, 0, 5, timed=False)
    await journal.note(3, 0, 6)
    assert await journal.noted(3) == 8


async def test_the_first_time_of_publication_stands(rows: World) -> None:
    await rows.write(0, 2, timed=True)
    journal = OutboxReader(rows.pool)

    async def times() -> list[datetime]:
        found = await rows.pool.fetch("select published_at from publications order by position")
        return [row["published_at"] for row in found]

    await journal.note(0, 0, 1)
    first = await times()
    await journal.note(0, 0, 2)
    assert (await times())[:1] == first
    assert len(await times()) == 2


async def test_the_hash_is_that_of_the_value_as_stored(rows: World) -> None:
    await rows.write(0, 1)
    journal = OutboxReader(rows.pool)
    (row,) = (await journal.following(0, 0)).rows
    assert await journal.hash_at(0, 1) == value_hash(row.value)
    assert await journal.hash_at(0, 2) is None
    assert await journal.last_position(0) == 1
    assert await journal.last_position(1) == 0


async def test_the_row_at_the_position_itself_comes_along_as_a_hash(rows: World) -> None:
    await rows.write(0, 3)
    journal = OutboxReader(rows.pool)
    nothing_before = await journal.following(0, 0, limit=2)
    assert (nothing_before.anchor, [row.position for row in nothing_before.rows]) == (None, [1, 2])
    middle = await journal.following(0, 2, limit=1)
    assert (middle.anchor, [row.position for row in middle.rows]) == (value_hash(nothing_before.rows[1].value), [3])
    assert (await journal.following(0, 3)).rows == []
    await rows.pool.execute("delete from outbox where position = 2")
    lost = await journal.following(0, 2, limit=5)
    assert (lost.anchor, [row.position for row in lost.rows]) == (None, [3])
