"""Orders whose rules raised, looked at again after a start: a new version may know better what to do with them."""

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
    """Look once at all of them: those that stay stuck don't keep it from the others."""

    async def behind(order_id: str) -> str | None:
        found = await store.stuck(orders_at_once, order_id)
        if not found:
            return None
        await look_again(found)
        return found[-1]

    last: str | None = ""
    while last is not None:
        last = await until_stored(partial(behind, last), stopping, "assess stuck orders")
