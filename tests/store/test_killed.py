"""A worker that dies between its last statement and its commit leaves nothing, and holds no other worker up."""

import asyncio
import os
import signal
import sys

from service.store.postgres import PostgresStore
from tests.orders.conftest import engine_on
from tests.orders.published import outcomes_of
from tests.orders.stories import paid_order

WORKER = """
import asyncio, sys
from service.store.postgres import PostgresStore
from tests.orders.conftest import engine_on
from tests.orders.stories import paid_order

async def main():
    store = await PostgresStore.open(sys.argv[1], connections=1)
    await engine_on(store).handle(paid_order().inbound_records)
    print("committed")

asyncio.run(main())
"""


async def test_a_worker_killed_before_its_commit_leaves_nothing_behind(database: str, beside) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        database,
        env={**os.environ, "PURCHASING_FAILPOINTS": "batch.before_commit=kill"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await worker.communicate()
    left = [await beside.fetchval(f"select count(*) from {table}") for table in ("orders", "facts", "outbox")]
    store = await PostgresStore.open(database, connections=1)
    handled = await engine_on(store).handle(paid_order().inbound_records)
    await store.close()

    assert (worker.returncode, out) == (-signal.SIGKILL, b"")
    assert left == [0, 0, 0]
    assert outcomes_of(handled) == [("ord-1", 1, "agreement", "effective")]
    assert await beside.fetchval("select sum(position) from lanes") == 1
