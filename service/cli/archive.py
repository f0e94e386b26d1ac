"""Archive closed orders, check the archive, and show what grows.

    archive show                how large the growing tables are, and which files orders were archived to
    archive run --to DIRECTORY --why REASON
                                count the orders that can be archived; with --yes, write them to Parquet files there and
                                move them out of the tables that batches work on
    archive check DIRECTORY     compare files and archived orders with their checksums; exit code 1 if one differs
    archive restore ORDER...    move orders back now, or all of a file (--file NAME), or all with outputs after a place
                                (--outputs-after LANE:POSITION). A late fact does so by itself

An order can be archived once it waits for nothing, all its outputs are published, no quarantined record concerns it,
and nothing came or went for so many days. It stays in the database, compressed: `explain` finds it, and a late fact
leads to the same money as ever. Private members are not in the files, and `erase` reaches them as before. The identity
of facts is kept for ever.

It runs beside a live service. Whatever ends it, run it again. Progress goes to stderr. Needs the extra `export` and no
broker. Reads PURCHASING_DATABASE_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import text_of

from service.cli.arguments import add_who, report
from service.operations.archive import (
    DAYS,
    DAYS_MIN,
    MOVED_AT_ONCE,
    PER_FILE,
    ArchiveError,
    Archiving,
    Progress,
    archive,
    check,
    closed_orders,
    prefix_of,
    unknown_files,
)
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.connection import connected
from service.store.driver_errors import translated
from service.store.operators.archive import (
    archive_files,
    archived_after,
    archived_by,
    bring_back,
    orders,
    prepare,
    table_sizes,
)

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

REPORT_ORDERS = 10_000
"""Orders looked at between two lines of progress."""

EXAMPLES = (
    ("See what grows", "archive show"),
    ("Count the orders of which nothing came or went for two years", 'archive run --to archive --why "yearly"'),
    ("Archive them", 'archive run --to archive --why "yearly" --yes'),
    ("Compare everything that was archived with its checksums", "archive check archive"),
    ("Have an order back in the tables", 'archive restore ord-1 --why "finance asks for March 2024"'),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `archive`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    below.add_parser("show", help="show what grows, and the files")
    running = below.add_parser("run", help="count closed orders, or archive them")
    running.add_argument("--to", type=Path, required=True, metavar="DIRECTORY", help="where the files are written")
    running.add_argument(
        "--days",
        type=_days,
        default=DAYS,
        metavar="N",
        help=f"only orders of which nothing came or went for so many days; default {DAYS}, at least {DAYS_MIN}",
    )
    running.add_argument("--limit", type=_number, metavar="N", help="at most so many orders in this run")
    running.add_argument(
        "--per-file", type=_number, default=PER_FILE, metavar="N", help=f"orders of a file; default {PER_FILE}"
    )
    running.add_argument("--yes", action="store_true", help="do it; without --yes, only count")
    add_who(running, why_required=True)
    checking = below.add_parser("check", help="compare files and archived orders with their checksums")
    checking.add_argument("directory", type=Path, metavar="DIRECTORY", help="where the files are")
    restoring = below.add_parser("restore", help="move orders back to the tables")
    which = restoring.add_mutually_exclusive_group(required=True)
    which.add_argument("order", nargs="*", default=[], metavar="ORDER")
    which.add_argument("--file", metavar="NAME", help="all orders that are archived by this file")
    which.add_argument(
        "--outputs-after",
        type=_position,
        metavar="LANE:POSITION",
        help="all orders with outputs of this lane after this position: before `lanes adopt` publishes them again",
    )
    add_who(restoring, why_required=True)
    for one in below.choices.values():
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def _days(text: str) -> int:
    number = _number(text)
    if number < DAYS_MIN:
        raise argparse.ArgumentTypeError(f"{text} days are too few: {DAYS_MIN} at least")
    return number


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1")
    return int(text)


def _position(text: str) -> tuple[int, int]:
    lane, _, position = text.partition(":")
    if not (text.isascii() and lane.isdigit() and position.isdigit() and len(text) < 25):
        raise argparse.ArgumentTypeError(f"{text} is not LANE:POSITION, such as 0:1200")
    return int(lane), int(position)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand. Raises ArchiveError, SettingsError, StoreUnavailableError, SchemaError."""
    return asyncio.run(_run(arguments, database_of_environment()))


async def _run(arguments: argparse.Namespace, url: str) -> int:
    does = {"show": _show, "run": _archive, "check": _check, "restore": _restore}[arguments.what]
    async with connected(url) as connection:
        return await does(arguments, connection)


