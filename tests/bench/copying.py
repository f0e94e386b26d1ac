"""A limit: `COPY` of the rows that the service wrote, into the same tables with the same indexes, one commit per
batch."""

import time
from typing import Any

import asyncpg

from service.store.migrate import migrate

TABLES = ("orders", "facts", "private_members", "outbox")
EVENTS_AT_ONCE = 1_000
# PostgreSQL computes these itself and refuses to copy them.
COLUMNS = """
select array_agg(attname::text order by attnum) from pg_attribute
where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''
"""
LIMIT = "limit: COPY of the same rows"


async def copy_rate(source: str, target: str, events: int) -> float:
    """Events per second. `source` is a database into which the service wrote this many events, `target` an empty
    one."""
    await migrate(target)
    columns, rows = await _rows(source)
    connection = await asyncpg.connect(target)
    try:
        batches = -(-events // EVENTS_AT_ONCE)
        began = time.perf_counter()
        for n in range(batches):
            async with connection.transaction():
                for table in TABLES:
                    share = rows[table][len(rows[table]) * n // batches : len(rows[table]) * (n + 1) // batches]
                    await connection.copy_records_to_table(table, records=share, columns=columns[table])
        return events / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _rows(source: str) -> tuple[dict[str, list[str]], dict[str, list[Any]]]:
    """Columns and rows by table."""
    connection = await asyncpg.connect(source)
    try:
        columns = {table: await connection.fetchval(COLUMNS, table) for table in TABLES}
        rows = {
            table: [tuple(row) for row in await connection.fetch(f"select {', '.join(columns[table])} from {table}")]
            for table in TABLES
        }
    finally:
        await connection.close()
    return columns, rows
