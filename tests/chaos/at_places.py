"""Harm at a failpoint: the worker killed or frozen there, or one of its tasks held up."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.scene import REACHED_SECONDS, Fault, Scene, within
from tests.chaos.worker import Worker

DEADLINE = "deadlines.claimed"
AT_START = ("inbox.assigned", "relay.before_init", "relay.before_cursor", "relay.before_check")
# A worker held there for so long loses its session in the group, and its transaction times out.
HELD_UP = ("batch.before_commit", "inbox.before_offset_commit", "relay.before_check", "relay.in_transaction")


def killed_at(place: str) -> Fault:
    """A worker that kills itself at the failpoint."""

    async def fault(scene: Scene) -> bool:
        async with armed(scene, place, "kill") as worker:
            scene.place.expect_end(worker)
            reached = await worker.ended(REACHED_SECONDS)
        if reached and worker.process.returncode != -signal.SIGKILL:
            scene.place.crashed(worker)
            reached = False
        await scene.place.kill(scene.slot)
        scene.place.start(scene.slot)
        return reached

    return fault


def frozen_at(place: str) -> Fault:
    """A worker that freezes at the failpoint until its sessions have expired."""

    async def fault(scene: Scene) -> bool:
        async with armed(scene, place, "stop") as worker:
            reached = await within(lambda: worker.frozen)
        if not reached:
            # It must not freeze later, when no fault would resume it.
            await scene.place.kill(scene.slot)
            scene.place.start(scene.slot)
            return False
        await asyncio.sleep(scene.longest)
        worker.send(signal.SIGCONT)
        return True

    return fault


def held_up_at(place: str) -> Fault:
    """A worker in which one task stands still at the failpoint, while its other tasks keep it ready."""

    async def fault(scene: Scene) -> bool:
        # Another hand may be about to hold up another slot.
        gate = scene.place.directory / f"gate-{scene.slot}-{scene.place.started}"
        async with armed(scene, place, f"wait:{gate}"):
            reached = await within(Path(f"{gate}.reached").exists)
        if reached:
            await asyncio.sleep(scene.longest)
        gate.touch()
        return reached

    return fault


def needs_lane(place: str) -> bool:
    """Whether only the owner of a lane passes the failpoint."""
    return place.startswith("relay.")


@asynccontextmanager
async def armed(scene: Scene, place: str, action: str) -> AsyncIterator[Worker]:
    """Replace the slot's worker by one that does this at the failpoint. If lanes are scarce and it needs one, the
    other workers, which would keep them, are stopped meanwhile; then they start and take over what they can."""
    others = [slot for slot in scene.place.slots if slot != scene.slot]
    gone = others if needs_lane(place) and scene.place.scarce(len(scene.place.slots)) else []
    for slot in (scene.slot, *gone):
        await scene.place.stop(slot)
    yield scene.place.start(scene.slot, f"{place}={action}@{_nth(scene, place)}")
    for slot in gone:
        scene.place.start(slot)


def _nth(scene: Scene, place: str) -> int:
    return 1 if place in (*AT_START, DEADLINE) else scene.rng.randint(1, scene.passes)
