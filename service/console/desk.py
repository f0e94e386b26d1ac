"""The parts that finance pages work with: a pool of their own, few at a time, so that they hold up no other page."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from service.store.order_history import OrderHistories, Readers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import asyncpg

T = TypeVar("T")

AT_ONCE = 2
"""Finance pages that read or compute at a time."""
EXPORTS = 2
"""Exports at a time, which read in turn with the pages."""
WAIT_SECONDS = 3.0
"""So long a page waits for its turn."""
STATEMENT_SECONDS = 8
"""So long a statement of a finance page may take."""
WORK_SECONDS = 8.0
"""So long what-if and the orders of arrival are worked on for a page."""


class BusyError(Exception):
    """Others' finance pages are being made: try again in a moment."""


class Desk:
    """The pool, the turns and the thread."""

    def __init__(self, readers: Readers) -> None:
        """Take a pool of AT_ONCE connections."""
        self._readers = readers
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.exports = asyncio.Semaphore(EXPORTS)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="console-finance")

    @asynccontextmanager
    async def turn(self, seconds: float = WAIT_SECONDS) -> AsyncIterator[OrderHistories]:
        """Lend a connection when it is one's turn. Raises BusyError, StoreError."""
        try:
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise BusyError from None
        try:
            async with self._readers.histories() as histories:
                yield histories
        finally:
            self._turns.release()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """Lend a connection to an export, which can wait longer. Raises BusyError, StoreError."""
        async with self.turn(60.0) as histories:
            yield histories.connection

    async def compute(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what the rules make of it, worked out in the desk's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def close(self) -> None:
        """End the thread once it has finished what it is doing."""
        self._thread.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def open_desk(url: str) -> AsyncIterator[Desk]:
    """Make the pool. The database may be away."""
    async with Readers.open(url, AT_ONCE, STATEMENT_SECONDS) as readers:
        desk = Desk(readers)
        try:
            yield desk
        finally:
            desk.close()
