"""One connection for one command."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from service.store.failures import translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect for a command. Raises StoreUnavailableError, also where a statement takes longer than a minute."""
    async with translated():
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings={"application_name": "purchasing command", "lock_timeout": "10000", "jit": "off"},
        )
    try:
        yield connection
    finally:
        connection.terminate()
