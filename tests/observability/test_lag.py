"""Lag by the command, from broker and database alone, compared with Kafka's own tool."""

import asyncio
import json
import uuid

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from service.inbox.consumer import EVENT_TOPICS
from service.observability.lag import LagLook
from tests.observability.seen import ORDERS, kafkas_own, lag, service

P0 = TopicPartition(ORDERS, 0)


@pytest.fixture
def group() -> str:
    return f"lag-{uuid.uuid4().hex[:8]}"


async def commit(bootstrap: str, group: str, offsets: dict[TopicPartition, int]) -> None:
    """Commit for a group that no worker is in."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    consumer.assign(list(offsets))
    await consumer.start()
    await consumer.commit(offsets)
    await consumer.stop()


async def ends(bootstrap: str) -> dict[TopicPartition, int]:
    """The end of each event partition."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        partitions = [TopicPartition(topic, p) for topic in EVENT_TOPICS for p in range(6)]
        return dict(await consumer.end_offsets(partitions))


async def look(bootstrap: str, group: str, partition: TopicPartition = P0):
    """One partition as the service itself sees it."""
    async with LagLook({"bootstrap_servers": bootstrap}, group, EVENT_TOPICS) as looking:
        found = await looking.look()
    return next(one for one in found.partitions if (one.topic, one.partition) == partition), found.at


async def test_with_the_service_down_the_lag_equals_that_of_kafkas_own_tool(kafka, database, group):
    await commit(kafka, group, await ends(kafka))
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for n in range(7):
            await producer.send_and_wait(ORDERS, b"x", partition=n % 2)
    ours = await asyncio.to_thread(lag, kafka, database, group)
    theirs = await asyncio.to_thread(kafkas_own, kafka, group)
    assert len(theirs) == 30
    assert {place: one["messages"] for place, one in ours.items()} == theirs
    assert theirs[ORDERS, 0] == 4
    assert ours[ORDERS, 0]["seconds"] > 0
    assert ours[ORDERS, 2]["seconds"] == 0


async def test_a_topic_written_in_transactions_has_no_phantom_lag(kafka, database, group):
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=group)
    async with producer, producer.transaction():
        record = await (await producer.send(ORDERS, b"x", partition=0))
    # Up to behind the last message, as a consumer that never looks again commits: the marker lies behind it.
    await commit(kafka, group, {**await ends(kafka), P0: record.offset + 1})
    theirs = await asyncio.to_thread(kafkas_own, kafka, group)
    ours = await asyncio.to_thread(lag, kafka, database, group)
    assert theirs[ORDERS, 0] == 1
    assert (ours[ORDERS, 0]["messages"], ours[ORDERS, 0]["seconds"]) == (0, 0)


async def test_messages_taken_back_are_none_and_an_open_transaction_is_held_back(kafka, group):
    await commit(kafka, group, await ends(kafka))
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{group}-a") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(ORDERS, b"x", partition=0)
        held, _ = await look(kafka, group)
        await producer.abort_transaction()
    after, _ = await look(kafka, group)
    assert (held.messages, held.held_back) == (0, 1)
    assert (after.messages, after.held_back) == (0, 0)
    assert after.end > after.committed


async def test_seconds_are_the_age_of_the_oldest_message_not_handled_however_large_it_is(kafka, group):
    committed = await ends(kafka)
    await commit(kafka, group, committed)
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=1_000_000) as producer:
        first = await producer.send_and_wait(ORDERS, bytes(900_000), partition=0)
        await producer.send_and_wait(ORDERS, b"x", partition=0)
    one, now = await look(kafka, group)
    assert one.oldest_at == first.timestamp / 1000
    assert one.seconds(one.oldest_at + 90) == 90
    assert one.messages == 2
    assert one.seconds(now) is not None


async def test_a_group_that_never_read_has_all_of_it_before_it(kafka, group):
    one, _ = await look(kafka, group)
    assert one.committed is None
    assert one.goes_on_at == one.begin


async def test_where_one_of_the_two_is_away_the_other_is_shown(kafka, database):
    half = service("lag", "--json", bootstrap="127.0.0.1:9", database=database)
    assert half.returncode == 1
    assert "Kafka can't be reached: 127.0.0.1:9: Connection refused" in half.stderr
    assert json.loads(half.stdout)["partitions"] is None
    assert json.loads(half.stdout)["database"]["unpublished"] == {"0": 0, "1": 0, "2": 0, "3": 0}
    gone = "postgresql://somebody:secret@127.0.0.1:9/purchasing"
    other = service("lag", bootstrap=kafka, database=gone)
    assert other.returncode == 1
    assert "PostgreSQL can't be queried: Connection refused" in other.stderr
    assert ORDERS in other.stdout
    assert "secret" not in other.stderr + other.stdout


async def test_the_partition_that_was_read_least_far_is_named(kafka, database, group):
    async def progress(*rows: tuple[int, str | None]) -> str:
        connection = await asyncpg.connect(database)
        await connection.executemany(
            "insert into input_progress values ($1, $2, $3::text::timestamptz)", [(ORDERS, *row) for row in rows]
        )
        await connection.close()
        return (await asyncio.to_thread(service, "lag", bootstrap=kafka, database=database, group=group)).stdout

    assert "input read up to        unknown for some partition\n" in await progress()
    known = await progress((0, "2026-01-02"), (1, "2026-01-01"), (2, "2026-01-03"))
    assert f"s ago, held by {ORDERS}, partition 1\n" in known
    never_read = await progress((3, None))
    assert f"unknown for some partition, held by {ORDERS}, partition 3\n" in never_read


async def test_lost_offsets_are_reported(kafka, database, group):
    await commit(kafka, group, {**await ends(kafka), P0: 10_000_000})
    done = service("lag", bootstrap=kafka, database=database, group=group)
    assert done.returncode == 3
    assert "its next records are gone" in done.stdout


async def test_a_look_that_is_cancelled_while_it_lets_go_lets_go_of_everything(group: str) -> None:
    closed: list[str] = []
    hangs = asyncio.Event()

    class Client:
        def __init__(self, name: str) -> None:
            self.name = name

        async def stop(self) -> None:
            closed.append(self.name)
            if self.name == "admin":
                hangs.set()
                await asyncio.Event().wait()

        close = stop

    looking = LagLook({"bootstrap_servers": "127.0.0.1:1"}, group, ())
    await looking.close()
    for name in ("admin", "committed", "uncommitted"):
        setattr(looking, f"_{name}", Client(name))
    closing = asyncio.create_task(looking.close())
    await hangs.wait()
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert sorted(closed) == ["admin", "committed", "uncommitted"]
