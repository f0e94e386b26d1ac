"""The faults. Each kind is one function: it does its harm and then what an operator or supervisor would do.

`FAULTS` are all kinds, by name; `ON_ONE_BROKER` and `ON_A_CLUSTER` those for each kind of place.
"""

import asyncio
import signal

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.runtime.failpoints import PLACES
from tests.chaos import cluster_faults as of_cluster
from tests.chaos.at_places import HELD_UP, frozen_at, held_up_at, killed_at, needs_lane
from tests.chaos.place import OneOfEach
from tests.chaos.proxy import Way
from tests.chaos.scene import REACHED_SECONDS, Fault, Scene, within
from tests.chaos.server_faults import frozen, killed

RETRY_SECONDS = 0.5


async def kill(scene: Scene) -> bool:
    await scene.place.kill(scene.slot)
    await scene.wait(0, 3)
    scene.place.start(scene.slot)
    return True


async def kill_one_process(scene: Scene) -> bool:
    """Kill one of a supervisor's processes, which the supervisor starts again."""
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
    """Kill every worker at once: none is left to take over."""
    slots = list(scene.place.slots)
    await asyncio.gather(*(scene.place.kill(slot) for slot in slots))
    await scene.wait(0, 3)
    for slot in slots:
        scene.place.start(slot)
    return True


async def freeze_all(scene: Scene) -> bool:
    """Freeze every worker at once, so that all sessions expire without a successor, and then resume all at once."""
    for number, seconds in ((signal.SIGSTOP, scene.longest), (signal.SIGCONT, 0.0)):
        for worker in scene.place.slots.values():
            worker.send(number)
        await asyncio.sleep(seconds)
    return True


async def replace(scene: Scene) -> bool:
    """Remove a worker and add one."""
    await scene.place.stop(scene.slot)
    await scene.wait(0, 1)
    scene.place.start(scene.slot)
    return True


async def add(scene: Scene) -> bool:
    """Add one worker, and remove it a while after it got partitions or lanes."""
    slot = 100 + scene.slot
    worker = scene.place.start(slot)
    reached = await within(worker.owns)
    await scene.wait(0, 3)
    await scene.place.stop(slot)
    return reached


async def end_sessions(scene: Scene) -> bool:
    # A worker that has just begun has no sessions yet.
    for _ in range(int(REACHED_SECONDS / RETRY_SECONDS)):
        if await scene.place.end_sessions(scene.slot, scene.rng):
            return True
        await asyncio.sleep(RETRY_SECONDS)
    return False


async def cut(scene: Scene) -> bool:
    """Reset all connections of slot 0, and refuse new ones for a while."""
    for proxy in scene.place.proxies:
        proxy.cut()
    await scene.wait(0, 3)
    for proxy in scene.place.proxies:
        proxy.mend()
    return True


async def swallow(scene: Scene) -> bool:
    """Deliver nothing of slot 0's traffic to one server or both, silently, and deliver it late."""
    chosen = scene.rng.choice((scene.place.to_brokers, scene.place.to_database, scene.place.proxies))
    for proxy in chosen:
        proxy.swallow()
    await asyncio.sleep(scene.longest)
    for proxy in chosen:
        proxy.mend()
    return True


async def strand(scene: Scene) -> bool:
    """Deliver nothing between slot 0 and the database for longer than any timeout, and never deliver those bytes."""
    for proxy in scene.place.to_database:
        proxy.swallow()
    await asyncio.sleep(scene.longest_unanswered)
    for proxy in scene.place.to_database:
        proxy.strand()
    return True


async def broker_restart(scene: Scene) -> bool:
    kafka = broker(scene)
    await kafka.stop()
    await scene.wait(0, 2)
    await kafka.start()
    return True


async def postgres_fast(scene: Scene) -> bool:
    await postgres(scene).restart("fast")
    return True


async def postgres_immediate(scene: Scene) -> bool:
    server = postgres(scene)
    await server.stop("immediate")
    await scene.wait(0, 2)
    await server.start()
    return True


def _alone(scene: Scene) -> OneOfEach:
    assert isinstance(scene.place, OneOfEach), scene.place
    return scene.place


def broker(scene: Scene) -> EmbeddedKafka:
    """The only broker."""
    return _alone(scene).kafka


def postgres(scene: Scene) -> EmbeddedPostgres:
    """The only database server."""
    return _alone(scene).postgres


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
    "broker killed": ((BROKER,), killed(broker, 2)),
    "broker frozen": ((BROKER,), frozen(broker, 1, 6)),
    "PostgreSQL restarted, fast": ((DATABASE,), postgres_fast),
    "PostgreSQL restarted, immediate": ((DATABASE,), postgres_immediate),
    "PostgreSQL killed": ((DATABASE,), killed(postgres, 0)),
    "PostgreSQL frozen": ((DATABASE,), frozen(postgres, 1, 6)),
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
    "primary killed": ((DATABASE,), killed(of_cluster.primary, 2)),
    "primary frozen": ((DATABASE,), frozen(of_cluster.primary, 1, 6)),
    "synchronous standby killed": ((DATABASE,), killed(of_cluster.synchronous_standby, 4)),
    "synchronous standby frozen": ((DATABASE,), frozen(of_cluster.synchronous_standby, 1, 8)),
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
"""The faults by name: what each takes for itself, and its function."""

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
