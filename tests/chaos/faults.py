"""What goes wrong. Each kind is one function: it does its harm and then what an operator or supervisor would do."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from service.failpoints import PLACES
from tests.chaos import hurried
from tests.chaos.place import Place, Worker

LONGEST_SECONDS = 14.0
"""Longer than each of the service's timeouts that a frozen process runs into."""
REACHED_SECONDS = 60.0
RETRY_SECONDS = 0.5
POLL_SECONDS = 0.05
DEADLINE = "deadlines.claimed"
AT_START = ("inbox.assigned", "relay.before_init", "relay.before_cursor", "relay.before_check")
# Frozen or held up there, the worker's session in the group and its transaction both come to their end.
HELD_UP = ("batch.before_commit", "inbox.after_commit_before_ack", "relay.before_check", "relay.in_transaction")


@dataclass
class Scene:
    """What a fault has at hand. `slot` is the worker it may harm."""

    place: Place
    rng: random.Random
    slot: int

    @property
    def longest(self) -> float:
        """Seconds that outlast every timeout."""
        return hurried.LONGEST_SECONDS if self.place.hurried else LONGEST_SECONDS

    @property
    def passes(self) -> int:
        """How often a place is passed before it fires, at most."""
        return 3 if self.place.hurried else 12

    async def wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self.rng.uniform(least, most))


Fault = Callable[[Scene], Awaitable[bool]]
"""Returns whether the harm was done: a place may not be reached."""


async def kill(scene: Scene) -> bool:
    await scene.place.kill(scene.slot)
    await scene.wait(0, 3)
    scene.place.start(scene.slot)
    return True


async def freeze(scene: Scene) -> bool:
    return await _frozen(scene, scene.longest)


async def doze(scene: Scene) -> bool:
    return await _frozen(scene, scene.rng.uniform(0.3, 1.5))


async def _frozen(scene: Scene, seconds: float) -> bool:
    worker = scene.place.slots[scene.slot]
    worker.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    worker.send(signal.SIGCONT)
    return True


async def replace(scene: Scene) -> bool:
    """Remove a worker, add one."""
    await scene.place.stop(scene.slot)
    await scene.wait(0, 1)
    scene.place.start(scene.slot)
    return True


async def add(scene: Scene) -> bool:
    """One worker more, for a while."""
    slot = 100 + scene.slot
    scene.place.start(slot)
    await scene.wait(3, 6)
    await scene.place.stop(slot)
    return True


async def end_sessions(scene: Scene) -> bool:
    # A worker that has only just begun has none.
    for _ in range(int(REACHED_SECONDS / RETRY_SECONDS)):
        if await scene.place.end_sessions(scene.slot, scene.rng):
            return True
        await asyncio.sleep(RETRY_SECONDS)
    return False


async def cut(scene: Scene) -> bool:
    """The network of slot 0 resets everything."""
    for proxy in scene.place.proxies:
        proxy.cut()
    await scene.wait(0, 3)
    for proxy in scene.place.proxies:
        proxy.mend()
    return True


async def swallow(scene: Scene) -> bool:
    """The network of slot 0 loses everything without a word, to one server or both, and then delivers it late."""
    chosen = scene.rng.choice((scene.place.proxies[:1], scene.place.proxies[1:], scene.place.proxies))
    for proxy in chosen:
        proxy.swallow()
    await asyncio.sleep(scene.longest)
    for proxy in chosen:
        proxy.mend()
    return True


async def broker_restart(scene: Scene) -> bool:
    await scene.place.kafka.stop()
    await scene.wait(0, 2)
    await scene.place.kafka.start()
    return True


async def broker_kill(scene: Scene) -> bool:
    await scene.place.kafka.kill()
    await scene.wait(0, 2)
    await scene.place.kafka.start()
    return True


async def broker_freeze(scene: Scene) -> bool:
    scene.place.kafka.pause()
    await scene.wait(1, 6)
    scene.place.kafka.resume()
    return True


