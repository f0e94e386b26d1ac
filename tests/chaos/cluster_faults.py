"""Faults of a cluster. Each kind does its harm and then what an operator, or the tool that fails a database over,
would do; only the servers that it names are missing meanwhile."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from tests.chaos.at_places import armed
from tests.chaos.cluster import GROUP_KIND, TRANSACTION_KIND, Cluster
from tests.chaos.place import AWAY, CONNECT_SECONDS, DATABASE, GROUP
from tests.chaos.proxy import Proxy, Way
from tests.chaos.scene import Fault, Scene, within
from tests.forkserver import run_text

SLOW_SECONDS = 0.3
"""The delay of each piece over a slow network."""
RECOVERY_SECONDS = 600.0
COMMAND_SECONDS = 60.0
COMMAND_AGAIN_SECONDS = 3.0
JOURNAL = "select lane, position, id from outbox"
BROKERS, DATABASES = "brokers", "database"
FULL = "No space left on device"

Harm = Callable[[EmbeddedKafka, Scene], Awaitable[None]]


def cluster_of(scene: Scene) -> Cluster:
    """The scene's cluster. Raises AssertionError if the place is another one."""
    assert isinstance(scene.place, Cluster), scene.place
    return scene.place


# Brokers.


async def crash(node: EmbeddedKafka, scene: Scene) -> None:
    await node.kill()
    await scene.wait(0, 4)


async def leave(node: EmbeddedKafka, scene: Scene) -> None:
    await node.stop()
    await scene.wait(0, 4)


async def freeze(node: EmbeddedKafka, scene: Scene) -> None:
    """Freeze it for up to twice as long as the others take to give a broker up."""
    node.pause()
    await scene.wait(2, 10)
    node.resume()


def of_brokers(count: int, harm: Harm) -> Fault:
    """Harm so many random brokers at once."""

    async def fault(scene: Scene) -> bool:
        kafka = cluster_of(scene).kafka
        chosen = scene.rng.sample(sorted(kafka.nodes), count)
        await asyncio.gather(*(harm(kafka.nodes[node], scene) for node in chosen))
        await kafka.start()
        return True

    return fault


async def controller_killed(scene: Scene) -> bool:
    cluster = cluster_of(scene)
    await crash(cluster.kafka.nodes[await cluster.controller()], scene)
    await cluster.kafka.start()
    return True


async def leaders_moved(scene: Scene) -> bool:
    await cluster_of(scene).move_leaders()
    return True


async def broker_disk_full(scene: Scene) -> bool:
    """It shuts itself down; an operator makes room and starts it."""
    cluster = cluster_of(scene)
    number, node = scene.rng.choice(sorted(cluster.kafka.nodes.items()))
    name = f"broker-{number}"
    cluster.tampering.fill(name)
    try:
        done = await within(lambda: not node.running)
        await scene.wait(0, 3)
    finally:
        cluster.tampering.free(name)
    await node.stop()
    await cluster.kafka.start()
    return done


async def kill_coordinator(cluster: Cluster, scene: Scene, name: str, kind: int) -> None:
    await cluster.kafka.nodes[await cluster.coordinator(name, kind)].kill()


async def move_coordinator(cluster: Cluster, _scene: Scene, _name: str, _kind: int) -> None:
    await cluster.move_leaders()


def transaction_coordinator_at(place: str, harm: Callable[[Cluster, Scene, str, int], Awaitable[None]]) -> Fault:
    """Harm the coordinator of a lane's transactions while the lane's owner is at this failpoint."""

    async def fault(scene: Scene) -> bool:
        cluster = cluster_of(scene)

        async def meanwhile(task: str) -> None:
            lane = task.rpartition(" ")[2]
            async with cluster.connected() as connection:
                outbox_id = await connection.fetchval("select outbox_id from installation")
            await harm(cluster, scene, f"{outbox_id}.{lane}", TRANSACTION_KIND)

        return await _while_at(scene, place, meanwhile)

    return fault


