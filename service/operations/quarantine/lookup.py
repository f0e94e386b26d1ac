"""The one record a person means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.operators.quarantine import QuarantinedRecord, QuarantineFilter, RecordLocation, page

if TYPE_CHECKING:
    import asyncpg

SEVERAL_SHOWN = 5


class QuarantineError(Exception):
    """What was asked can't be done with what lies in quarantine; the text says why, and never what is in a record."""


async def one_record(connection: asyncpg.Connection[asyncpg.Record], place: RecordLocation) -> QuarantinedRecord:
    """Return the record, dealt with or not. Raises QuarantineError where there is none, or more than one."""
    found = await page(connection, QuarantineFilter(places=(place,), resolved=None), None, SEVERAL_SHOWN)
    where = f"{place.topic}/{place.partition}/{place.offset}" + (f"#{place.digest}" if place.digest else "")
    if not found:
        raise QuarantineError(f"No record {where} was quarantined.")
    if len(found) > 1:
        raise QuarantineError(f"Several records lay there; say which: {', '.join(one.name for one in found)}.")
    return found[0]
