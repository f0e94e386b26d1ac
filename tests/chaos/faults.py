"""Faults. Each kind is one function: it does its harm and then what an operator or supervisor would do.

`FAULTS` are all kinds, by name; `ON_ONE_BROKER` and `ON_A_CLUSTER` those that there are at each kind of place.
"""

import asyncio
import signal

from service.runtime.failpoints import PLACES
from tests.chaos import cluster_faults as of_cluster
from tests.chaos.at_places import HELD_UP, frozen_at, held_up_at, killed_at, needs_lane
from tests.chaos.place import OneOfEach
from tests.chaos.proxy import Way
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
    chosen = scene.rng.choice((scene.place.to_brokers, scene.place.to_database, scene.place.proxies))
    for proxy in chosen:
        proxy.swallow()
    await asyncio.sleep(scene.longest)
    for proxy in chosen:
        proxy.mend()
    return True


async def strand(scene: Scene) -> bool:
    """The network of slot 0 to the database says nothing for longer than anybody waits, and what was said to it then
    is never delivered."""
    for proxy in scene.place.to_database:
        proxy.swallow()
    await asyncio.sleep(scene.longest_unanswered)
    for proxy in scene.place.to_database:
        proxy.strand()
    return True


async def broker_restart(scene: Scene) -> bool:
    kafka = _alone(scene).kafka
    await kafka.stop()
    await scene.wait(0, 2)
    await kafka.start()
    return True


async def broker_kill(scene: Scene) -> bool:
    kafka = _alone(scene).kafka
    await kafka.kill()
    await scene.wait(0, 2)
    await kafka.start()
    return True


async def broker_freeze(scene: Scene) -> bool:
    kafka = _alone(scene).kafka
    kafka.pause()
    await scene.wait(1, 6)
    kafka.resume()
    return True


async def postgres_fast(scene: Scene) -> bool:
    await _alone(scene).postgres.restart("fast")
    return True


async def postgres_immediate(scene: Scene) -> bool:
    postgres = _alone(scene).postgres
    await postgres.stop("immediate")
    await scene.wait(0, 2)
    await postgres.start()
    return True


async def postgres_kill(scene: Scene) -> bool:
    postgres = _alone(scene).postgres
    await postgres.kill()
    await postgres.start()
    return True


async def postgres_freeze(scene: Scene) -> bool:
    postgres = _alone(scene).postgres
    postgres.pause()
    await scene.wait(1, 6)
    postgres.resume()
    return True


def _alone(scene: Scene) -> OneOfEach:
    assert isinstance(scene.place, OneOfEach), scene.place
    return scene.place


BROKER, DATABASE, SLOT, LANE, EVERY_SLOT, SLOT_0 = "broker", "database", "slot", "lane", "every slot", "slot 0"


def _taken(place: str) -> str:
    return LANE if needs_lane(place) else SLOT


PROCESS_KILLED = "one process of a worker killed"
"""Only where workers have several."""

TRANSACTIONS_AT = (
    "relay.before_init",
    "relay.before_cursor",
    "relay.before_check",
    "relay.half_sent",
    "relay.in_transaction",
    "relay.after_commit",
)
GROUPS_AT = ("inbox.assigned", "inbox.before_offset_commit", "relay.before_init")
STORES = (of_cluster.BROKERS, of_cluster.DATABASES)

Takes = tuple[str, ...]
Kinds = dict[str, tuple[Takes, Fault]]

OF_WORKERS: Kinds = {
    "worker killed": ((SLOT,), kill),
    PROCESS_KILLED: ((SLOT,), kill_one_process),
    "worker frozen longer than every timeout": ((SLOT,), freeze),
    "worker frozen for a moment": ((SLOT,), doze),
    "all workers killed at once": ((EVERY_SLOT,), kill_all),
    "all workers frozen at once": ((EVERY_SLOT,), freeze_all),
    "worker replaced": ((SLOT,), replace),
    "worker added and removed": ((SLOT,), add),
    "worker's database sessions ended": ((DATABASE,), end_sessions),
    "worker's network cut": ((SLOT_0,), cut),
    "worker's network swallows": ((SLOT_0,), swallow),
    "worker's database never heard of again": ((SLOT_0,), strand),
    **{f"killed at {place}": ((_taken(place),), killed_at(place)) for place in PLACES},
    **{f"frozen at {place}": ((_taken(place),), frozen_at(place)) for place in PLACES},
    **{f"held up at {place}": ((_taken(place),), held_up_at(place)) for place in HELD_UP},
}

