"""Harm at a named place of the service's code: killed, frozen, or one task held up there."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.scene import REACHED_SECONDS, Fault, Scene, within
from tests.chaos.worker import Worker

DEADLINE = "deadlines.claimed"
AT_START = ("inbox.assigned", "relay.before_init", "relay.before_cursor", "relay.before_check")
# Frozen or held up there, the worker's session in the group and its transaction both come to their end.
HELD_UP = ("batch.before_commit", "inbox.before_offset_commit", "relay.before_check", "relay.in_transaction")


def killed_at(place: str) -> Fault:
    """A worker that kills itself there."""

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
    """A worker that freezes there, until everybody has given it up."""

    async def fault(scene: Scene) -> bool:
        async with armed(scene, place, "stop") as worker:
            reached = await within(lambda: worker.frozen)
        if not reached:
            # Not to freeze later, when nobody is there to wake it.
            await scene.place.kill(scene.slot)
            scene.place.start(scene.slot)
            return False
        await asyncio.sleep(scene.longest)
        worker.send(signal.SIGCONT)
        return True

    return fault


def held_up_at(place: str) -> Fault:
    """A worker in which one task stands still there, while the others go on and say that it is alive."""

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
    """Whether only who has a lane comes there."""
    return place.startswith("relay.")


@asynccontextmanager
async def armed(scene: Scene, place: str, action: str) -> AsyncIterator[Worker]:
    """The slot's worker, replaced by one that does this at the place. Where lanes are scarce and it needs one, the
    others are gone meanwhile, who would keep it; then they come and take over what they can."""
    others = [slot for slot in scene.place.slots if slot != scene.slot]
    gone = others if needs_lane(place) and scene.place.scarce(len(scene.place.slots)) else []
    for slot in (scene.slot, *gone):
        await scene.place.stop(slot)
    yield scene.place.start(scene.slot, f"{place}={action}@{_nth(scene, place)}")
    for slot in gone:
        scene.place.start(slot)


def _nth(scene: Scene, place: str) -> int:
    return 1 if place in (*AT_START, DEADLINE) else scene.rng.randint(1, scene.passes)
