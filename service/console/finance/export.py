"""Exports by the browser: streamed, a row per command, never held in memory as a whole."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

from service.console.files import send_file
from service.console.finance.answers import bounded
from service.console.finance.filters import days_of
from service.console.problems import busy
from service.console.visit import BadRequestError
from service.operations.money_export import FORMATS, MEDIA_TYPES, ExportError, Summary, exported, writer_of

if TYPE_CHECKING:
    from aiohttp import web

    from service.console.parts import Parts
    from service.console.visit import Answer, Visit

log = structlog.get_logger("service.console")


def has_parquet() -> bool:
    """Whether the extra `export` is there."""
    return find_spec("pyarrow") is not None


@bounded
async def export(console: Parts, visit: Visit) -> Answer | web.StreamResponse:
    """Send the commands of a range of days, or all, as CSV or Parquet."""
    kind = visit.request.query.get("format", "csv")
    if kind not in FORMATS:
        raise BadRequestError("Give csv or parquet as the format.")
    which = days_of(visit.request.query)
    try:
        # The byte order mark is for spreadsheets: people save from here, programs use the command or Parquet.
        writer = writer_of(kind, bom=True)
    except ExportError:
        raise BadRequestError("Parquet needs the extra `export`, which is not installed here.") from None
    if console.desk.exports.locked():
        return busy()
    assert visit.person is not None
    summary, ended = Summary(), False
    async with console.desk.exports:
        pieces = exported(console.desk.connection, which, writer, summary, lambda _: None)
        media_type = MEDIA_TYPES[kind] + ("; charset=utf-8; header=present" if kind == "csv" else "")
        try:
            response = await send_file(visit.request, f"commands.{kind}", media_type, pieces)
            ended = True
        finally:
            log.info(
                "console_exported",
                message="A person exported commands.",
                subject=visit.person.subject,
                way=visit.person.way,
                format=kind,
                rows=summary.rows,
                sent=summary.sent,
                ended=ended,
            )
    return response
