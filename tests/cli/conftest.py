"""An engine on the test's database, beside the commands."""

from collections.abc import AsyncIterator

import pytest

from service.orders.engine import Engine
from service.store.postgres import PostgresStore
from tests.orders.conftest import engine_on


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(database, connections=2)
    yield store
    await store.close()


@pytest.fixture
def engine(store: PostgresStore) -> Engine:
    return engine_on(store)
