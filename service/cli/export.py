"""Export commands, a row per command, as CSV or Parquet: for people who reconcile.

    export                                  everything as CSV to stdout
    export --from 2026-03-01 --to 2026-03-31 --format parquet --output march.parquet

Days are of Beijing, as the agreement counts them; amounts are whole minor units. A row says what was commanded, on
which clauses, whether it is published, and what payments reported of it. Rows have no private members.

It only reads, in short transactions, beside a running service: what is decided meanwhile is not exported. Commands of
archived orders are not exported, and the summary says how many orders these are (`archive`). Progress goes to stderr.
Parquet needs the extra `export`. Reads PURCHASING_DATABASE_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from service.cli.arguments import report
from service.operations.money_export import FORMATS, Progress, Summary, exported, writer_of
from service.operations.wording import amount_in_words
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.money import MOVEMENTS, MoneyFilter, beijing_midnight
from service.store.order_history import open_histories

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

REPORT_OUTPUTS = 50_000
"""Outputs looked at between two lines of progress."""

EXAMPLES = (
    (
        "Write the commands of March as Parquet",
        "export --from 2026-03-01 --to 2026-03-31 --format parquet --output march.parquet",
    ),
    ("Write what clause 12 moved in yuan as CSV", "export --clause 12 --currency CNY > clause-12.csv"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `export`."""
    parser.add_argument("--format", choices=FORMATS, default="csv", help="default: csv")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: stdout")
    parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help="first day of Beijing, as 2026-03-02")
    parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="last day of Beijing, included")
    parser.add_argument("--provider", metavar="ID", help="only of this provider")
    parser.add_argument("--currency", metavar="CODE", help="only in this currency")
    parser.add_argument("--line", metavar="KIND", help="only of this kind of line, such as purchase")
    parser.add_argument("--clause", metavar="CLAUSE", help="only what cites this clause: 12, or 12(1)A")
    parser.add_argument("--movement", choices=MOVEMENTS, help=f"only {', '.join(MOVEMENTS)}")
    parser.add_argument("--bom", action="store_true", help="begin CSV with a byte order mark, for spreadsheets")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a summary as one JSON object: to stdout, or stderr if the rows go there",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export. Raises ExportError, SettingsError, StoreUnavailableError."""
    if arguments.first and arguments.last and arguments.first > arguments.last:
        report("The first day is after the last.")
        return ExitCode.USAGE
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    which = MoneyFilter(
        None if arguments.first is None else beijing_midnight(arguments.first),
        None if arguments.last is None else beijing_midnight(arguments.last + timedelta(days=1)),
        arguments.provider,
        arguments.currency,
        arguments.line,
        arguments.clause,
        arguments.movement,
    )
    writer, summary = writer_of(arguments.format, bom=arguments.bom), Summary()
    url = database_of_environment()
    async with open_histories(url) as histories:

        @asynccontextmanager
        async def borrow() -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
            yield histories.connection

        pieces = exported(borrow, which, writer, summary, _Reporter())
        if arguments.output is None:
            await _write(pieces, sys.stdout.buffer)
        else:
            try:
                await _write_file(pieces, arguments.output)
            except OSError as error:
                report(f"{arguments.output} can't be written: {error.strerror}.")
                return ExitCode.NOT_DONE
    _summarise(summary, as_json=arguments.json, to_stdout=arguments.output is not None)
    return ExitCode.DONE


async def _write(pieces: AsyncIterator[bytes], target: BinaryIO) -> None:
    async for piece in pieces:
        target.write(piece)
    target.flush()


async def _write_file(pieces: AsyncIterator[bytes], path: Path) -> None:
    """Write a file that is there whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as target:
            await _write(pieces, target)
            os.fsync(target.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class _Reporter:
    """Reports the progress of the export on stderr."""

    def __init__(self) -> None:
        self._next = REPORT_OUTPUTS

    def __call__(self, progress: Progress) -> None:
        if progress.outputs >= self._next:
            self._next = progress.outputs + REPORT_OUTPUTS
            report(f"{progress.outputs:,} of {progress.of:,} outputs read, {progress.rows:,} rows written")


def _summarise(summary: Summary, *, as_json: bool, to_stdout: bool) -> None:
    sums = sorted(summary.amounts.items())
    if as_json:
        amounts = [{"currency": currency, "movement": what, "amount": amount} for (currency, what), amount in sums]
        document = {
            "rows": summary.rows,
            "outputs": summary.outputs,
            "bytes": summary.sent,
            "amounts": amounts,
            "archived_orders": summary.archived_orders,
        }
        (sys.stdout if to_stdout else sys.stderr).write(json.dumps(document) + "\n")
        return
    report(f"{summary.rows:,} rows, {summary.sent:,} bytes.")
    if summary.archived_orders:
        report(
            f"{summary.archived_orders:,} archived orders reach into this range, and their commands are not exported: "
            "read their files, or have them back with `archive restore`."
        )
    for (currency, what), amount in sums:
        report(f"  {what}: {amount_in_words(amount, currency)}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day such as 2026-03-02") from None
