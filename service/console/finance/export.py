"""Exports by the browser: streamed, a row per command, never held in memory as a whole."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from service.console.finance.answers import bounded
from service.console.finance.filters import days_of
from service.console.problems import busy
from service.console.visit import BadRequestError
from service.operations.money_export import FORMATS, MEDIA_TYPES, ExportError, Summary, exported, writer_of

if TYPE_CHECKING:
    from service.console.parts import Parts
    from service.console.visit import Answer, Visit

log = structlog.get_logger("service.console")

SECONDS = 3600.0
"""An export may take so long; everything of a million orders took minutes."""
WRITE_SECONDS = 30.0
"""Who takes a piece more slowly is no reader."""


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
    summary = Summary()
    async with console.desk.exports:
        pieces = exported(console.desk.connection, which, writer, summary, lambda _: None)
        first = await anext(pieces)
        response = web.StreamResponse(
            headers={
                "Content-Type": MEDIA_TYPES[kind] + ("; charset=utf-8; header=present" if kind == "csv" else ""),
                "Content-Disposition": f'attachment; filename="commands.{kind}"',
                "Cache-Control": "no-store",
            }
        )
        ended = False
        try:
            await response.prepare(visit.request)
            await _write(response, first)
            async for piece in pieces:
                await _write(response, piece)
            await response.write_eof()
            ended = True
        finally:
            if not ended and visit.request.transport is not None:
                # Whoever saves it must notice that the end is missing.
                visit.request.transport.abort()
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


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(piece)
