"""Import, list, show and check the terms of providers and of the platform; write a calendar.

    terms check FILE        check a file by itself; needs no database
    terms check             check the terms in force; warns if the calendar ends within 60 days
    terms import FILE       add all sets of the file, or none and say why
    terms list              list all sets, by provider and time
    terms show PROVIDER     show the terms of an order that this provider agrees now, or --at TIME
    terms calendar --years 2026,2027
                            write China's days off and make-up working days of these years as a terms file; compare it
                            with the announcement, then import it. Exit code 3 if a year is not announced yet

A file is TOML (or *.json of the same shape):

    [[terms]]
    version = "2027-01"
    provider_id = "*"
    effective_from = 2027-01-01T00:00:00Z
    service_fee_rate = "0.002"

A set can come into force only in the future. Reads PURCHASING_DATABASE_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from purchasing_contracts.base import instant_of, text_of

from service.rules.calendar import Calendar
from service.rules.facts import instant, micros
from service.rules.terms import Terms, TermsBook
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.connection import connected
from service.store.driver_errors import translated
from service.terms.calendars import plain_calendar
from service.terms.cautions import calendar_caution, dropped_terms
from service.terms.files import Declared, TermsError, check_against_platform, read_terms
from service.terms.importing import import_terms
from service.terms.statutory_days import statutory_days, terms_file, unknown_years
from service.terms.table import read_book

BEIJING = timezone(timedelta(hours=8))

EXAMPLES = (
    ("Check a file", "terms check terms.toml"),
    ("Add its sets", "terms import terms.toml"),
    ("List all sets", "terms list"),
    ("Show the terms of an order that a provider agreed at some time", "terms show acme --at 2027-01-01T00:00:00Z"),
    ("Write the days off of 2026 as a file", "terms calendar --years 2026 > calendar.toml"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `terms`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    check = below.add_parser("check", help="check a file; without a file, the terms in force")
    check.add_argument("file", type=Path, metavar="FILE", nargs="?", help="default: the terms in the database")
    below.add_parser("import", help="add the sets of a file").add_argument("file", type=Path, metavar="FILE")
    below.add_parser("list", help="list all sets").add_argument(
        "--json", action="store_true", help="print JSON for programs"
    )
    show = below.add_parser("show", help="show the terms of a provider's orders")
    show.add_argument("provider", metavar="PROVIDER")
    show.add_argument("--at", type=_time, metavar="TIME", help="an RFC 3339 time; default: now")
    show.add_argument("--json", action="store_true", help="print JSON for programs")
    days = below.add_parser("calendar", help="write the statutory days of some years as a terms file")
    days.add_argument("--years", required=True, type=_years, metavar="YEARS", help="such as 2026,2027")
    days.add_argument("--set-version", metavar="VERSION", help="the set's version; default: calendar- and the years")
    days.add_argument(
        "--effective-from",
        type=_time,
        metavar="TIME",
        help="the set's start; default: midnight after tomorrow in Beijing",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand. Raises TermsError, SettingsError, StoreUnavailableError."""
    if arguments.what == "calendar":
        return _calendar(arguments)
    if arguments.what == "check" and arguments.file is not None:
        found = _read(arguments.file)
        book = TermsBook.of(*[one.terms for one in found])
        check_against_platform(book)
        sys.stderr.write(f"{arguments.file.name}: {len(found)} sets, no errors.\n")
        _warn(calendar_caution(book, micros(datetime.now(UTC))), *dropped_terms(book, book.sets))
        return ExitCode.DONE
    return asyncio.run(_with_database(arguments))


async def _with_database(arguments: argparse.Namespace) -> int:
    declared = _read(arguments.file) if arguments.what == "import" else ()
    async with connected(database_of_environment()) as connection, translated():
        if arguments.what == "import":
            added = await import_terms(connection, declared)
            sys.stderr.write(f"{len(added)} sets added, {len(declared) - len(added)} were there already.\n")
            _warn(*dropped_terms(await read_book(connection), added))
            return ExitCode.DONE
        book = await read_book(connection)
        now = await connection.fetchval("select clock_timestamp()")
    if arguments.what == "check":
        sys.stderr.write(f"The database: {len(book.sets)} sets.\n")
        _warn(calendar_caution(book, micros(now)))
    elif arguments.what == "list":
        _list(book, as_json=arguments.json)
    else:
        _show(book.in_force(arguments.provider, micros(arguments.at or now)), as_json=arguments.json)
    return ExitCode.DONE


def _calendar(arguments: argparse.Namespace) -> int:
    days = statutory_days(arguments.years)
    if days.announced:
        version = arguments.set_version or "calendar-" + "-".join(map(str, days.announced))
        lines = terms_file(days, version, arguments.effective_from or _day_after_tomorrow())
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    if not days.unknown:
        return ExitCode.DONE
    sys.stderr.write(f"{unknown_years(days)}\n")
    return ExitCode.CHECK if days.announced else ExitCode.NOT_DONE


def _day_after_tomorrow() -> datetime:
    today = datetime.now(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=2)


def _warn(*sentences: str | None) -> None:
    sys.stderr.write("".join(f"Warning: {sentence}\n" for sentence in sentences if sentence))


def _years(text: str) -> list[int]:
    parts = text.split(",")
    if not all(re.fullmatch(r" *(19|20|21)[0-9][0-9] *", part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text} is not a list of years such as 2026,2027")
    return [int(part) for part in parts]


def _read(path: Path) -> tuple[Declared, ...]:
    try:
        return read_terms(path)
    except OSError as error:
        raise TermsError(f"{path} can't be read: {error.strerror}.") from None


def _time(text: str) -> datetime:
    try:
        return instant_of(text)
    except ValueError:
        message = f"{text} is not an RFC 3339 time such as 2027-01-01T00:00:00Z"
        raise argparse.ArgumentTypeError(message) from None


def _list(book: TermsBook, *, as_json: bool) -> None:
    for one in sorted(book.sets, key=lambda one: (one.provider_id, one.effective_from)):
        values = {name: _plain(value) for name, value in one.values}
        since = text_of(instant(one.effective_from))
        if as_json:
            row = {"provider_id": one.provider_id, "version": one.version, "effective_from": since, "terms": values}
            sys.stdout.write(json.dumps(row) + "\n")
        else:
            words = ", ".join(f"{name} {value}" for name, value in values.items()) or "as the platform's"
            sys.stdout.write(f"{one.provider_id}  {one.version}  from {since}: {words}\n")
    if not book.sets and not as_json:
        sys.stderr.write("No terms were imported: the agreement's own terms apply to every order.\n")


def _show(terms: Terms, *, as_json: bool) -> None:
    values = {field.name: _plain(getattr(terms, field.name)) for field in fields(terms)}
    if as_json:
        sys.stdout.write(json.dumps(values) + "\n")
    else:
        sys.stdout.write("".join(f"{name:28} {value}\n" for name, value in values.items()))


def _plain(value: object) -> object:
    if isinstance(value, Calendar):
        return plain_calendar(value)
    return value if isinstance(value, bool | int | str | dict | None) else str(value)
