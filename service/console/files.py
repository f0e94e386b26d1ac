"""Files that are made while they are sent, never held in memory as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECONDS = 3600.0
"""A file may take so long; everything of a million orders took minutes."""
WRITE_SECONDS = 30.0
"""The limit for taking a piece: a slower client is no reader."""


async def send_file(request: web.Request, name: str, kind: str, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send a file of this name and content type. What prevents its first piece is raised before anything is sent."""
    first = await anext(pieces)
    response = web.StreamResponse(
        headers={
            "Content-Type": kind,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
    )
    ended = False
    try:
        await response.prepare(request)
        await _write(response, first)
        async for piece in pieces:
            await _write(response, piece)
        await response.write_eof()
        ended = True
    finally:
        if not ended and request.transport is not None:
            # A browser must notice that the end is missing.
            request.transport.abort()
    return response


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(piece)
