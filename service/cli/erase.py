"""Erase an order's private members (clause 23), and the bytes of its quarantined records.

    erase ORDER              keeps what the money needs: that private members existed, and how many
    erase --record RECORD    erases one quarantined record whose order could not be read

Both also erase what people typed at the console to repair such a record.
Reading the topics again does not bring private members back. The database keeps who erased what, and when. Not erased:
the topics themselves (their retention removes the messages) and backups of the database. Reads PURCHASING_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.cli.arguments import add_who, record, report
from service.operations.quarantine.lookup import one_record
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import database_of_environment
from service.store.connection import connected
from service.store.operators.erasures import erase_order, erase_record
from service.store.operators.quarantine import QuarantineFilter, page

if TYPE_CHECKING:
    import argparse

OTHERS_SHOWN = 100

EXAMPLES = (
    ("Erase the private members of an order", 'erase ord-1 --why "the buyer asked for it"'),
    ("Erase one quarantined record", 'erase --record purchasing.events.order.v1/0/42 --why "the buyer asked for it"'),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `erase`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("order", metavar="ORDER", nargs="?")
    what.add_argument("--record", type=record, metavar="RECORD", help="TOPIC/PARTITION/OFFSET")
    add_who(parser)


def run(arguments: argparse.Namespace) -> int:
    """Erase. Raises QuarantineError, SettingsError, StoreUnavailableError, SchemaError."""
    return asyncio.run(_erase(arguments, database_of_environment()))


async def _erase(arguments: argparse.Namespace, url: str) -> int:
    async with connected(url) as connection:
        if arguments.record is not None:
            row = await one_record(connection, arguments.record)
            done = await erase_record(connection, row.identity, arguments.by, arguments.why)
        else:
            found = await erase_order(connection, arguments.order, arguments.by, arguments.why)
            if found is None:
                report(f"No message about order {arguments.order} was received, and no record of it is in quarantine.")
                return ExitCode.NOT_DONE
            done = found
            # Erased bytes can't be repaired, so a person judges records that only might belong to the order.
            might_be = QuarantineFilter(order_id=arguments.order, resolved=None)
            others = [one.name for one in await page(connection, might_be, None, OTHERS_SHOWN) if one.erased_at is None]
            if others:
                names = ", ".join(others)
                report(f"These records may also belong to the order; check each, then run `erase --record`: {names}.")
    report(
        f"Erased: the private members of {done.private_members} messages, "
        f"the bytes of {done.quarantine_records} quarantined records."
    )
    return ExitCode.DONE