async def _show(arguments: argparse.Namespace, connection: Connection) -> int:
    sizes, files = await table_sizes(connection), await archive_files(connection)
    number = max(1, await orders(connection))
    if arguments.json:
        document = {
            "orders": number,
            "tables": [one._asdict() for one in sizes],
            "files": [_file(one) for one in files],
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return ExitCode.DONE
    lines = [f"{'table':24}{'bytes':>18}{'rows, about':>16}{'bytes per order':>18}"]
    lines += [f"{one.table:24}{one.bytes:>18,}{one.rows:>16,}{one.bytes // number:>18,}" for one in sizes]
    lines += [f"{'about':24}{number:>18,} orders"]
    lines += [
        f"{one.name}  {one.archived:,} of {one.orders:,} orders, {one.bytes:,} bytes, "
        f"{text_of(one.made_at)}, by {one.done_by}"
        for one in files
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return ExitCode.DONE


def _file(one: Any) -> dict[str, Any]:
    return {**one._asdict(), "sha256": one.sha256.hex(), "made_at": text_of(one.made_at)}


async def _archive(arguments: argparse.Namespace, connection: Connection) -> int:
    await prepare(connection)
    async with translated():
        row = await connection.fetchrow("select clock_timestamp(), outbox_id from installation")
    assert row is not None
    until = row[0] - timedelta(days=arguments.days)
    if not arguments.yes:
        return await _count(arguments, connection, until)
    if not arguments.to.is_dir():
        raise ArchiveError(f"{arguments.to} is no directory.")
    what = Archiving(
        until, arguments.to, prefix_of(row[1]), arguments.by, arguments.why, arguments.limit, arguments.per_file
    )
    count, done, files = _Reporter(await orders(connection)), Progress(0, 0, 0), []
    async with aclosing(archive(connection, what)) as progress:
        async for done in progress:
            count(done.looked_at, done.closed)
            if done.file:
                files.append(done.file)
                report(f"{done.file} is written and checked, {done.archived:,} orders are archived.")
    document = {"until": text_of(until), **done._asdict(), "files": files}
    _print_result(arguments, document, f"{done.archived:,} orders were archived, in {len(files)} files.")
    return ExitCode.DONE


async def _count(arguments: argparse.Namespace, connection: Connection, until: datetime) -> int:
    count, looked_at, found = _Reporter(await orders(connection)), 0, 0
    async with aclosing(closed_orders(connection, until)) as pages:
        async for number, order_ids in pages:
            looked_at, found = looked_at + number, found + len(order_ids)
            count(looked_at, found)
    document = {"until": text_of(until), "looked_at": looked_at, "closed": found, "archived": 0, "files": []}
    _print_result(
        arguments,
        document,
        f"{found:,} of {looked_at:,} orders can be archived: nothing came or went since {text_of(until)}.",
    )
    report("Nothing was done. Repeat the command with --yes.")
    return ExitCode.NOT_DONE


def _print_result(arguments: argparse.Namespace, document: dict[str, Any], sentence: str) -> None:
    sys.stdout.write((json.dumps(document) if arguments.json else sentence) + "\n")


class _Reporter:
    """Says on stderr how many orders were looked at."""

    def __init__(self, of: int) -> None:
        self._of = of
        self._next = REPORT_ORDERS

    def __call__(self, looked_at: int, found: int) -> None:
        if looked_at >= self._next:
            self._next = looked_at + REPORT_ORDERS
            report(f"{looked_at:,} of about {self._of:,} orders looked at, {found:,} can be archived.")


async def _check(arguments: argparse.Namespace, connection: Connection) -> int:
    wrong = number = 0
    async with aclosing(check(connection, arguments.directory)) as checked:
        async for one in checked:
            number += 1
            wrong += bool(one.problems)
            if arguments.json:
                sys.stdout.write(json.dumps({**_file(one.file), "problems": one.problems}) + "\n")
            else:
                report(f"{one.file.name}: {' '.join(one.problems) or 'right'}")
    async with translated():
        outbox_id = await connection.fetchval("select outbox_id from installation")
    for name in unknown_files(arguments.directory, prefix_of(outbox_id), await archive_files(connection)):
        report(f"{name} is not noted: a run ended before it moved an order, or is under way. Delete it if none is.")
    report(f"{number - wrong} of {number} files are right, with all orders archived to them.")
    return ExitCode.NOT_DONE if wrong else ExitCode.DONE


async def _restore(arguments: argparse.Namespace, connection: Connection) -> int:
    wanted = arguments.order
    if arguments.file is not None:
        wanted = await archived_by(connection, arguments.file)
    elif arguments.outputs_after is not None:
        wanted = await archived_after(connection, *arguments.outputs_after)
    if not wanted:
        report("No archived order is of this file, or has outputs there: `archive show` names the files.")
        return ExitCode.NOT_DONE
    back: list[str] = []
    for start in range(0, len(wanted), MOVED_AT_ONCE):
        back += await bring_back(connection, wanted[start : start + MOVED_AT_ONCE], arguments.by, arguments.why)
    absent = sorted(set(wanted).difference(back))
    if absent:
        report(f"Not in the archive: {', '.join(absent)}.")
    document = {"restored": sorted(back), "not_archived": absent}
    _print_result(arguments, document, f"{len(back)} orders are back in the tables.")
    return ExitCode.NOT_DONE if absent else ExitCode.DONE
