"""The group's answers about lanes, also before this process has learned of a change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.protocol.group import LeaveGroupRequest

from service.outbox.cursor import CURSOR_TOPIC
from service.outbox.membership import Membership
from tests.outbox.world import LANES, SESSION_MS, World, eventually

ALL = frozenset(range(LANES))


@asynccontextmanager
async def member(world: World, session_ms: int = SESSION_MS) -> AsyncIterator[tuple[Membership, list[frozenset[int]]]]:
    said: list[frozenset[int]] = []
    membership = Membership(world.kafka, "some-outbox.relay", LANES, said.append, session_ms)
    running = asyncio.create_task(membership.run())
    try:
        yield membership, said
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_lane_is_ours_while_the_group_assigns_it_to_us(world: World) -> None:
    async with member(world) as (one, lanes_of_one):
        await eventually("it has all lanes", lambda: lanes_of_one and lanes_of_one[-1] == ALL)
        assert [await one.still_ours(lane) for lane in range(LANES)] == [True] * LANES
        async with member(world) as (other, lanes_of_other):
            await eventually("each has two", lambda: {len(lanes_of_one[-1]), len((lanes_of_other or [ALL])[-1])} == {2})
            for lane in range(LANES):
                assert await one.still_ours(lane) == (lane in lanes_of_one[-1])
                assert await other.still_ours(lane) == (lane in lanes_of_other[-1])


async def test_lanes_stay_with_who_has_them_when_a_member_joins(world: World) -> None:
    async with member(world) as (_, lanes_of_one):
        await eventually("it has all lanes", lambda: lanes_of_one and lanes_of_one[-1] == ALL)
        async with member(world) as (_, second), member(world) as (_, third):
            await eventually(
                "each has some", lambda: lanes_of_one[-1] != ALL and second and second[-1] and third and third[-1]
            )
            assert lanes_of_one[-1] < ALL
            moved = lanes_of_one[-1]
        await eventually("the others are gone", lambda: lanes_of_one[-1] == ALL)
        assert all(moved <= lanes for lanes in lanes_of_one)


async def test_an_expelled_member_does_not_own_its_lane_before_it_notices(world: World) -> None:
    # Heartbeats so far apart that it can't notice by itself.
    async with member(world, session_ms=60_000) as (one, lanes_of_one):
        await eventually("it has all lanes", lambda: lanes_of_one and lanes_of_one[-1] == ALL)
        coordinator = one._consumer._coordinator
        await coordinator._send_req(LeaveGroupRequest(coordinator.group_id, coordinator.member_id))
        assert one.joined
        assert not await one.still_ours(0)


async def test_without_a_broker_the_question_has_no_answer(world: World) -> None:
    membership = Membership({"bootstrap_servers": "127.0.0.1:1"}, "some-outbox.relay", LANES, lambda _: None)
    assert not await membership.still_ours(0)
    assert not membership.joined


async def test_an_answer_that_comes_after_a_rebalance_does_not_count(world: World) -> None:
    """aiokafka repeats a commit that failed, under the generation it has by then."""
    said: list[frozenset[int]] = []
    membership = Membership(world.kafka, "some-outbox.relay", LANES, said.append)

    class Rebalancing:
        def partitions_for_topic(self, _topic: str) -> range:
            return range(LANES)

        def pause(self, *_partitions: TopicPartition) -> None: ...

        async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(partitions, 0)

        async def commit(self, _offsets: object) -> None:
            membership.on_partitions_revoked(())
            membership.on_partitions_assigned([TopicPartition(CURSOR_TOPIC, 3)])

    membership._consumer = Rebalancing()
    membership.on_partitions_assigned([TopicPartition(CURSOR_TOPIC, 0)])
    assert not await membership.still_ours(0)
    assert said == [{0}, {3}]
