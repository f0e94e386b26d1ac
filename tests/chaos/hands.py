"""The hands that do the harm: two, which take faults from a shuffled deck, every kind once before any comes again."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tests.chaos.faults import BROKER, DATABASE, EVERY_SLOT, FAULTS, LANE, SLOT, Takes
from tests.chaos.place import AWAY, Place
from tests.chaos.pulse import Pulse, Silence
from tests.chaos.scene import Scene

PAUSE_SECONDS = 2.0
CAUGHT_UP_SECONDS = 180.0
RETRY_SECONDS = 0.25
TRIES = 3
"""The number of tries of a kind of fault that could not be done, before others have their second turn."""


@dataclass
class Done:
    """The result of one kind of fault, together with all others at the same time. `caught_up`: seconds from its end
    until everything was published that had been decided by then. `silences`: the time without output between its
    beginning and then."""

    times: int = 0
    missed: int = 0
    caught_up: list[float] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)


class Hands:
    """Two hands on a place. `done` has their faults, by name."""

    def __init__(self, place: Place, seed: int, names: tuple[str, ...], slots: int, pulse: Pulse | None = None) -> None:
        self.done: dict[str, Done] = defaultdict(Done)
        self._place = place
        self._pulse = pulse
        self._rng = random.Random(f"faults {seed}")
        self._names = names
        self._deck: list[str] = []
        self._first = list(names)
        self._rng.shuffle(self._first)
        self._locks = {name: asyncio.Lock() for name in (BROKER, DATABASE, *(f"slot {n}" for n in range(slots)))}
        self._slots = slots
        self._watching: set[asyncio.Task[None]] = set()

    @property
    def never_done(self) -> list[str]:
        """The kinds of fault that were never done, and how often they were tried."""
        return [f"{name}: tried {self.done[name].missed} times" for name in self._names if not self.done[name].times]

    async def at_work(self, enough: Callable[[], bool], hands: int) -> None:
        """Do harm with so many hands until `enough`, and until every kind of fault was done once or tried TRIES
        times."""
        await asyncio.gather(*(self._hand(enough) for _ in range(hands)))

    async def caught_up(self) -> None:
        """End the watches that still run: by now the place is quiet, or the run has reported that it is not."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def _hand(self, enough: Callable[[], bool]) -> None:
        while self._first or not enough():
            if not self._names:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            name = self._draw()
            takes, fault = FAULTS[name]
            rng = random.Random(self._rng.getrandbits(64))
            slot = rng.randrange(self._slots)
            async with AsyncExitStack() as taken:
                for name_of_lock in self._taken(takes, slot):
                    await taken.enter_async_context(self._locks[name_of_lock])
                self._place.say(f"{name} (slot {slot})" if {SLOT, LANE} & set(takes) else name)
                begun = time.monotonic()
                done = await fault(Scene(self._place, rng, slot))
                self._place.say(f"... {name} is over" if done else f"... {name}: not reached")
            one = self.done[name]
            one.times += done
            one.missed += not done
            if not one.times and one.missed < TRIES:
                self._first.insert(0, name)
            if done:
                task = asyncio.create_task(self._watch(one, begun))
                self._watching.add(task)
                task.add_done_callback(self._watching.discard)
            await asyncio.sleep(rng.uniform(0, PAUSE_SECONDS))

    def _taken(self, takes: Takes, slot: int) -> list[str]:
        """The locks, always in the same order, so that two hands never wait for each other."""
        found: set[str] = set()
        for one in takes:
            if one == EVERY_SLOT or (one == LANE and self._place.scarce(self._slots)):
                found |= {f"slot {n}" for n in range(self._slots)}
            else:
                found.add(f"slot {slot}" if one in (SLOT, LANE) else one)
        return [name for name in self._locks if name in found]

    def _draw(self) -> str:
        if self._first:
            return self._first.pop()
        if not self._deck:
            self._deck = list(self._names)
            self._rng.shuffle(self._deck)
        return self._deck.pop()

    async def _watch(self, done: Done, begun: float) -> None:
        over = time.monotonic()
        decided: dict[int, int] = {}
        while time.monotonic() - over < CAUGHT_UP_SECONDS:
            try:
                async with self._place.connected() as connection:
                    decided = decided or dict(await connection.fetch("select lane, position from lanes"))
                    noted = dict(await connection.fetch("select lane, position from relay_notes"))
            except AWAY:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if all(noted.get(lane, 0) >= position for lane, position in decided.items()):
                done.caught_up.append(time.monotonic() - over)
                if self._pulse is not None:
                    done.silences.append(self._pulse.silence(begun, time.monotonic()))
                return
            await asyncio.sleep(RETRY_SECONDS)
