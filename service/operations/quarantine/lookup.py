"""Find the one record that a person names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.operators.quarantine import QuarantinedRecord, QuarantineFilter, RecordLocation, page

if TYPE_CHECKING:
    import asyncpg

SEVERAL_SHOWN = 5


class QuarantineError(Exception):
    """The action is impossible for these records. The text says why, and never shows content."""


async def one_record(connection: asyncpg.Connection[asyncpg.Record], place: RecordLocation) -> QuarantinedRecord:
    """Return the record, open or resolved. Raises QuarantineError if there is none, or more than one."""
    found = await page(connection, QuarantineFilter(places=(place,), resolved=None), None, SEVERAL_SHOWN)
    where = f"{place.topic}/{place.partition}/{place.offset}" + (f"#{place.digest}" if place.digest else "")
    if not found:
        raise QuarantineError(f"No record {where} was quarantined.")
    if len(found) > 1:
        raise QuarantineError(
            f"Several records were quarantined from there. Name one: {', '.join(one.name for one in found)}."
        )
    return found[0]
