"""Python's cyclic collector, and what it need not look at.

A batch leaves some hundred thousand objects in the cache, and hardly any cycle. Left to itself the collector goes
through all of them again and again: 8 % of the service's time. So what a batch leaves is put out of its sight
(`gc.freeze`, which takes no time; what nobody refers to any more is freed all the same). The few cycles there are,
from errors and closed connections, are found by a look at everything once in a while.
"""

import asyncio
import gc

from service.runtime.retry import happens_within

ALLOCATIONS = 200_000
"""So many more objects than were freed, and it looks at what came since the last batch. A batch makes fewer."""
LOOK_SECONDS = 600.0


def settle() -> None:
    """What was loaded so far stays; from now on `batch_done` says what does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 20)


def batch_done() -> None:
    """What the batch left stays, until nobody refers to it."""
    gc.freeze()


async def look_at_everything(stopping: asyncio.Event, every: float = LOOK_SECONDS) -> None:
    """Free the cycles, once in a while, until `stopping`. With a full cache it takes about a second."""
    while not await happens_within(stopping, every):
        gc.unfreeze()
        gc.collect()
        gc.freeze()
