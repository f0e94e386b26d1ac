"""An error leaves nothing behind that only Python's garbage collector finds, which rarely looks."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from service.orders.dedup import IncomingEvent
from service.store.driver_errors import translated
from service.store.errors import StoreError
from service.store.postgres import PostgresStore
from tests.orders.conftest import engine_on
from tests.orders.stories import Story, paid_order


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class InHand:
    """The argument of a statement."""


@pytest.mark.parametrize("kind", [asyncpg.LockNotAvailableError, asyncpg.InterfaceError, asyncpg.DataError, OSError])
async def test_the_arguments_of_a_statement_are_freed_with_its_error(kind: type[Exception], no_collector: None) -> None:
    def statement(_given: InHand) -> None:
        try:
            raise kind("refused")
        except kind as error:
            # As the driver does, for its log: this frame refers to the error, and the error to this frame.
            kept: Any = error
            assert kept
            raise

    async def ask(given: InHand) -> None:
        with suppress(StoreError):
            async with translated():
                statement(given)

    given = InHand()
    left = weakref.ref(given)
    task = asyncio.create_task(ask(given))
    del given
    await task
    del task
    assert left() is None


async def test_a_batch_that_is_tried_again_leaves_nothing_of_itself(database: str, no_collector: None) -> None:
    store = await PostgresStore.open(database)
    engine = engine_on(store)
    await engine.handle(paid_order("ord-1").inbound_records)
    twin = Story("ord-2").placed()
    twin.add(twin.last.decoded.data, message="ord-1-e0")
    handled = await engine.handle(twin.inbound_records)
    await store.close()
    assert [refused.refusal.reason for refused in handled.quarantined] == ["conflict"]
    assert [one for one in gc.get_objects() if isinstance(one, IncomingEvent)] == []
