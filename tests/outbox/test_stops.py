"""A lane on which Kafka and the database contradict each other publishes nothing and reports what it found."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from purchasing_contracts.topics import OUTBOX

from service.outbox import Relay
from service.outbox import lane as lane_module
from service.outbox.cursor import read_tail
from service.outbox.status import LaneStatus
from service.runtime.retry import Backoff
from tests.outbox.world import OUT, World, defects, eventually, recreate_topics, relay_of, set_topic


def lane_0(relay: Relay) -> LaneStatus | None:
    return next((lane for lane in relay.status().lanes if lane.lane == 0), None)


def stopped(relay: Relay):
    return lambda: (lane := lane_0(relay)) is not None and lane.state == "stopped"


async def publish(world: World, count: int = 10) -> None:
    """Outputs of lane 0, published, and their relay gone."""
    await world.write(0, count)
    async with relay_of(world):
        await eventually("the first outputs are published", world.all_noted)


async def test_a_gap_in_the_positions_stops_the_lane_and_no_other(world: World) -> None:
    await world.write_everywhere(rounds=1, each=6)
    await world.pool.execute("delete from outbox where lane = 0 and position = 4")
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        await eventually("the others are published", lambda: others_noted(world))
        status = lane_0(relay)
        assert status is not None
        assert status.reason == (
            "position 4 of lane 0 is missing in the outbox, the next is 5: "
            "a row was deleted, or written without the lane's lock"
        )
    # What stands before the gap may be out, what stands behind it may not.
    assert not [record for record in await world.published() if record.lane == 0 and record.position >= 4]


async def others_noted(world: World) -> bool:
    noted = await world.noted()
    return all(noted.get(lane, 0) == len(ids) for lane, ids in world.written.items() if lane != 0)


RESTORED = (
    "with gone as (delete from outbox where lane = 0 and position > 6),"
    " back as (update lanes set position = 6 where lane = 0) update relay_notes set position = 6"
)
CONTRADICTIONS = {
    "the database was restored from before what was published": (
        RESTORED,
        (
            "position 10 of lane 0 was published, but the newest in the database is 9: "
            "the database was restored from before it"
        ),
    ),
    "the database was restored and has gone on": (
        (
            'with other as (update outbox set value = \'{"id": "other"}\' where lane = 0 and position > 6)'
            " update relay_notes set position = 6"
        ),
        (
            "position 10 of lane 0 in the database is not the output that was published there: "
            "the database was restored from before it and has gone on"
        ),
    ),
    "Kafka lost what was committed": (
        "update relay_notes set position = 11",
        "the cursor of lane 0 is at position 10, but position 11 was published: Kafka lost what was committed",
    ),
}


@pytest.mark.parametrize("story", CONTRADICTIONS)
async def test_a_lane_stops_when(world: World, story: str) -> None:
    change, reason = CONTRADICTIONS[story]
    await publish(world)
    await world.pool.execute(change)
    before = await world.published()
    await world.write(0, 3)
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        status = lane_0(relay)
        assert status is not None
        assert status.reason == reason
        assert relay.status().stopped == (status,)
    assert await world.published() == before


async def test_a_lane_stops_when_the_database_loses_its_newest_rows_under_it(world: World) -> None:
    await world.write(0, 10)
    async with relay_of(world) as relay:
        await eventually("they are published", world.all_noted)
        # A failover to a replica that lagged: the connections come back by themselves.
        await world.pool.execute(RESTORED)
        await world.write(0, 20)
        await eventually("lane 0 has stopped", stopped(relay))
        status = lane_0(relay)
        assert status is not None
        assert status.reason == (
            "position 10 of lane 0 was published but is no longer in the database, which has lost its newest rows"
        )
    assert len(await world.published()) == 10


async def test_a_lane_stops_on_the_cursor_of_another_outbox(world: World) -> None:
    await publish(world)
    was = await world.outbox_id()
    await world.pool.execute("update installation set outbox_id = gen_random_uuid()")
    await world.write(0, 5)
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        status = lane_0(relay)
        assert status is not None
        assert status.reason == (
            f"the cursor of lane 0 belongs to outbox {was}, this database is outbox {await world.outbox_id()}: "
            "Kafka or the database is not the intended one"
        )
    assert len(await world.published()) == 10


async def test_a_lane_stops_when_the_cursor_topic_was_lost(world: World) -> None:
    await publish(world)
    await recreate_topics(world.bootstrap)
    await world.write(0, 5)
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        status = lane_0(relay)
        assert status is not None
        assert status.reason == (
            f"lane 0 has no cursor in {OUTBOX.name}, but position 10 was published: "
            "the topic was lost or is another one"
        )
    assert await world.published() == []


async def test_a_lane_stops_on_a_record_in_the_cursor_topic_that_is_no_cursor(world: World) -> None:
    await publish(world)
    producer = await world.producer()
    await producer.send_and_wait(OUTBOX.name, b"hello", b"0", partition=0)
    await producer.stop()
    await world.write(0, 5)
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        status = lane_0(relay)
        assert status is not None
        assert status.reason is not None
        assert "it is not a cursor" in status.reason
    assert len(await world.published()) == 10


async def test_a_stopped_lane_publishes_again_once_assigned_without_contradiction(
    world: World,
) -> None:
    await publish(world)
    await world.pool.execute("update relay_notes set position = 11")
    await world.write(0, 5)
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        await world.pool.execute("update relay_notes set position = 10")
        async with relay_of(world) as second:
            # A member more: the group assigns everything anew.
            await eventually("the second relay has joined", lambda: second.status().joined)
            await eventually("everything is published", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_an_output_too_large_for_its_topic_stops_only_its_lane_at_its_position(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "REFUSED", Backoff(first_seconds=0.2, longest_seconds=0.2))
    await set_topic(world.bootstrap, OUT[1], {"max.message.bytes": "4000"})
    await world.write(0, 5, topic=OUT[0])
    await world.write(0, 1, topic=OUT[1], pad=10_000)
    await world.write(0, 5, topic=OUT[1])
    await world.write_everywhere(rounds=3)
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        status = lane_0(relay)
        assert status is not None
        assert status.position == 5
        assert (
            status.reason == f"Kafka refuses the output of lane 0 at position 6 for {OUT[1]}: MessageSizeTooLargeError"
        )
        await eventually("the other lanes are published", lambda: others_noted(world))
        # The refused transaction left no trace: neither the records sent with it nor a cursor past it.
        tail = await read_tail(world.kafka, 0)
        assert tail.cursor is not None
        assert tail.cursor.position == 5
        assert [record.position for record in await world.published() if record.lane == 0] == [1, 2, 3, 4, 5]
        await set_topic(world.bootstrap, OUT[1], {"max.message.bytes": "1048588"})
        await eventually("once it is allowed, the lane goes on by itself", world.all_noted)
    await world.assert_each_once_and_in_order()


async def test_small_outputs_that_are_only_together_too_large_are_published_one_by_one(world: World) -> None:
    await set_topic(world.bootstrap, OUT[1], {"max.message.bytes": "4000"})
    await world.write(0, 40, topic=OUT[1], pad=300)
    async with relay_of(world) as relay:
        await eventually("everything is published", world.all_noted)
        status = lane_0(relay)
        assert status is not None
        assert status.transactions == 40
    await world.assert_each_once_and_in_order()


async def test_an_output_for_a_missing_topic_stops_the_lane_and_names_the_topic(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.kafka.clients.REQUEST_TIMEOUT_MS", 500)
    await world.write(0, 1, topic="purchasing.nowhere.v1")
    async with relay_of(world) as relay:
        await eventually("lane 0 has stopped", stopped(relay))
        status = lane_0(relay)
        assert status is not None
        assert status.reason == (
            "Kafka refuses the output of lane 0 at position 1 for purchasing.nowhere.v1: UnknownTopicOrPartitionError"
        )


@pytest.mark.parametrize(
    ("partitions", "problem"),
    [
        (3, f"{OUTBOX.name} has 3 partitions, the outbox has 4 lanes"),
        (None, f"there is no topic {OUTBOX.name}, or it may not be read: create the topics first"),
    ],
)
async def test_with_a_wrong_cursor_topic_the_relay_publishes_nothing_and_reports_why(
    world: World, partitions: int | None, problem: str
) -> None:
    admin = AIOKafkaAdminClient(**world.kafka)
    await admin.start()
    await admin.delete_topics([OUTBOX.name])
    await eventually("the topic is gone", lambda: is_gone(admin))
    if partitions:
        await admin.create_topics([NewTopic(OUTBOX.name, partitions, 1)])
    await admin.close()
    await world.write_everywhere(rounds=1)
    async with relay_of(world) as relay:
        await eventually("the relay says what is wrong", lambda: relay.status().problem == problem)
        assert relay.status().lanes == ()
        await recreate_topics(world.bootstrap)
        await eventually("as soon as the topic is right, it publishes", world.all_noted)
    assert defects(world.written, await world.published()) == []


async def is_gone(admin: AIOKafkaAdminClient) -> bool:
    return OUTBOX.name not in await admin.list_topics()
