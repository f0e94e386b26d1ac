"""Tuning of Python's cyclic garbage collector.

A batch leaves some hundred thousand objects in the cache, and hardly any cycle. By default the collector scans all of
them again and again: 8 % of the service's time. `gc.freeze` after each batch hides them from the collector; it takes no
time, and objects without references are freed all the same. A full collection once in a while finds the few cycles,
which come from errors and closed connections.
"""

import asyncio
import gc

from service.runtime.retry import happens_within

ALLOCATIONS = 200_000
"""The threshold of new objects for a collection. A batch creates fewer."""
LOOK_SECONDS = 600.0


def settle() -> None:
    """Freeze everything loaded so far, and raise the thresholds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 20)


def batch_done() -> None:
    """Freeze the objects that the batch left."""
    gc.freeze()


async def look_at_everything(stopping: asyncio.Event, every: float = LOOK_SECONDS) -> None:
    """Collect everything every `every` seconds until `stopping`. Takes about a second with a full cache."""
    while not await happens_within(stopping, every):
        gc.unfreeze()
        gc.collect()
        gc.freeze()
