"""The session's broker with empty topics, and a migrated database of the test's own."""

from collections.abc import AsyncIterator

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


@pytest.fixture
async def database(empty_database: str) -> str:
    from pathlib import Path

    connection = await asyncpg.connect(empty_database)
    await connection.execute(Path("service/store/migrations/0001_journals.sql").read_text())
    await connection.execute("insert into installation (outbox_id, lanes) values (gen_random_uuid(), 4)")
    await connection.execute("insert into lanes (lane) select generate_series(0, 3)")
    await connection.close()
    return empty_database
