"""Exports of commands: what a row has, what no spreadsheet may take for a formula, and that they are sent in pieces."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from pyarrow import parquet
from structlog.testing import capture_logs

from service.operations.money_export import COLUMNS, CsvWriter, ParquetWriter, as_text
from service.runtime.exit_codes import ExitCode
from service.store import money
from service.store.money import CommandRow
from tests.cli.commands import command
from tests.console.conftest import browser
from tests.console.gallery import play
from tests.console.reading import read, read_json
from tests.console.test_hostile import HOSTILE, filled_with, inbound

if TYPE_CHECKING:
    from pathlib import Path

ROW = CommandRow(
    order_id="ord-1",
    order_version=3,
    lane=0,
    position=7,
    command_id="cmd-1",
    movement="refund",
    decided_at=datetime(2026, 3, 5, 18, tzinfo=UTC),
    day=datetime(2026, 3, 6, tzinfo=UTC).date(),
    provider_id="prov-1",
    terms_version="standard",
    line="purchase",
    amount=95_750,
    currency="CNY",
    destination="original_payment",
    payment_id="pay-1",
    ref=None,
    clauses=("12(1)B", "12(3)"),
    is_published=True,
    status="open",
    confirmed=0,
    failed=0,
    answered_at=None,
)


def parsed(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def arrow(raw: bytes) -> list[dict[str, Any]]:
    return parquet.read_table(io.BytesIO(raw)).to_pylist()


@pytest.fixture
async def played(database: str) -> str:
    """A database with the demo's orders."""
    await play(database)
    return database


async def refunds(database: str) -> dict[str, int]:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "select id, (convert_from(value, 'UTF8')::json #>> '{data,amount,value}')::bigint from outbox "
            "where topic = 'purchasing.commands.refund.v1'"
        )
    finally:
        await connection.close()
    return dict(map(tuple, rows))


async def test_everything_has_a_row_per_command_and_the_screen_its_days(database, pages) -> None:
    await play(database)
    async with pages.get("/money/export") as answer:
        raw = await answer.read()
        assert answer.headers["Content-Disposition"] == 'attachment; filename="commands.csv"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    rows = parsed(raw)
    assert [*rows[0]] == [*COLUMNS]
    found = {row["command_id"]: int(row["amount_minor"]) for row in rows if row["movement"] == "refund"}
    assert found == await refunds(database)
    assert {row["movement"] for row in rows} == {"refund", "deduction", "hold", "release"}
    async with pages.get("/money/export?from=2026-03-06&to=2026-03-06&movement=refund&clause=12") as answer:
        (row,) = parsed(await answer.read())
    assert (row["order_id"], row["beijing_day"], row["clauses"]) == (
        "demo-04",
        "2026-03-06",
        "12(1)B; 12(3); 12(4); 12(5)",
    )
    assert row["decided_at"] == "2026-03-05T18:00:00Z"


async def test_parquet_has_the_same_rows_with_their_types(database, pages) -> None:
    await play(database)
    async with pages.get("/money/export?format=parquet") as answer:
        assert answer.content_type == "application/vnd.apache.parquet"
        rows = arrow(await answer.read())
    async with pages.get("/money/export") as answer:
        texts = parsed(await answer.read())
    assert [row["command_id"] for row in rows] == [row["command_id"] for row in texts]
    assert {type(row["amount_minor"]) for row in rows} == {int, type(None)}
    assert {row["decided_at"].tzinfo is not None for row in rows} == {True}
    assert rows[0]["clauses"] == texts[0]["clauses"].split("; ")


def test_the_browsers_csv_begins_with_a_byte_order_mark_the_commands_does_not() -> None:
    assert CsvWriter(bom=True).add([ROW]).startswith(b'\xef\xbb\xbf"command_id"')
    assert CsvWriter(bom=False).add([ROW]).startswith(b'"command_id"')


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\r\n=1",
        "\uff1d1+1",
        "\ufeff=1",
        "=cmd|' /C calc'!A0",
        "\u3000-1",
    ],
)
def test_no_text_begins_as_a_formula(text) -> None:
    (row,) = parsed(CsvWriter(bom=True).add([ROW._replace(order_id=text, provider_id=text, payment_id=text)]))
    for name in ("order_id", "provider_id", "payment_id"):
        assert row[name] == f"'{text}"
    assert as_text(f"ord{text}") == f"ord{text}"
    (row,) = arrow(parquet_of(ROW._replace(order_id=text)))
    assert row["order_id"] == text, "Parquet has no formulas: the id stays as it is"


def parquet_of(*rows: CommandRow) -> bytes:
    writer = ParquetWriter()
    return writer.add(rows) + writer.end()


