"""An engine for operators' commands, which handle records the same way as the running service."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from service.orders.engine import FUTURE_TOLERANCE, Engine
from service.store.postgres import PostgresStore
from service.terms.source import TermsInDatabase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from service.store.timeline import Timeline


@asynccontextmanager
async def operator_engine(
    url: str,
    timeline: Timeline | None = None,
    future_tolerance: timedelta = FUTURE_TOLERANCE,
    *,
    role: str | None = None,
) -> AsyncIterator[tuple[Engine, PostgresStore]]:
    """Open an engine on the database. Its outputs wake the running relay; it needs no broker.

    `timeline`: the database's, as the command's other connections found it. `future_tolerance`: how far ahead of the
    database's clock a replayed message may be dated. `role`: taken on by the engine's connections. Raises
    StoreUnavailableError, SchemaError, DatabaseMovedError.
    """
    store = await PostgresStore.open(url, connections=2, timeline=timeline, role=role)
    try:
        yield Engine(store, await TermsInDatabase.read(store), future_tolerance=future_tolerance), store
    finally:
        await store.close()
