"""Two publishers of one lane in one process: what the transactional id protects, and what happens without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.kafka.clients import new_producer
from service.kafka.connection import Kafka
from service.outbox import lane as lane_module
from service.outbox.errors import LaneStopped
from service.outbox.lane import Lane
from service.outbox.reader import OutboxReader
from service.outbox.refund_limit import RefundLimit
from tests.outbox.world import World, defects, eventually

UNREAD = "purchasing.events.order.v1"


async def ours(_lane: int) -> bool:
    return True


async def not_ours(_lane: int) -> bool:
    return False


@asynccontextmanager
async def lane_of(world: World, still_ours=ours) -> AsyncIterator[Lane]:
    journal = OutboxReader(world.pool)
    installation = await journal.installation()
    assert installation is not None
    lane = Lane(0, installation, journal, world.kafka, still_ours, RefundLimit(world.pool))
    lane.start()
    try:
        yield lane
    finally:
        await lane.stop()


def in_state(lane: Lane, *states: str):
    return lambda: lane.status().state in states


async def test_a_predecessor_that_knows_nothing_is_shut_out(world: World) -> None:
    async with lane_of(world, not_ours) as old:
        await eventually("the old one waits for work", in_state(old, "waiting"))
        async with lane_of(world) as new:
            await eventually("the new one waits for work", in_state(new, "waiting"))
            await world.write(0, 20)
            old.wake()
            new.wake()
            await eventually("everything is published", world.all_noted)
            await eventually("the old one has noticed", in_state(old, "given up"))
            assert old.status().published == 0
    await world.assert_each_once_and_in_order()


async def test_without_the_fence_the_same_doubles_so_the_reader_would_have_seen_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(100))

    def fenceless(kafka: Kafka, transactional_id: str):
        return new_producer(kafka, f"{transactional_id}.{next(numbers)}")

    monkeypatch.setattr(lane_module, "new_producer", fenceless)
    async with lane_of(world) as old, lane_of(world) as new:
        await eventually("both wait for work", lambda: in_state(old, "waiting")() and in_state(new, "waiting")())
        await world.write(0, 20)
        old.wake()
        new.wake()
        await eventually("both have published", lambda: old.status().published == new.status().published == 20)
    complaints = defects(world.written, await world.published())
    assert sum(complaint.startswith("twice") for complaint in complaints) == 20


async def test_a_fenced_lane_starts_again_only_if_the_group_assigns_it_to_us(world: World) -> None:
    asked: list[int] = []

    async def not_any_more(lane: int) -> bool:
        asked.append(lane)
        return False

    async with lane_of(world, not_any_more) as lane:
        await eventually("it waits for work", in_state(lane, "waiting"))
        rival = await world.producer(f"{await world.outbox_id()}.0")
        await world.write(0, 3)
        lane.wake()
        await eventually("it was shut out", in_state(lane, "given up"))
        async with rival.transaction():
            await eventually("the lane has asked the group several times", lambda: len(asked) >= 3)
            # This fails if the lane has initialised itself once more.
            await rival.send_and_wait(UNREAD, b"still the newest")
        await rival.stop()
        assert lane.status().state == "given up"
        lane.assigned_anew()
        await eventually("assigned anew, it publishes", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_a_fenced_lane_the_group_still_holds_to_be_ours_goes_on_by_itself(world: World) -> None:
    async with lane_of(world, ours) as lane:
        await eventually("it waits for work", in_state(lane, "waiting"))
        rival = await world.producer(f"{await world.outbox_id()}.0")
        await rival.stop()
        await world.write(0, 3)
        lane.wake()
        await eventually("it publishes", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_while_the_group_cannot_be_asked_a_lane_that_was_shut_out_stays_so(world: World) -> None:
    asked: list[int] = []

    async def unreachable(lane: int) -> bool:
        asked.append(lane)
        raise OSError("no broker")

    async with lane_of(world, unreachable) as lane:
        await eventually("it waits for work", in_state(lane, "waiting"))
        rival = await world.producer(f"{await world.outbox_id()}.0")
        await world.write(0, 3)
        lane.wake()
        async with rival.transaction():
            await eventually("the lane has asked the group several times", lambda: len(asked) >= 3)
            await rival.send_and_wait(UNREAD, b"still the newest")
        await rival.stop()
        assert lane.status().state == "given up"


async def test_outputs_of_the_successor_of_a_frozen_lane_are_no_loss(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_tail = lane_module.read_tail
    read, published = asyncio.Event(), asyncio.Event()

    async def read_and_freeze(kafka: Kafka, number: int):
        tail = await read_tail(kafka, number)
        if not read.is_set():
            read.set()
            await published.wait()
        return tail

    monkeypatch.setattr(lane_module, "read_tail", read_and_freeze)
    async with lane_of(world, not_ours) as old:
        await read.wait()
        async with lane_of(world) as new:
            await world.write(0, 5)
            new.wake()
            await eventually("the new one has published and noted it", world.all_noted)
            published.set()
            await world.write(0, 5)
            old.wake()
            await eventually("the old one has noticed that it was shut out", in_state(old, "given up"))
            new.wake()
            await eventually("the new one goes on", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_an_assignment_that_comes_while_a_lane_is_about_to_stop_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = lane_module.check
    lanes: list[Lane] = []

    async def refuse_once(*asked):
        if lanes:
            lanes.pop().assigned_anew()
            raise LaneStopped("what it saw is over by now")
        return await check(*asked)

    monkeypatch.setattr(lane_module, "check", refuse_once)
    async with lane_of(world, not_ours) as lane:
        lanes.append(lane)
        await world.write(0, 3)
        await eventually("it publishes", world.all_noted)
    await world.assert_each_once_and_in_order()
