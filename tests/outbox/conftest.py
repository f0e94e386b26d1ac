"""The session's broker with empty topics, and a migrated database of the test's own."""

import gc
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.outbox.world import World, recreate_topics


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database, min_size=1, max_size=12) as pool:
        yield pool


@pytest.fixture
async def world(database: str, kafka: str, pool: asyncpg.Pool) -> World:
    await recreate_topics(kafka)
    return World(database, kafka, pool)


@pytest.fixture(autouse=True)
def nothing_left_to_complain_of() -> Iterator[None]:
    """Collect garbage at the end of each test, so that an exception in a future that nobody awaits is reported in the
    test which made it."""
    yield
    gc.collect()
