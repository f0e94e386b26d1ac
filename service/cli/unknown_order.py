"""The answer of commands about an order of which no message was received; for those that take an order's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.arguments import report
from service.runtime.exit_codes import ExitCode
from service.store.driver_errors import translated
from service.store.lanes import lane_of
from service.store.rows import INSTALLATION, Installation
from service.store.search import quarantined

if TYPE_CHECKING:
    import asyncpg

RECORDS_SHOWN = 3


async def report_unknown(connection: asyncpg.Connection[asyncpg.Record], order_id: str) -> ExitCode:
    """Report that the order is unknown, and which quarantined records may be about it.

    An order whose first message was garbled is unknown, and its sender asks for it all the same.
    Raises StoreUnavailableError.
    """
    report(f"No message about order {order_id} was received.")
    async with translated():
        row = await connection.fetchrow(INSTALLATION)
    installation = None if row is None else Installation(*row)
    if installation is not None and (lane := lane_of(order_id, installation.lanes)) not in installation.own:
        report(f"It is in lane {lane}, which another cell has: ask there.")
    found = await quarantined(connection, order_id)
    if found:
        names = ", ".join(f"{one.topic}/{one.partition}/{one.offset} ({one.reason})" for one in found[:RECORDS_SHOWN])
        more = f" and {len(found) - RECORDS_SHOWN} more" if len(found) > RECORDS_SHOWN else ""
        report(f"Quarantined records may be about it; see `quarantine show RECORD`: {names}{more}.")
    return ExitCode.NOT_DONE
