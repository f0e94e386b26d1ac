"""The answer of commands about an order of which no message was received; for those that take an order's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.arguments import report
from service.runtime.exit_codes import ExitCode
from service.store.search import installation, quarantined

if TYPE_CHECKING:
    import asyncpg

RECORDS_SHOWN = 3


async def report_unknown(connection: asyncpg.Connection[asyncpg.Record], order_id: str) -> ExitCode:
    """Report that the order is unknown, and which quarantined records may be about it.

    An order whose first message was garbled is unknown, and its sender asks for it all the same.
    Raises StoreUnavailableError.
    """
    report(f"No message about order {order_id} was received.")
    if (lane := (await installation(connection)).lane_elsewhere(order_id)) is not None:
        report(f"It is in lane {lane}, which another cell has: ask there.")
    found = await quarantined(connection, order_id)
    if found:
        names = ", ".join(f"{one.topic}/{one.partition}/{one.offset} ({one.reason})" for one in found[:RECORDS_SHOWN])
        more = f" and {len(found) - RECORDS_SHOWN} more" if len(found) > RECORDS_SHOWN else ""
        report(f"Quarantined records may be about it; see `quarantine show RECORD`: {names}{more}.")
    return ExitCode.NOT_DONE