def test_a_text_with_quotes_commas_and_line_ends_is_one_field() -> None:
    for text in HOSTILE:
        (row,) = parsed(CsvWriter(bom=False).add([ROW._replace(payment_id=text, amount=None)]))
        assert row["payment_id"] == as_text(text)
        assert row["amount_minor"] == ""


def test_an_export_without_rows_has_the_names_of_its_columns() -> None:
    writer = CsvWriter(bom=False)
    assert writer.end() == ",".join(f'"{name}"' for name in COLUMNS).encode() + b"\r\n"
    assert parquet.read_table(io.BytesIO(parquet_of())).column_names == [*COLUMNS]


async def test_no_private_member_of_any_message_is_exported(database, engine, pages) -> None:
    """Of an order with every member of every message: only what its commands say."""
    private = "Somebody's street 12"
    made, _ = filled_with("ord-private")
    for message in made:
        for name in ("detail", "reason", "domestic_address", "note", "description"):
            if name in message["data"]:
                message["data"][name] = private
    await engine.handle([inbound(message) for message in made])
    async with pages.get("/money/export") as answer:
        raw = await answer.read()
    assert b"ord-private" in raw
    assert private.encode() not in raw
    assert "account_id" not in COLUMNS
    async with pages.get("/money/export?format=parquet") as answer:
        rows = arrow(await answer.read())
    assert rows
    assert private not in str(rows)


async def test_an_export_is_sent_in_pieces_and_logged_with_who_took_it(database, running, monkeypatch) -> None:
    await play(database)
    monkeypatch.setattr(money, "WINDOW", 3)
    with capture_logs() as logs:
        async with browser(running) as session, session.get("/money/export") as answer:
            assert answer.headers.get("Transfer-Encoding") == "chunked"
            pieces = [piece async for piece, _ in answer.content.iter_chunks()]
    assert len(pieces) > 3
    (line,) = [one for one in logs if one["event"] == "console_exported"]
    rows = len(parsed(b"".join(pieces)))
    assert (line["subject"], line["format"], line["rows"], line["ended"]) == ("local", "csv", rows, True)


async def test_an_export_that_breaks_off_is_not_taken_for_a_whole_one(database, running, monkeypatch) -> None:
    await play(database)
    monkeypatch.setattr(money, "WINDOW", 3)
    taken = 0
    whole = money.commands_in

    async def breaks(*arguments: Any) -> list[CommandRow]:
        nonlocal taken
        taken += 1
        if taken > 2:
            raise OSError("the disk is gone")
        return await whole(*arguments)

    monkeypatch.setattr("service.operations.money_export.commands_in", breaks)
    async with browser(running) as session:
        with pytest.raises(Exception, match=r"not enough data|[Cc]losed|payload|reset") as raised:
            async with session.get("/money/export") as answer:
                await answer.read()
        assert "ClientPayloadError" in type(raised.value).__name__ or "Disconnected" in type(raised.value).__name__


async def test_a_third_export_at_a_time_has_to_wait(database, running) -> None:
    desk = running.console._parts.desk
    async with browser(running) as session, desk.exports, desk.exports:
        await read(session, "/money/export", 503)


@pytest.mark.parametrize("query", ["format=xls", "from=x", "from=2026-02-02&to=2026-02-01", "movement=gift"])
async def test_an_export_that_cannot_be_is_refused(query, api) -> None:
    await read_json(api, f"/money/export?{query}", 400)


async def test_the_command_writes_rows_to_stdout_and_the_rest_to_stderr(database) -> None:
    await play(database)
    done = command(database, "export", "--json")
    assert done.code == ExitCode.DONE, done.err
    rows = parsed(done.out)
    summary = json.loads(done.err.splitlines()[-1])
    assert summary["rows"] == len(rows)
    assert summary["bytes"] == len(done.out)
    found = {one["movement"]: one["amount"] for one in summary["amounts"]}
    assert found["refund"] == sum((await refunds(database)).values())


def test_the_command_writes_a_file_whole_or_not_at_all(played: str, tmp_path: Path) -> None:
    database = played
    file = tmp_path / "commands.parquet"
    done = command(
        database,
        "export",
        "--format",
        "parquet",
        "--from",
        "2026-03-06",
        "--to",
        "2026-03-06",
        "--json",
        "--output",
        str(file),
    )
    assert done.code == ExitCode.DONE, done.err
    (summary,) = done.lines
    assert summary["rows"] == len(arrow(file.read_bytes())) == 1
    assert [one.name for one in tmp_path.iterdir()] == [file.name]
    done = command(database, "export", "--output", str(tmp_path / "none" / "x.csv"))
    assert (done.code, done.out) == (ExitCode.NOT_DONE, b"")
    assert "can't be written" in done.err
    assert command(database, "export", "--from", "2026-03-06", "--to", "2026-03-05").code == ExitCode.USAGE
    assert command(database, "export", "--from", "March").code == ExitCode.USAGE
