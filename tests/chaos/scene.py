"""The means of a fault, and its time limits."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos import hurried
from tests.chaos.place import Place

LONGEST_SECONDS = 14.0
"""Longer than each of the service's timeouts that a frozen process exceeds."""
UNANSWERED_SECONDS = 45.0
"""Longer than each of its timeouts for a silent database."""
REACHED_SECONDS = 60.0
POLL_SECONDS = 0.05


@dataclass
class Scene:
    """The means of a fault. `slot` is the worker that it may harm."""

    place: Place
    rng: random.Random
    slot: int

    @property
    def longest(self) -> float:
        """Seconds that outlast every timeout."""
        return hurried.LONGEST_SECONDS if self.place.hurried else LONGEST_SECONDS

    @property
    def longest_unanswered(self) -> float:
        """Seconds that outlast a client's wait for a silent database."""
        return hurried.UNANSWERED_SECONDS if self.place.hurried else UNANSWERED_SECONDS

    @property
    def passes(self) -> int:
        """The most times that a failpoint is passed before it fires."""
        return 3 if self.place.hurried else 12

    async def wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self.rng.uniform(least, most))


Fault = Callable[[Scene], Awaitable[bool]]
"""A fault returns whether the harm was done: a failpoint may not be reached."""


async def within(seen: Callable[[], bool | Awaitable[int]]) -> bool:
    """Wait until it is seen. Returns False if that takes too long."""
    until = time.monotonic() + REACHED_SECONDS
    while time.monotonic() < until:
        answer = seen()
        if answer if isinstance(answer, bool) else await answer:
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False
