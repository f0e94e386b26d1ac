"""What goes wrong. Each kind is one function: it does its harm and then what an operator or supervisor would do."""

import asyncio
import signal

from service.runtime.failpoints import PLACES
from tests.chaos.at_places import HELD_UP, frozen_at, held_up_at, killed_at, needs_lane
from tests.chaos.scene import REACHED_SECONDS, Fault, Scene, within

RETRY_SECONDS = 0.5


async def kill(scene: Scene) -> bool:
    await scene.place.kill(scene.slot)
    await scene.wait(0, 3)
    scene.place.start(scene.slot)
    return True


async def kill_one_process(scene: Scene) -> bool:
    """One of a supervisor's processes, which is started again without anybody's doing."""
    return await within(lambda: scene.place.slots[scene.slot].kill_one(scene.rng))


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


async def kill_all(scene: Scene) -> bool:
    """Every worker at once: nobody is left to take anything over."""
    slots = list(scene.place.slots)
    await asyncio.gather(*(scene.place.kill(slot) for slot in slots))
    await scene.wait(0, 3)
    for slot in slots:
        scene.place.start(slot)
    return True


async def freeze_all(scene: Scene) -> bool:
    """Every worker at once, so that all sessions end with nobody there, and then all wake up at once."""
    for number, seconds in ((signal.SIGSTOP, scene.longest), (signal.SIGCONT, 0.0)):
        for worker in scene.place.slots.values():
            worker.send(number)
        await asyncio.sleep(seconds)
    return True


async def replace(scene: Scene) -> bool:
    """Remove a worker, add one."""
    await scene.place.stop(scene.slot)
    await scene.wait(0, 1)
    scene.place.start(scene.slot)
    return True


async def add(scene: Scene) -> bool:
    """One worker more, until a while after it was given something."""
    slot = 100 + scene.slot
    worker = scene.place.start(slot)
    reached = await within(worker.owns)
    await scene.wait(0, 3)
    await scene.place.stop(slot)
    return reached


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


async def strand(scene: Scene) -> bool:
    """The network of slot 0 to the database says nothing for longer than anybody waits, and what was said to it then
    is never delivered."""
    _, database = scene.place.proxies
    database.swallow()
    await asyncio.sleep(scene.longest_unanswered)
    database.strand()
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


BROKER, DATABASE, SLOT, LANE, EVERY_SLOT = "broker", "database", "slot", "lane", "every slot"


def _taken(place: str) -> str:
    return LANE if needs_lane(place) else SLOT


PROCESS_KILLED = "one process of a worker killed"
"""Only where workers have several."""

FAULTS: dict[str, tuple[str, Fault]] = {
    "worker killed": (SLOT, kill),
    PROCESS_KILLED: (SLOT, kill_one_process),
    "worker frozen longer than every timeout": (SLOT, freeze),
    "worker frozen for a moment": (SLOT, doze),
    "all workers killed at once": (EVERY_SLOT, kill_all),
    "all workers frozen at once": (EVERY_SLOT, freeze_all),
    "worker replaced": (SLOT, replace),
    "worker added and removed": (SLOT, add),
    "worker's database sessions ended": (DATABASE, end_sessions),
    "worker's network cut": ("slot 0", cut),
    "worker's network swallows": ("slot 0", swallow),
    "worker's database never heard of again": ("slot 0", strand),
    "broker restarted": (BROKER, broker_restart),
    "broker killed": (BROKER, broker_kill),
    "broker frozen": (BROKER, broker_freeze),
    "PostgreSQL restarted, fast": (DATABASE, postgres_fast),
    "PostgreSQL restarted, immediate": (DATABASE, postgres_immediate),
    "PostgreSQL killed": (DATABASE, postgres_kill),
    "PostgreSQL frozen": (DATABASE, postgres_freeze),
    **{f"killed at {place}": (_taken(place), killed_at(place)) for place in PLACES},
    **{f"frozen at {place}": (_taken(place), frozen_at(place)) for place in PLACES},
    **{f"held up at {place}": (_taken(place), held_up_at(place)) for place in HELD_UP},
}
"""By name: what it takes for itself, and what it does."""

NO_FAULT: tuple[str, ...] = ()
