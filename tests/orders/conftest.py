"""The engine on both stores: every test that takes `store` or `engine` runs on memory and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.memory import MemoryStore
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.store.protocol import Store

LANES = 4


@pytest.fixture(params=["memory", "postgres"])
def where(request: pytest.FixtureRequest) -> str | None:
    """None for memory, else the DSN of a fresh, migrated database."""
    return None if request.param == "memory" else request.getfixturevalue("database")


@pytest.fixture
async def store(where: str | None) -> AsyncIterator[Store]:
    if where is None:
        yield MemoryStore(lanes=LANES)
        return
    postgres = await PostgresStore.open(where)
    yield postgres
    await postgres.close()


@pytest.fixture
def engine(store: Store) -> Engine:
    return engine_on(store)


def engine_on(store: Store, **options: int) -> Engine:
    return Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT), **options)
