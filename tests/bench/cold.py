"""The cost of one cold order: the statements with which a batch reads it, as PostgreSQL explains them, and its folding.

An order is cold when it is neither in the worker's cache nor in the memory of PostgreSQL or the kernel.
"""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from service.orders.state import read_back
from service.store import batch
from service.store.postgres import SessionLimits
from service.store.rows import FactRow, PastOutput

STATEMENTS = {
    "lock": batch.LOCK_ORDERS,
    "facts": batch.FACTS,
    "outputs": batch.OUTPUTS,
    "publications": batch.PUBLICATIONS,
}


@dataclass(frozen=True)
class Reading:
    """The cost of a statement for one order: rows, pages of 8 KB found in PostgreSQL's memory and read into it, µs in
    the server."""

    statement: str
    rows: float
    found: float
    read: float
    us: float


async def read_cold(database: str, order_ids: Sequence[str]) -> list[Reading]:
    """Explain each statement once, for all these orders at a time as a batch has them."""
    connection = await asyncpg.connect(database, server_settings=SessionLimits().settings())
    try:
        async with connection.transaction():
            return [await _explained(connection, name, text, order_ids) for name, text in STATEMENTS.items()]
    finally:
        await connection.close()


async def _explained(connection: asyncpg.Connection, name: str, statement: str, order_ids: Sequence[str]) -> Reading:
    explained = await connection.fetchval(f"explain (analyze, buffers, format json) {statement}", list(order_ids))
    (found,) = json.loads(explained)
    plan, count = found["Plan"], len(order_ids)
    return Reading(
        name,
        plan["Actual Rows"] * plan["Actual Loops"] / count,
        plan["Shared Hit Blocks"] / count,
        plan["Shared Read Blocks"] / count,
        found["Execution Time"] * 1000 / count,
    )


async def folding(database: str, order_ids: Sequence[str]) -> dict[str, float]:
    """Microseconds of this process for one order: fetching its rows, and folding them."""
    connection = await asyncpg.connect(database, server_settings=SessionLimits().settings())
    try:
        began = time.process_time()
        facts, outputs = await _rows(connection, order_ids)
        fetched = time.process_time()
        for order_id in order_ids:
            read_back(None, facts[order_id], outputs[order_id])
        folded = time.process_time()
    finally:
        await connection.close()
    count = len(order_ids)
    return {"rows fetched": (fetched - began) * 1e6 / count, "journals folded": (folded - fetched) * 1e6 / count}


async def _rows(connection: asyncpg.Connection, order_ids: Sequence[str]) -> tuple[Any, Any]:
    facts: dict[str, list[FactRow]] = defaultdict(list)
    outputs: dict[str, list[PastOutput]] = defaultdict(list)
    for row in await connection.fetch(batch.FACTS, list(order_ids)):
        facts[row[0]].append(FactRow(*row))
    for row in await connection.fetch(batch.OUTPUTS, list(order_ids)):
        outputs[row[0]].append(PastOutput(*row))
    return facts, outputs
