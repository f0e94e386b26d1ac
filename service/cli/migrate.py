"""Bring the database to this version's schema.

Safe to run twice, and beside a running service. Reads PURCHASING_DATABASE_URL.
"""

import argparse
import asyncio
import sys

from service.observability.reachability import UnreachableError, database_problem
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.connection import connected
from service.store.driver_errors import translated
from service.store.migrate import LANES, migrate
from service.store.rows import INSTALLATION, Installation

EXAMPLES = (
    ("Create or update the tables", "migrate"),
    ("Create the roles with least rights, too", "migrate --roles"),
    ("Create the tables with eight lanes", "migrate --lanes 8"),
    ("Create the tables of one of two databases that share the orders", "migrate --lanes 16 --cell 0-7"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `migrate`."""
    parser.add_argument(
        "--lanes",
        type=int,
        help=f"the number of lanes: a power of two, set by the first migration; default {LANES}",
    )
    parser.add_argument(
        "--cell",
        type=_cell,
        metavar="FIRST-LAST",
        help="which of the lanes this database has, set by the first migration, such as 0-1; default: all of them",
    )
    parser.add_argument(
        "--roles",
        action="store_true",
        help="create the roles purchasing_service, _operator, _eraser and _reader, and grant their rights",
    )


def run(arguments: argparse.Namespace) -> int:
    """Migrate. Raises SettingsError, UnreachableError, SchemaError."""
    return asyncio.run(_migrate(arguments, database_of_environment()))


def _cell(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last) + 1)


async def _migrate(arguments: argparse.Namespace, url: str) -> int:
    lanes, cell = arguments.lanes, arguments.cell
    if reason := await database_problem(url):
        raise UnreachableError(f"PostgreSQL can't be reached: {reason}.")
    applied = await migrate(url, lanes=LANES if lanes is None else lanes, cell=cell, roles=arguments.roles)
    sys.stderr.write(f"Applied: {', '.join(applied)}\n" if applied else "Nothing to do.\n")
    async with connected(url) as connection, translated():
        has = Installation(*await connection.fetchrow(INSTALLATION))
    if lanes not in (None, has.lanes):
        sys.stderr.write(f"The outbox has {has.lanes} lanes, not {lanes}. Use `lanes change` to add lanes.\n")
        return ExitCode.NOT_DONE
    if cell not in (None, has.own):
        sys.stderr.write(f"The database has the lanes {has.first_lane} to {has.last_lane}, which can't be changed.\n")
        return ExitCode.NOT_DONE
    return ExitCode.DONE
