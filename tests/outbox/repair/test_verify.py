"""`outbox verify`: the output topics compared with the journal, and its sentence about each kind of fault."""

import asyncio
import json
import os
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from tests.forkserver import run
from tests.orders.archiving import archive
from tests.outbox.world import LANES, OUT, TopicPartition, World, eventually, relay_of
from tests.waiting import HANG_SECONDS

EACH = 7


async def verify(world: World) -> tuple[int, dict[str, Any]]:
    environment = {
        **os.environ,
        "PURCHASING_DATABASE_URL": world.dsn,
        "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": world.bootstrap,
    }
    done = await asyncio.to_thread(run, "service", ["outbox", "verify", "--json"], environment, HANG_SECONDS)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    return done.returncode, {kind: number for kind, number in found["counts"].items() if number} | {
        "complaints": found["complaints"]
    }


@pytest.fixture
async def published(world: World) -> World:
    """A world in which everything written is published."""
    async with relay_of(world):
        await world.write_everywhere(2, EACH)
        await eventually("published", world.all_noted)
    return world


async def send(world: World, topic: str, value: bytes, lane: int | None, position: int, key: bytes = b"k") -> None:
    producer = await world.producer()
    headers = [] if lane is None else [("lane", str(lane).encode()), ("position", str(position).encode())]
    await producer.send_and_wait(topic, value, key, headers=headers)
    await producer.stop()


async def remove_records(world: World, topic: str) -> None:
    """As the topic's retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, n): RecordsToDelete(before_offset=-1) for n in range(6)})
    finally:
        await admin.close()


async def row(world: World, lane: int, position: int) -> tuple[str, bytes, bytes]:
    found = await world.pool.fetchrow(
        "select topic, value, key from outbox where lane = $1 and position = $2", lane, position
    )
    return found["topic"], found["value"], found["key"].encode()


async def test_the_relay_published_what_the_journal_contains(published: World) -> None:
    assert await verify(published) == (0, {"right": 8 * EACH, "complaints": []})


async def test_unpublished_outputs_are_not_missing(published: World) -> None:
    await published.write(2, 5)
    assert await verify(published) == (0, {"right": 8 * EACH, "waiting": 5, "complaints": []})


async def test_a_record_twice_is_doubled(published: World) -> None:
    topic, value, key = await row(published, 1, 3)
    await send(published, topic, value, 1, 3, key)
    code, found = await verify(published)
    assert (code, found["doubled"], found["right"]) == (1, 1, 8 * EACH)
    assert "lane 1 position 3" in found["complaints"][0]


async def test_a_position_that_is_noted_and_nowhere_is_missing(published: World) -> None:
    await published.write(0, 1)
    await published.pool.execute("update relay_notes set position = position + 1 where lane = 0")
    code, found = await verify(published)
    assert (code, found["missing"]) == (1, 1)
    assert f"lane 0 position {2 * EACH + 1}" in found["complaints"][0]


async def test_another_value_topic_or_key_than_the_journal_s_is_different(published: World) -> None:
    await published.pool.execute("update outbox set value = 'other' where lane = 0 and position = 2")
    await published.pool.execute("update outbox set key = 'other' where lane = 1 and position = 2")
    await published.pool.execute("update outbox set topic = 'other' where lane = 2 and position = 2")
    code, found = await verify(published)
    assert (code, found["different"], found["right"]) == (1, 3, 8 * EACH - 3)
    assert [one.split(" in ")[0] for one in sorted(found["complaints"])] == [
        f"different: lane {lane} position 2" for lane in range(3)
    ]


async def test_a_later_position_in_front_of_an_earlier_one_is_out_of_order(published: World) -> None:
    await published.write(3, 2, topic=OUT[0])
    last = 2 * EACH
    for position in (last + 2, last + 1):
        topic, value, key = await row(published, 3, position)
        await send(published, topic, value, 3, position, key)
    code, found = await verify(published)
    assert (code, found["out of order"]) == (1, 1)
    assert f"lane 3 position {last + 1}" in found["complaints"][0]


async def test_records_that_the_journal_lacks_and_foreign_records_are_reported(published: World) -> None:
    await send(published, OUT[0], b"x", 0, 9_999)
    await send(published, OUT[0], b"x", 77, 1)
    await send(published, OUT[0], b"x", None, 0)
    code, found = await verify(published)
    assert (code, found["unknown"], found["nobody's"]) == (1, 2, 1)


async def test_records_removed_by_retention_are_not_missing(published: World) -> None:
    await remove_records(published, OUT[1])
    gone = await published.pool.fetchval("select count(*) from outbox where topic = $1", OUT[1])
    code, found = await verify(published)
    assert gone > 0
    assert (code, found["removed"], found["right"], found["complaints"]) == (0, gone, 8 * EACH - gone, [])


async def test_archived_outputs_are_compared_like_those_in_the_journal(published: World) -> None:
    gone = await published.pool.fetchval("select count(*) from outbox where topic = $1", OUT[1])
    orders = await published.pool.fetch(
        "insert into orders (order_id, lane, version) select order_id, lane, gen_random_uuid() from outbox"
        " where position = 1 returning order_id"
    )
    async with published.pool.acquire() as connection:
        moved = await archive(connection, *(row[0] for row in orders))
    await published.pool.execute("update outbox set value = 'other' where lane = 0 and position = 8")
    before = await verify(published)
    await remove_records(published, OUT[1])
    code, found = await verify(published)

    assert len(moved) == LANES
    assert before[1]["right"] == 8 * EACH - 1
    assert before[1]["complaints"][0].startswith("different: lane 0 position 8")
    assert found["removed"] == gone
    assert "missing" not in found
    assert code == int("different" in found)