def group_coordinator_at(place: str, harm: Callable[[Cluster, Scene, str, int], Awaitable[None]]) -> Fault:
    """Harm the coordinator of the inbox's group, or of the relay's, while a member is at this failpoint."""

    async def fault(scene: Scene) -> bool:
        cluster = cluster_of(scene)

        async def meanwhile(_task: str) -> None:
            group = GROUP
            if place.startswith("relay."):
                async with cluster.connected() as connection:
                    group = f"{await connection.fetchval('select outbox_id from installation')}.relay"
            await harm(cluster, scene, group, GROUP_KIND)

        return await _while_at(scene, place, meanwhile)

    return fault


async def _while_at(scene: Scene, place: str, meanwhile: Callable[[str], Awaitable[None]]) -> bool:
    cluster = cluster_of(scene)
    gate = cluster.directory / f"gate-{scene.slot}-{cluster.started}"
    try:
        async with armed(scene, place, f"wait:{gate}"):
            there = await within(lambda: bool(_task_at(gate)))
        if there:
            await meanwhile(_task_at(gate))
    except AWAY:
        # Another hand has made the database unavailable.
        there = False
    finally:
        gate.touch()
    await scene.wait(0, 4)
    await cluster.kafka.start()
    return there


def _task_at(gate: Path) -> str:
    """The name of the task that is at the gate; empty while none is."""
    reached = Path(f"{gate}.reached")
    return reached.read_text("utf-8") if reached.exists() else ""


# The database.


def primary(scene: Scene) -> EmbeddedPostgres:
    postgres = cluster_of(scene).postgres
    return postgres.nodes[postgres.primary]


def synchronous_standby(scene: Scene) -> EmbeddedPostgres:
    """The standby without which no commit is confirmed."""
    postgres = cluster_of(scene).postgres
    assert postgres.synchronous is not None
    return postgres.nodes[postgres.synchronous]


async def synchronous_standby_promoted(scene: Scene) -> bool:
    """The primary dies for good, and comes back as a standby."""
    postgres = cluster_of(scene).postgres
    old, new = postgres.primary, postgres.synchronous
    assert new is not None
    await postgres.nodes[old].kill()
    await _promoted(scene, new)
    return True


async def unconfirmed_then_promoted(scene: Scene) -> bool:
    """The synchronous standby is silent for longer than any client waits for a commit, then the primary dies, and
    the standby is promoted: nobody may have relied on commits that it never confirmed."""
    postgres = cluster_of(scene).postgres
    old, new = postgres.primary, postgres.synchronous
    assert new is not None
    postgres.nodes[new].pause()
    await asyncio.sleep(scene.longest_unanswered)
    await postgres.nodes[old].kill()
    postgres.nodes[new].resume()
    await _promoted(scene, new)
    return True


async def old_primary_wakes_up(scene: Scene) -> bool:
    """The primary freezes, its synchronous standby is promoted, and then the old primary resumes with its old
    sessions until an operator makes a standby of it. Nothing that anybody reads may be written there."""
    postgres = cluster_of(scene).postgres
    old, new = postgres.primary, postgres.synchronous
    assert new is not None
    postgres.nodes[old].pause()
    await scene.wait(0, 2)
    cluster_of(scene).failovers += 1
    await postgres.promote(new)
    await scene.wait(0, 3)
    postgres.nodes[old].resume()
    await asyncio.sleep(scene.longest)
    strays = await _strays(postgres.nodes[old], postgres.nodes[new])
    assert not strays, f"the old primary has outputs (lane, position) that the new one lacks: {strays}"
    await _rejoined(scene)
    return True


async def asynchronous_standby_promoted(scene: Scene) -> bool:
    """The primary and the standby that confirmed its commits are lost; the other standby, which lagged, is promoted.
    An operator puts back what was published, and the workers read the lost input again."""
    cluster = cluster_of(scene)
    postgres = cluster.postgres
    old, confirmed, new = postgres.primary, postgres.synchronous, cluster.standby
    assert confirmed is not None
    await postgres.detach(new)
    await scene.wait(0.5, 3)
    cluster.recovering = True
    cluster.lost += 1
    await asyncio.gather(postgres.nodes[old].kill(), postgres.nodes[confirmed].kill())
    cluster.failovers += 1
    await postgres.promote(new)
    # Supervisors restart the workers again and again before an operator comes.
    await scene.wait(0, 6)
    slots = sorted(cluster.slots)
    await asyncio.gather(*(cluster.stop(slot) for slot in slots))
    await _command(cluster, "lanes", "recover", "--yes", "--by", "chaos", "--why", "the standby lagged")
    cluster.recovering = False
    for slot in slots:
        cluster.start(slot)
    await _rejoined(scene)
    await _command(cluster, "lanes", "release", "--by", "chaos")
    return True


