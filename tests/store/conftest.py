"""A look at the database beside the store, and two stores as two workers have them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.store.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Connection = asyncpg.Connection


@pytest.fixture
async def stores(database: str) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    pair = (await PostgresStore.open(database, connections=2), await PostgresStore.open(database, connections=2))
    yield pair
    for store in pair:
        await store.close()


@pytest.fixture
def until_waiting(beside: Connection) -> Callable[[int], Awaitable[None]]:
    """Wait until so many sessions wait for a lock."""

    async def wait(sessions: int) -> None:
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        while await beside.fetchval(waiting) < sessions:  # noqa: ASYNC110 - other sessions begin to wait
            await asyncio.sleep(0.005)

    return wait