async def postgres_fast(scene: Scene) -> bool:
    await scene.place.postgres.restart("fast")
    return True


async def postgres_immediate(scene: Scene) -> bool:
    await scene.place.postgres.stop("immediate")
    await scene.wait(0, 2)
    await scene.place.postgres.start()
    return True


async def postgres_kill(scene: Scene) -> bool:
    await scene.place.postgres.kill()
    await scene.place.postgres.start()
    return True


async def postgres_freeze(scene: Scene) -> bool:
    scene.place.postgres.pause()
    await scene.wait(1, 6)
    scene.place.postgres.resume()
    return True


def killed_at(place: str) -> Fault:
    """A worker that kills itself there."""

    async def fault(scene: Scene) -> bool:
        worker = await _armed(scene, f"{place}=kill@{_nth(scene, place)}")
        scene.place.expect_end(worker)
        reached = await worker.ended(REACHED_SECONDS)
        await scene.place.kill(scene.slot)
        scene.place.start(scene.slot)
        return reached

    return fault


def frozen_at(place: str) -> Fault:
    """A worker that freezes there, until everybody has given it up."""

    async def fault(scene: Scene) -> bool:
        worker = await _armed(scene, f"{place}=stop@{_nth(scene, place)}")
        if not await _within(lambda: worker.frozen):
            return False
        await asyncio.sleep(scene.longest)
        worker.send(signal.SIGCONT)
        return True

    return fault


def held_up_at(place: str) -> Fault:
    """A worker in which one task stands still there, while the others go on and say that it is alive."""

    async def fault(scene: Scene) -> bool:
        gate = scene.place.directory / f"gate-{scene.place.started}"
        await _armed(scene, f"{place}=wait:{gate}@{_nth(scene, place)}")
        reached = await _within(Path(f"{gate}.reached").exists)
        if reached:
            await asyncio.sleep(scene.longest)
        gate.touch()
        return reached

    return fault


async def _armed(scene: Scene, failpoints: str) -> Worker:
    await scene.place.stop(scene.slot)
    return scene.place.start(scene.slot, failpoints)


def _nth(scene: Scene, place: str) -> int:
    return 1 if place in (*AT_START, DEADLINE) else scene.rng.randint(1, scene.passes)


async def _within(seen: Callable[[], bool]) -> bool:
    for _ in range(int(REACHED_SECONDS / POLL_SECONDS)):
        if seen():
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


BROKER, DATABASE, SLOT = "broker", "database", "slot"

FAULTS: dict[str, tuple[str, Fault]] = {
    "worker killed": (SLOT, kill),
    "worker frozen longer than every timeout": (SLOT, freeze),
    "worker frozen for a moment": (SLOT, doze),
    "worker replaced": (SLOT, replace),
    "worker added and removed": (SLOT, add),
    "worker's database sessions ended": (DATABASE, end_sessions),
    "worker's network cut": ("slot 0", cut),
    "worker's network swallows": ("slot 0", swallow),
    "broker restarted": (BROKER, broker_restart),
    "broker killed": (BROKER, broker_kill),
    "broker frozen": (BROKER, broker_freeze),
    "PostgreSQL restarted, fast": (DATABASE, postgres_fast),
    "PostgreSQL restarted, immediate": (DATABASE, postgres_immediate),
    "PostgreSQL killed": (DATABASE, postgres_kill),
    "PostgreSQL frozen": (DATABASE, postgres_freeze),
    **{f"killed at {place}": (SLOT, killed_at(place)) for place in PLACES},
    **{f"frozen at {place}": (SLOT, frozen_at(place)) for place in PLACES},
    **{f"held up at {place}": (SLOT, held_up_at(place)) for place in HELD_UP},
}
"""By name: what it takes for itself, and what it does."""

NO_FAULT: tuple[str, ...] = ()