async def database_disk_full(scene: Scene) -> bool:
    """An operator makes room, and starts the primary if it is down."""
    cluster = cluster_of(scene)
    number = cluster.postgres.primary
    name, primary = f"database-{number}", cluster.postgres.nodes[number]
    before = _times_full(primary)
    cluster.tampering.fill(name)
    try:
        done = await within(lambda: _times_full(primary) > before)
        await scene.wait(0, 4)
    finally:
        cluster.tampering.free(name)
    if not primary.running:
        await primary.stop()
        await primary.start()
    return done


async def _promoted(scene: Scene, node: int) -> None:
    cluster = cluster_of(scene)
    cluster.failovers += 1
    await cluster.postgres.promote(node)
    await scene.wait(0, 3)
    await _rejoined(scene)


async def _rejoined(scene: Scene) -> None:
    """Make the other servers standbys of the primary."""
    postgres = cluster_of(scene).postgres
    for node in sorted(set(postgres.nodes) - {postgres.primary}):
        await postgres.rejoin(node)


def _times_full(server: EmbeddedPostgres) -> int:
    return server.log.read_text("utf-8", errors="replace").count(FULL)


async def _command(cluster: Cluster, *arguments: str) -> None:
    """Repeat a command of the service until it succeeds. Raises AssertionError with its output."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")},
        "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap,
        "PURCHASING_DATABASE_URL": cluster.url,
        "PURCHASING_CONSUMER_GROUP": GROUP,
    }
    until = time.monotonic() + RECOVERY_SECONDS
    while True:
        done = await asyncio.to_thread(run_text, "service", list(arguments), environment, COMMAND_SECONDS)
        cluster.say(f"{' '.join(arguments)}: {' '.join((done.stdout + done.stderr).split())}")
        if done.returncode == 0:
            return
        assert time.monotonic() < until, f"{arguments}: {done.stdout}{done.stderr}"
        await asyncio.sleep(COMMAND_AGAIN_SECONDS)


async def _strays(old: EmbeddedPostgres, new: EmbeddedPostgres) -> list[tuple[int, int]]:
    """The lanes and positions that are in one server's journal and not in the other's."""
    found: list[dict[tuple[int, int], str]] = []
    for server in (old, new):
        connection = await asyncpg.connect(server.dsn_of(DATABASE), timeout=CONNECT_SECONDS)
        try:
            found.append({(lane, position): one for lane, position, one in await connection.fetch(JOURNAL)})
        finally:
            connection.terminate()
    return sorted(place for place, one in found[0].items() if found[1].get(place) != one)


# The network of slot 0, in one direction.


def swallowed(store: str, way: Way) -> Fault:
    """Lose all bytes of one direction silently, and deliver them late."""

    async def fault(scene: Scene) -> bool:
        with _network(scene, store) as proxies:
            for proxy in proxies:
                proxy.swallow([way])
            await asyncio.sleep(scene.longest)
        return True

    return fault


def slowed(store: str, way: Way) -> Fault:
    """Deliver every piece of one direction late."""

    async def fault(scene: Scene) -> bool:
        with _network(scene, store) as proxies:
            for proxy in proxies:
                proxy.slow([way], SLOW_SECONDS)
            await scene.wait(2, scene.longest)
        return True

    return fault


@contextmanager
def _network(scene: Scene, store: str) -> Iterator[list[Proxy]]:
    """The network between slot 0 and this store, mended at the end."""
    proxies = {BROKERS: scene.place.to_brokers, DATABASES: scene.place.to_database}[store]
    try:
        yield proxies
    finally:
        for proxy in proxies:
            proxy.mend()
