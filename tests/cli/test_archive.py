"""`archive`: closed orders leave the tables, files and rows are checked, and whatever ends a run loses nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from service.operations.archive import MOVED_AT_ONCE, MOVED_BYTES, at_once, prefix_of
from service.runtime.failpoints import ARCHIVE_PLACES
from service.store.operators.archive import Journal
from tests.cli.commands import command, tables_with
from tests.orders.archiving import ALL_PUBLISHED, archived
from tests.orders.stories import Story, paid_order

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

    from tests.cli.commands import Ended

MARKER = "marker-8b41"
ORDERS = [f"ord-{n}" for n in range(1, 8)]
OLD = (
    "update facts set received_at = received_at - interval '800 days'",
    "update outbox set decided_at = decided_at - interval '800 days'",
    "update publications set published_at = published_at - interval '800 days'",
)
ALL = "select (select count(*) from facts), (select count(*) from outbox)"


@pytest.fixture
async def old(engine, beside) -> asyncpg.Connection:
    """Seven orders that ended two years ago, and one that waits for goods."""
    for order in ORDERS:
        await engine.handle(Story(order).placed(address=f"Warehouse 3, {MARKER}").refused().inbound_records)
    await engine.handle(paid_order("ord-open").inbound_records)
    await beside.execute(ALL_PUBLISHED)
    for statement in OLD:
        await beside.execute(statement)
    return beside


def run(database: str, directory: Path, *more: str, **environment: str) -> Ended:
    arguments = ("--to", str(directory), "--why", "yearly", "--by", "ann", "--per-file", "3", "--json")
    return command(database, "archive", "run", *arguments, *more, **environment)


def names(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir())


async def test_without_yes_the_orders_are_counted_and_nothing_is_done(database, old, tmp_path) -> None:
    counted = run(database, tmp_path)

    assert counted.code == 1
    assert (counted.lines[0]["looked_at"], counted.lines[0]["closed"], counted.lines[0]["archived"]) == (8, 7, 0)
    assert (names(tmp_path), await archived(old)) == ([], [])


async def test_closed_orders_are_in_files_and_in_the_archive_without_private_members(database, old, tmp_path) -> None:
    facts, outputs = await old.fetchrow(ALL)
    done = run(database, tmp_path, "--yes")
    files = [parquet.read_table(tmp_path / one).to_pylist() for one in done.lines[0]["files"]]
    rows = [one for file in files for one in file]
    journals = [json.loads(one["journal"]) for one in rows]
    left = await old.fetchrow(ALL)
    noted = await old.fetch("select done_by, what, subject, outcome, why from operator_actions order by nth")

    assert (done.code, done.lines[0]["archived"], [len(one) for one in files]) == (0, 7, [3, 3, 1])
    assert await archived(old) == [one["order_id"] for one in rows] == ORDERS
    assert [(tmp_path / one).stat().st_mode & 0o007 for one in done.lines[0]["files"]] == [0, 0, 0]
    assert sum(len(one["facts"]) for one in journals) == facts - left[0] == 14
    assert sum(len(one["outputs"]) for one in journals) == outputs - left[1] > 0
    assert not any(MARKER.encode() in (tmp_path / one).read_bytes() for one in names(tmp_path))
    assert not any(MARKER in one["journal"] for one in rows)
    assert await tables_with(database, MARKER) == {"private_members"}
    assert [tuple(row) for row in noted] == [
        ("ann", "archive run", name, f"{number} of {number} orders moved", "yearly")
        for name, number in zip(done.lines[0]["files"], (3, 3, 1), strict=True)
    ]
    again = run(database, tmp_path, "--yes")
    assert (again.code, again.lines[0]["looked_at"], again.lines[0]["archived"]) == (0, 8, 0)
    checked = command(database, "archive", "check", str(tmp_path), "--json")
    assert (checked.code, [one["problems"] for one in checked.lines]) == (0, 3 * [[]]), checked.err


@pytest.mark.parametrize("place", ARCHIVE_PLACES)
async def test_a_run_that_is_killed_is_finished_by_the_next(database, old, tmp_path, place) -> None:
    killed = run(database, tmp_path, "--yes", PURCHASING_FAILPOINTS=f"{place}=kill@2")
    before = await archived(old)
    done = run(database, tmp_path, "--yes")
    part = f".{prefix_of(await old.fetchval('select outbox_id from installation'))}1.parquet.part"
    (tmp_path / part).touch()
    checked = command(database, "archive", "check", str(tmp_path), "--json")

    assert killed.code < 0
    assert f"{part} is not noted" in checked.err
    assert before == ORDERS[: 6 if place == "archive.moved" else 3]
    assert (done.code, done.lines[0]["archived"]) == (0, 7 - len(before))
    assert await archived(old) == ORDERS
    assert (checked.code, [one["problems"] for one in checked.lines]) == (0, len(checked.lines) * [[]])
    assert checked.err.count("is not noted") == 1 + (place == "archive.written")


async def test_two_runs_at_once_archive_each_order_once(database, old, tmp_path) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: run(database, tmp_path, "--yes"), range(2)))
    checked = command(database, "archive", "check", str(tmp_path), "--json")

    assert [one.code for one in done] == [0, 0], [one.err for one in done]
    assert sum(one.lines[0]["archived"] for one in done) == 7
    assert await archived(old) == ORDERS
    assert checked.code == 0, checked.err


async def test_a_damaged_or_absent_file_and_a_damaged_row_are_found(database, old, tmp_path) -> None:
    changed, absent, right = (tmp_path / one for one in run(database, tmp_path, "--yes").lines[0]["files"])
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    absent.unlink()
    await old.execute("update archived_orders set journal = '{\"facts\": []}' where order_id = 'ord-7'")
    checked = command(database, "archive", "check", str(tmp_path), "--json")
    wrong = {one["name"]: one["problems"] for one in checked.lines}

    assert checked.code == 1
    assert wrong[changed.name] == ["The file differs from its checksum."]
    assert wrong[absent.name] == ["The file can't be read: No such file or directory."]
    assert wrong[right.name] == ["1 of its orders differ from their checksums in the database."]


async def test_nothing_is_moved_if_the_files_can_t_be_written(database, old, tmp_path) -> None:
    nowhere = run(database, tmp_path / "none", "--yes")
    (tmp_path / "file").touch()
    no_directory = run(database, tmp_path / "file", "--yes")

    assert [(one.code, one.out) for one in (nowhere, no_directory)] == 2 * [(1, b"")]
    assert await archived(old) == []


async def test_explain_finds_an_archived_order_and_names_its_file(database, old, tmp_path) -> None:
    before = command(database, "explain", "ord-1", "--json").lines[0]
    (name, *_) = run(database, tmp_path, "--yes").lines[0]["files"]
    after = command(database, "explain", "ord-1", "--json").lines[0]
    words = command(database, "explain", "ord-1").out.decode()

    assert (before.pop("archived_at"), before.pop("archive_file")) == (None, None)
    assert after.pop("archived_at") is not None
    assert after.pop("archive_file") == name
    assert after == before
    assert f"exported to {name}" in words


async def test_erase_reaches_the_private_members_of_an_archived_order(database, old, tmp_path) -> None:
    run(database, tmp_path, "--yes")
    erased = [command(database, "erase", one, "--why", "the buyer asked") for one in ("ord-1", "ord-7")]
    left = await old.fetch("select order_id from private_members where data::text like $1 order by 1", f"%{MARKER}%")

    assert [one.code for one in erased] == [0, 0]
    assert [row[0] for row in left] == ORDERS[1:-1]
    assert await archived(old) == ORDERS


async def test_restored_orders_are_back_in_the_tables_and_who_did_it_is_kept(database, old, tmp_path) -> None:
    before = sorted(map(tuple, await old.fetch("select f::text from facts f")))
    run(database, tmp_path, "--yes")
    back = command(database, "archive", "restore", *ORDERS, "ord-open", "--by", "bob", "--why", "finance", "--json")
    noted = await old.fetch("select done_by, subject, why from operator_actions where what = 'archive restore'")

    assert (back.code, back.lines) == (1, [{"restored": ORDERS, "not_archived": ["ord-open"]}])
    assert await archived(old) == []
    assert sorted(map(tuple, await old.fetch("select f::text from facts f"))) == before
    assert sorted(map(tuple, noted)) == [("bob", one, "finance") for one in ORDERS]


async def test_orders_come_back_by_their_file_and_by_the_place_of_their_outputs(database, old, tmp_path) -> None:
    (first, *_) = run(database, tmp_path, "--yes").lines[0]["files"]
    lane, position = await old.fetchrow("select lane, max(position) - 1 from archived_output_rows group by 1 limit 1")
    last = await old.fetchval(
        "select order_id from archived_output_rows where lane = $1 and position = $2", lane, position + 1
    )
    why = ("--why", "kept for the auditors", "--json")
    after = command(database, "archive", "restore", "--outputs-after", f"{lane}:{position}", *why)
    by_file = command(database, "archive", "restore", "--file", first, *why)
    none = command(database, "archive", "restore", *why)
    unknown = command(database, "archive", "restore", "--file", "none.parquet", *why)

    assert after.lines == [{"restored": [last], "not_archived": []}]
    assert by_file.lines == [{"restored": [one for one in ORDERS[:3] if one != last], "not_archived": []}]
    assert none.code == 2
    assert (unknown.code, unknown.out, "No archived order" in unknown.err) == (1, b"", True)
    assert await archived(old) == [one for one in ORDERS[3:] if one != last]


def test_orders_are_moved_by_number_and_by_size() -> None:
    large, small = (Journal("o", "x" * size, b"") for size in (MOVED_BYTES, 1))
    few = [len(one) for one in at_once([small, large, small, small, large, large, *[small] * (MOVED_AT_ONCE + 1)])]
    assert few == [1, 1, 2, 1, 1, MOVED_AT_ONCE, 1]


async def test_sizes_of_tables_are_shown_in_bytes_per_order(database, old, tmp_path) -> None:
    await old.execute("analyze")
    run(database, tmp_path, "--yes")
    shown: dict[str, Any] = command(database, "archive", "show", "--json").lines[0]
    words = command(database, "archive", "show").out.decode()

    assert shown["orders"] == 8
    assert {"facts", "outbox", "archived_orders", "archived_facts"} < {one["table"] for one in shown["tables"]}
    assert [(one["archived"], one["orders"], one["done_by"]) for one in shown["files"]] == [
        (3, 3, "ann"),
        (3, 3, "ann"),
        (1, 1, "ann"),
    ]
    assert "bytes per order" in words


def test_fewer_days_than_refunds_take_are_refused(tmp_path) -> None:
    refused = run("postgresql://nowhere", tmp_path, "--days", "89")

    assert refused.code == 2
    assert "--days" in refused.err
