"""The causes that make a lane look for rows, and the position that it stores afterwards."""

import asyncio

import pytest

from service.outbox import lane as lane_module
from service.outbox import relay as relay_module
from service.outbox.reader import Following, OutboxReader
from tests.outbox.world import LANES, World, eventually, relay_of

NEVER = 3600.0


async def all_wait(relay) -> None:
    await eventually(
        "every lane waits for work",
        lambda: [lane.state for lane in relay.status().lanes] == ["waiting"] * LANES,
    )


async def listening(world: World) -> bool:
    return bool(
        await world.pool.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%'"
        )
    )


async def test_a_notification_of_postgresql_wakes_the_lane(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "POLL_SECONDS", NEVER)
    async with relay_of(world) as relay:
        await all_wait(relay)
        await eventually("the relay listens", lambda: listening(world))
        await world.write(2, 3)
        await eventually("it is published", world.all_noted)


async def test_the_batch_in_the_same_process_wakes_the_lane(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "POLL_SECONDS", NEVER)
    monkeypatch.setattr(relay_module, "CHANNEL", "nobody_notifies_here")
    async with relay_of(world) as relay:
        await all_wait(relay)
        await world.write(2, 3)
        relay.wake([2, 77])
        await eventually("it is published", world.all_noted)


async def test_a_lane_that_nobody_wakes_looks_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(relay_module, "CHANNEL", "nobody_notifies_here")
    async with relay_of(world) as relay:
        await all_wait(relay)
        await world.write(2, 3)
        await eventually("it is published", world.all_noted)


async def test_a_lane_that_published_all_rows_looks_for_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "POLL_SECONDS", NEVER)
    async with relay_of(world) as relay:
        await all_wait(relay)
        await eventually("the relay listens", lambda: listening(world))
        looks = []
        following = OutboxReader.following

        async def counted(journal: OutboxReader, lane: int, *arguments: int) -> Following:
            looks.append(lane)
            return await following(journal, lane, *arguments)

        monkeypatch.setattr(OutboxReader, "following", counted)
        await world.write(2, 3)
        await eventually("it is published", world.all_noted)
        await all_wait(relay)
        await world.write(2, 3)
        await eventually("it is published", world.all_noted)
        assert looks == [2, 2]


async def test_a_connection_that_listened_and_broke_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "POLL_SECONDS", NEVER)
    async with relay_of(world) as relay:
        await all_wait(relay)
        await eventually("the relay listens", lambda: listening(world))
        await world.pool.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        await eventually("it has noticed", lambda: not_listening(world))
        await eventually("the relay listens again", lambda: listening(world))
        await world.write(1, 3)
        await eventually("it is published", world.all_noted)
    await world.assert_each_once_and_in_order()


async def not_listening(world: World) -> bool:
    return not await listening(world)


async def test_only_timed_outputs_get_a_time_of_publication(world: World) -> None:
    await world.write(0, 3)
    await world.write(0, 2, timed=True)
    async with relay_of(world):
        await eventually("they are published", world.all_noted)
        await world.write(0, 2, timed=True)
        await world.write(0, 4)
        await eventually("the later ones are published", world.all_noted)
    rows = await world.pool.fetch(
        "select p.position, o.order_id = p.order_id and o.order_version = p.order_version as same,"
        " p.published_at > o.decided_at as later"
        " from publications p join outbox o using (lane, position) order by p.position"
    )
    assert [tuple(row) for row in rows] == [(n, True, True) for n in (4, 5, 6, 7)]


async def test_a_committed_position_that_was_not_stored_is_stored_by_the_next_relay(world: World) -> None:
    await world.write(0, 3, timed=True)
    async with relay_of(world):
        await eventually("they are published", world.all_noted)
    await world.pool.execute("delete from publications")
    await world.pool.execute("update relay_notes set position = 1 where lane = 0")
    async with relay_of(world):
        await eventually("the note has caught up", world.all_noted)
    positions = await world.pool.fetch("select position from publications order by position")
    assert [row["position"] for row in positions] == [2, 3]
    await world.assert_each_once_and_in_order()


async def test_a_relay_waits_for_a_database_that_is_not_migrated(world: World) -> None:
    outbox_id = await world.outbox_id()
    await world.pool.execute("delete from installation")
    async with relay_of(world) as relay:
        await eventually("it says so", lambda: relay.status().problem)
        assert relay.status().problem == "the database has no outbox id: it was not migrated to the end"
        await world.pool.execute("insert into installation (outbox_id, lanes) values ($1, 4)", outbox_id)
        await world.write(0, 1)
        await eventually("then it publishes", world.all_noted)
        assert relay.status().problem is None


async def test_cancelling_ends_a_relay_that_still_waits_for_its_database(world: World) -> None:
    await world.pool.execute("delete from installation")
    async with relay_of(world) as relay:
        await eventually("it waits", lambda: relay.status().problem)
        await asyncio.sleep(0)
