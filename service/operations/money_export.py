"""Export commands as CSV or Parquet: a row per command, beside what payments reported of it.

A command has no private member and no name of a person; its account is left out. What is exported is a frozen range of
the outbox: whatever is decided later is not in it. It is read in small pieces, so nothing waits for a slow reader.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from purchasing_contracts.base import text_of

from service.store.money import CommandRow, archived_orders, commands_in, lane_ranges, windows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    import asyncpg

    from service.store.money import MoneyFilter

    Borrow = Callable[[], AbstractAsyncContextManager[asyncpg.Connection[asyncpg.Record]]]

FORMATS = ("csv", "parquet")
MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
BOM = "\ufeff"
"""Without it, Excel takes UTF-8 for something else. Programs stumble over it."""

ROW_GROUP = 20_000
"""Rows that Parquet is written by: they are held in memory until then."""

COLUMNS = (
    "command_id",
    "order_id",
    "order_version",
    "movement",
    "provider_id",
    "terms_version",
    "line",
    "amount_minor",
    "currency",
    "destination",
    "payment_id",
    "deduction_or_hold_id",
    "clauses",
    "decided_at",
    "beijing_day",
    "published",
    "status",
    "confirmed_minor",
    "failed_minor",
    "answered_at",
    "lane",
    "position",
)
"""The columns of a row. Amounts are whole minor units."""

_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The characters with which a spreadsheet lets a formula begin, also at full width."""
_BEFORE_FORMULAS = " \t\r\n\v\f\0\u00a0\u3000\ufeff"


class ExportError(Exception):
    """The export can't be made. The text says why."""


def values_of(row: CommandRow) -> tuple[Any, ...]:
    """Return a command's values by COLUMNS."""
    return (
        row.command_id,
        row.order_id,
        row.order_version,
        row.movement,
        row.provider_id,
        row.terms_version,
        row.line,
        row.amount,
        row.currency,
        row.destination,
        row.payment_id,
        row.ref,
        row.clauses,
        row.decided_at,
        row.day,
        row.is_published,
        row.status,
        row.confirmed,
        row.failed,
        row.answered_at,
        row.lane,
        row.position,
    )


def as_text(text: str) -> str:
    """Return a text so that no spreadsheet takes it for a formula: with an apostrophe before it where it may be one.

    >>> as_text("=1+1"), as_text("ord-1")
    ("'=1+1", 'ord-1')
    """
    bare = text.lstrip(_BEFORE_FORMULAS)
    return f"'{text}" if bare.startswith(_FORMULAS) or text[:1] in ("\t", "\r", "\n") else text


class Writer(Protocol):
    """A writer that makes bytes of rows."""

    def add(self, rows: Sequence[CommandRow]) -> bytes:
        """Return what can be sent after these rows."""

    def end(self) -> bytes:
        """Return the rest."""


class CsvWriter:
    """RFC 4180 in UTF-8. Text is quoted, whole numbers are not."""

    def __init__(self, *, bom: bool) -> None:
        """`bom`: whether it begins with a byte order mark."""
        self._before = BOM if bom else ""
        self._is_begun = False

    def add(self, rows: Sequence[CommandRow]) -> bytes:
        """Return these rows; before the first of them the names of the columns."""
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        if not self._is_begun:
            self._is_begun = True
            text.write(self._before)
            writer.writerow(COLUMNS)
        writer.writerows([_cell(value) for value in values_of(row)] for row in rows)
        return text.getvalue().encode("utf-8", "replace")

    def end(self) -> bytes:
        """Return the names of the columns if there was no row."""
        return b"" if self._is_begun else self.add([])


def _cell(value: Any) -> str | int:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, tuple):
        return as_text("; ".join(value))
    return text_of(value) if hasattr(value, "hour") else str(value.isoformat())


class ParquetWriter:
    """Parquet with zstd, a group of rows at a time. Raises ExportError without the extra `export`."""

    def __init__(self) -> None:
        """Begin a file."""
        try:
            import pyarrow as arrow
            from pyarrow import parquet
        except ModuleNotFoundError:
            raise ExportError("Parquet needs the extra `export` (pyarrow is missing).") from None
        self._arrow = arrow
        self._sink = _Sink()
        self._schema = _schema(arrow)
        self._writer = parquet.ParquetWriter(
            arrow.PythonFile(self._sink, mode="w"), self._schema, compression="zstd", version="2.6"
        )
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, rows: Sequence[CommandRow]) -> bytes:
        """Take these rows; return a group of rows once there are enough for one."""
        self._waiting += map(values_of, rows)
        return self._group() if len(self._waiting) >= ROW_GROUP else b""

    def end(self) -> bytes:
        """Return the last rows and the end of the file."""
        found = self._group() if self._waiting else b""
        self._writer.close()
        return found + self._sink.taken()

    def _group(self) -> bytes:
        arrays = [
            self._arrow.array(column, type=one.type)
            for column, one in zip(zip(*self._waiting, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._waiting = []
        return self._sink.taken()


def _schema(arrow: Any) -> Any:
    text, number, instant = arrow.string(), arrow.int64(), arrow.timestamp("us", tz="UTC")
    types = dict.fromkeys(COLUMNS, text) | {
        "order_version": arrow.int32(),
        "amount_minor": number,
        "clauses": arrow.list_(text),
        "decided_at": instant,
        "beijing_day": arrow.date32(),
        "published": arrow.bool_(),
        "confirmed_minor": number,
        "failed_minor": number,
        "answered_at": instant,
        "lane": arrow.int16(),
        "position": number,
    }
    return arrow.schema(list(types.items()))


class _Sink(io.RawIOBase):
    """Holds what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """Return what was written since it was asked last."""
        found, self._pieces = b"".join(self._pieces), []
        return found


def writer_of(kind: str, *, bom: bool) -> Writer:
    """Return the writer of one of FORMATS. Raises ExportError."""
    return ParquetWriter() if kind == "parquet" else CsvWriter(bom=bom)


class Progress(NamedTuple):
    """The progress of an export."""

    outputs: int
    """Outputs looked at, of `of`."""
    of: int
    rows: int


@dataclass(slots=True)
class Summary:
    """The content of an export."""

    rows: int = 0
    outputs: int = 0
    sent: int = 0
    """Bytes."""
    amounts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """Currency and movement to the sum of the commands' amounts, in minor units."""
    archived_orders: int = 0
    """Archived orders that reach into the range: their commands are not exported here, their files have them."""


async def exported(
    borrow: Borrow, which: MoneyFilter, writer: Writer, summary: Summary, report: Callable[[Progress], None]
) -> AsyncIterator[bytes]:
    """Yield the export in pieces. No connection is held while a piece is taken. Raises StoreError."""
    async with borrow() as connection:
        ranges = await lane_ranges(connection, which)
        summary.archived_orders = await archived_orders(connection, which)
    total = sum(one.outputs for one in ranges)
    for one in windows(ranges):
        async with borrow() as connection:
            rows = await commands_in(connection, which, one.lane, one.after, one.last)
        summary.rows += len(rows)
        summary.outputs += one.outputs
        for row in rows:
            if row.amount is not None:
                summary.amounts[row.currency or "", row.movement] += row.amount
        if piece := writer.add(rows):
            summary.sent += len(piece)
            yield piece
        report(Progress(summary.outputs, total, summary.rows))
    async with borrow() as connection:
        # Those that were archived meanwhile are missing too.
        summary.archived_orders = max(summary.archived_orders, await archived_orders(connection, which))
    piece = writer.end()
    summary.sent += len(piece)
    yield piece
