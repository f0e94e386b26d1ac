"""The engine on both stores: every test that takes `store` or `engine` runs on memory and on PostgreSQL.

A test that uses `hands` has the stores go by that clock: `pytestmark = pytest.mark.usefixtures("hands")` for a module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.memory import MemoryStore
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.orders.hands import Hands

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.store.protocol import Store

LANES = 4


@pytest.fixture(params=["memory", "postgres"])
def where(request: pytest.FixtureRequest) -> str | None:
    """None for memory, else the DSN of a fresh, migrated database."""
    return None if request.param == "memory" else request.getfixturevalue("database")


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def store(request: pytest.FixtureRequest, where: str | None) -> AsyncIterator[Store]:
    clock = {"clock": request.getfixturevalue("hands")} if "hands" in request.fixturenames else {}
    if where is None:
        yield MemoryStore(lanes=LANES, **clock)
        return
    postgres = await PostgresStore.open(where, connections=3, **clock)
    yield postgres
    await postgres.close()


@pytest.fixture
def engine(store: Store) -> Engine:
    return engine_on(store)


def engine_on(store: Store, **options: int) -> Engine:
    return Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT), **options)
