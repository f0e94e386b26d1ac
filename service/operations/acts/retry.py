"""Assess a stuck order again, and record who had it done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.driver_errors import translated
from service.store.operators.holds import note_retry

if TYPE_CHECKING:
    import asyncpg

    from service.orders.batch_result import BatchResult
    from service.orders.engine import Engine


async def retry(
    connection: asyncpg.Connection[asyncpg.Record], engine: Engine, order_id: str, by: str, why: str | None
) -> tuple[BatchResult, str]:
    """Run the rules for one order; return what came of it, also in words. Raises StoreError."""
    handled = await engine.look_again([order_id])
    outcome = f"stuck: {handled.stuck[0].error}" if handled.stuck else "done"
    async with translated():
        await note_retry(connection, order_id, by, why, outcome)
    return handled, outcome
