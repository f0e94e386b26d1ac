"""A limit: `COPY` of the rows that the service wrote, into the same tables with the same indexes, a commit a batch."""

import time
from typing import Any

import asyncpg

from service.store.migrate import migrate

TABLES = ("orders", "facts", "private_members", "outbox")
EVENTS_AT_ONCE = 1_000
LIMIT = "limit: COPY of the same rows"


async def copy_rate(source: str, target: str, events: int) -> float:
    """Events a second. `source` is a database that the service wrote this many events into, `target` an empty one."""
    await migrate(target)
    rows = await _rows(source)
    connection = await asyncpg.connect(target)
    try:
        batches = -(-events // EVENTS_AT_ONCE)
        began = time.perf_counter()
        for n in range(batches):
            async with connection.transaction():
                for table in TABLES:
                    share = rows[table][len(rows[table]) * n // batches : len(rows[table]) * (n + 1) // batches]
                    await connection.copy_records_to_table(table, records=share)
        return events / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _rows(source: str) -> dict[str, list[Any]]:
    connection = await asyncpg.connect(source)
    try:
        return {table: [tuple(row) for row in await connection.fetch(f"select * from {table}")] for table in TABLES}
    finally:
        await connection.close()
