"""Relays that die, freeze, come back and leave: each output still once, each lane's in order."""

import asyncio
import signal

import pytest

from tests.outbox.workers import Worker, frozen, worker
from tests.outbox.world import LANES, World, eventually

EVERYTHING = set(range(LANES))


@pytest.mark.parametrize(
    "place",
    [
        "relay.before_init",
        "relay.in_transaction",
        "relay.in_transaction@7",
        "relay.after_commit",
        "relay.after_commit@8",
    ],
)
async def test_a_relay_killed_at_this_place_has_nothing_doubled_or_lost(world: World, place: str) -> None:
    name, _, nth = place.partition("@")
    await world.write_everywhere(rounds=4)
    # Each pass of the place is a transaction: rows for more of them than are there at the start.
    async with worker(world, f"{name}=kill@{nth or 1}") as first:
        while first.alive:
            await world.write_everywhere(rounds=1)
        assert await first.end() == -signal.SIGKILL
        async with worker(world) as second:
            await eventually("the second relay publishes the rest", world.all_noted)
            second.send(signal.SIGTERM)
            assert await second.end() == 0
    await world.assert_each_once_and_in_order()


@pytest.mark.parametrize("place", ["relay.before_init", "relay.in_transaction", "relay.after_commit"])
async def test_a_frozen_relay_that_wakes_after_its_lanes_were_taken_doubles_nothing(world: World, place: str) -> None:
    await world.write_everywhere(rounds=4)
    async with worker(world, f"{place}=stop") as zombie:
        await frozen(zombie)
        async with worker(world) as heir:

            def both() -> str:
                return f"the zombie: {zombie.state()}\nthe heir: {heir.state()}"

            await eventually("the heir publishes everything", world.all_noted)
            zombie.send(signal.SIGCONT)
            # Its reports count only once it knows of the other: until then it believes that all lanes are its own.
            await eventually("the zombie and the heir share the lanes", lambda: shared(zombie, heir), both)
            before = zombie.published

            async def zombie_publishes() -> bool:
                await world.write_everywhere(rounds=1)
                return zombie.published > before

            await eventually("the zombie publishes", zombie_publishes, both)
            await eventually("all is published", world.all_noted, both)
            if place == "relay.in_transaction":
                assert zombie.states() & {"given up", "starting over"}, both()
    await world.assert_each_once_and_in_order()


def shared(*relays: Worker) -> bool:
    """Whether each has lanes by its last report, none of them has a lane of another, and no lane is missing."""
    said = [lane for relay in relays for lane in relay.lanes]
    return all(relay.lanes for relay in relays) and sorted(said) == sorted(EVERYTHING)


async def test_two_relays_share_the_lanes_and_when_one_leaves_the_other_takes_them_all(world: World) -> None:
    async with worker(world) as one, worker(world) as other:
        await eventually("each has two lanes", lambda: (len(one.lanes), len(other.lanes)) == (2, 2))
        writing = asyncio.create_task(world.write_everywhere(rounds=150))
        await eventually("both publish", lambda: one.published and other.published)
        one.send(signal.SIGTERM)
        assert await one.end() == 0
        await eventually("the other has all lanes", lambda: other.lanes == EVERYTHING)
        await writing
        await eventually("everything is published", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_a_relay_killed_between_two_that_live_loses_its_lanes_to_them(world: World) -> None:
    async with worker(world) as one, worker(world) as victim, worker(world) as third:
        await eventually("each has a lane", lambda: shared(one, victim, third))
        writing = asyncio.create_task(world.write_everywhere(rounds=150))
        await eventually("the victim publishes", lambda: victim.published > 0)
        victim.send(signal.SIGKILL)
        await eventually("the others have all lanes", lambda: one.lanes | third.lanes == EVERYTHING)
        await writing
        await eventually("everything is published", world.all_noted)
    await world.assert_each_once_and_in_order()