OF_ONE_BROKER: Kinds = {
    "broker restarted": ((BROKER,), broker_restart),
    "broker killed": ((BROKER,), broker_kill),
    "broker frozen": ((BROKER,), broker_freeze),
    "PostgreSQL restarted, fast": ((DATABASE,), postgres_fast),
    "PostgreSQL restarted, immediate": ((DATABASE,), postgres_immediate),
    "PostgreSQL killed": ((DATABASE,), postgres_kill),
    "PostgreSQL frozen": ((DATABASE,), postgres_freeze),
}

OF_A_CLUSTER: Kinds = {
    "one broker killed": ((BROKER,), of_cluster.of_brokers(1, of_cluster.crash)),
    "one broker left": ((BROKER,), of_cluster.of_brokers(1, of_cluster.leave)),
    "one broker frozen": ((BROKER,), of_cluster.of_brokers(1, of_cluster.freeze)),
    "two brokers killed": ((BROKER,), of_cluster.of_brokers(2, of_cluster.crash)),
    "two brokers left": ((BROKER,), of_cluster.of_brokers(2, of_cluster.leave)),
    "two brokers frozen": ((BROKER,), of_cluster.of_brokers(2, of_cluster.freeze)),
    "controller killed": ((BROKER,), of_cluster.controller_killed),
    "leaders moved": ((BROKER,), of_cluster.leaders_moved),
    "broker's disk full": ((BROKER,), of_cluster.broker_disk_full),
    **{
        f"transaction coordinator {what} at {place}": (
            (BROKER, _taken(place)),
            of_cluster.transaction_coordinator_at(place, harm),
        )
        for what, harm in (("killed", of_cluster.kill_coordinator), ("moved", of_cluster.move_coordinator))
        for place in TRANSACTIONS_AT
    },
    **{
        f"group coordinator {what} at {place}": ((BROKER, _taken(place)), of_cluster.group_coordinator_at(place, harm))
        for what, harm in (("killed", of_cluster.kill_coordinator), ("moved", of_cluster.move_coordinator))
        for place in GROUPS_AT
    },
    "primary killed": ((DATABASE,), of_cluster.primary_killed),
    "primary frozen": ((DATABASE,), of_cluster.primary_frozen),
    "synchronous standby killed": ((DATABASE,), of_cluster.synchronous_standby_killed),
    "synchronous standby frozen": ((DATABASE,), of_cluster.synchronous_standby_frozen),
    "synchronous standby promoted": ((DATABASE,), of_cluster.synchronous_standby_promoted),
    "synchronous standby silent, then promoted": ((DATABASE,), of_cluster.unconfirmed_then_promoted),
    "asynchronous standby promoted": ((BROKER, DATABASE, EVERY_SLOT), of_cluster.asynchronous_standby_promoted),
    "old primary back": ((DATABASE,), of_cluster.old_primary_wakes_up),
    "primary's disk full": ((DATABASE,), of_cluster.database_disk_full),
    **{
        f"{store}: nothing {way.value}": ((SLOT_0,), of_cluster.swallowed(store, way))
        for store in STORES
        for way in Way
    },
    **{f"{store}: slow {way.value}": ((SLOT_0,), of_cluster.slowed(store, way)) for store in STORES for way in Way},
}

FAULTS: Kinds = {**OF_WORKERS, **OF_ONE_BROKER, **OF_A_CLUSTER}
"""By name: what it takes for itself, and what it does."""

ON_ONE_BROKER = (*OF_WORKERS, *OF_ONE_BROKER)
WORKERS_OF_A_CLUSTER = (
    "worker killed",
    "worker frozen longer than every timeout",
    "all workers killed at once",
    "worker replaced",
    "worker's database sessions ended",
    "worker's network cut",
    "killed at batch.before_commit",
    "killed at inbox.before_offset_commit",
    "killed at relay.in_transaction",
    "frozen at relay.in_transaction",
    "frozen at batch.before_commit",
)
"""The faults of a worker alone that are tried on a cluster, too, because they meet the cluster's own faults there;
one broker has all of them."""
ON_A_CLUSTER = (*WORKERS_OF_A_CLUSTER, *OF_A_CLUSTER)

NO_FAULT: tuple[str, ...] = ()
