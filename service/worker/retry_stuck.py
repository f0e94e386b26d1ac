"""Assess stuck orders again after a start, because a new version may have fixed rules."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from service.runtime.retry import until_stored
from service.store.protocol import Store

ORDERS_AT_ONCE = 500


async def retry_stuck(
    store: Store,
    look_again: Callable[[Sequence[str]], Awaitable[None]],
    stopping: asyncio.Event,
    orders_at_once: int = ORDERS_AT_ONCE,
) -> None:
    """Assess each stuck order once. Orders that stay stuck do not hold up the others."""

    async def behind(order_id: str) -> str | None:
        found = await store.stuck(orders_at_once, order_id)
        if not found:
            return None
        await look_again(found)
        return found[-1]

    last: str | None = ""
    while last is not None:
        last = await until_stored(partial(behind, last), stopping, "assess stuck orders")
