"""The relay works on the history that the worker began with, or not at all."""

import asyncio
from types import SimpleNamespace

from service.runtime.shutdown import Shutdown
from service.store.errors import DatabaseMovedError
from service.store.postgres import PostgresStore
from service.store.timeline import Timeline
from service.worker.components import relay_component
from tests.waiting import HANG_SECONDS


async def test_a_relay_that_meets_another_history_ends_the_process(database: str) -> None:
    shutdown = Shutdown(asyncio.Event())
    store = await PostgresStore.open(database, connections=1, timeline=Timeline(shutdown.because_of))
    # As if the database had failed over since.
    store.timeline.known = "another"
    settings = SimpleNamespace(database=lambda: database, refund_limits=dict)
    async with relay_component(settings, {}, store, shutdown, print), asyncio.timeout(HANG_SECONDS):
        await shutdown.requested.wait()
    await store.close()
    assert isinstance(shutdown.failure, DatabaseMovedError)
