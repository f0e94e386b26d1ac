"""The world of the relay's tests: an outbox filled by hand, and an independent reader of the records in Kafka.

Rows are written as the engine writes them: positions taken from the lane's row under its lock, in one transaction with
the rows. The reader is another client library (librdkafka), `read_committed`.
"""

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from purchasing_contracts.topics import OUTBOX, TOPICS

from service.kafka.topics import create_topics
from service.outbox import Relay
from service.outbox.lane import Report
from service.outbox.refund_limit import NO_LIMITS
from tests import waiting

LANES = 4
OUT = tuple(topic.name for topic in TOPICS if topic.direction == "out")
SESSION_MS = 2_000

TAKE = "update lanes set position = position + $2 where lane = $1 returning position"
WRITE = """
insert into outbox (lane, position, order_id, order_version, topic, key, id, value, decided_at, timed)
select $1, n, $3, n, $4, $3, value::json->>'id', convert_to(value, 'UTF8'), now(), $6
from unnest($5::text[]) with ordinality as given (value, n0), lateral (select $2 + n0 as n) as counted
"""


@dataclass(frozen=True)
class Published:
    """One record as an outsider reads it. `at` is its place: topic and partition."""

    id: str
    key: str
    lane: int
    position: int
    at: tuple[str, int]
    content_type: str


class World:
    """A database's outbox and a broker, for one test."""

    def __init__(self, dsn: str, bootstrap: str, pool: asyncpg.Pool) -> None:
        self.dsn = dsn
        self.bootstrap = bootstrap
        self.pool = pool
        self.kafka = {"bootstrap_servers": bootstrap}
        self.written: dict[int, list[str]] = defaultdict(list)

    async def outbox_id(self) -> str:
        return str(await self.pool.fetchval("select outbox_id from installation"))

    async def write(self, lane: int, count: int, *, timed: bool = False, topic: str = "", pad: int = 0) -> None:
        """Put outputs of one order into a lane, and notify the channel."""
        values = [json.dumps({"id": uuid.uuid4().hex, "pad": "." * pad}) for _ in range(count)]
        async with self.pool.acquire() as connection, connection.transaction():
            last = await connection.fetchval(TAKE, lane, count)
            order = f"order-{lane}-{uuid.uuid4().hex[:6]}"
            where = topic or OUT[last % len(OUT)]
            await connection.execute(WRITE, lane, last - count, order, where, values, timed)
            await connection.execute("select pg_notify('purchasing_outbox', $1)", str(lane))
        self.written[lane] += [json.loads(value)["id"] for value in values]

    async def write_everywhere(self, rounds: int, each: int = 7) -> None:
        for _ in range(rounds):
            for lane in range(LANES):
                await self.write(lane, each)

    async def noted(self) -> dict[int, int]:
        return dict(await self.pool.fetch("select lane, position from relay_notes"))

    async def all_noted(self) -> bool:
        noted = await self.noted()
        return all(noted.get(lane, 0) == len(ids) for lane, ids in self.written.items())

    async def published(self) -> list[Published]:
        """Everything committed in the output topics, each partition's in its order, once no transaction is open."""
        await eventually("no transaction is open", lambda: asyncio.to_thread(none_is_open, self.bootstrap))
        return await asyncio.to_thread(read_all, self.bootstrap)

    async def assert_each_once_and_in_order(self) -> None:
        """Assert that each written output is there once, each lane's in order within every partition, and nothing
        else."""
        complaints = defects(self.written, await self.published())
        assert not complaints, complaints

    async def producer(self, transactional_id: str | None = None) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(**self.kafka, transactional_id=transactional_id)
        await producer.start()
        return producer


def defects(written: dict[int, list[str]], found: Iterable[Published]) -> list[str]:
    """The complaints that an outsider would have."""
    complaints: list[str] = []
    wanted = {id_: (lane, n) for lane, ids in written.items() for n, id_ in enumerate(ids, 1)}
    seen: dict[str, Published] = {}
    last: dict[tuple[tuple[str, int], int], int] = {}
    for record in found:
        if record.id in seen:
            complaints.append(f"twice: lane {record.lane} position {record.position}")
        elif wanted.get(record.id) != (record.lane, record.position):
            complaints.append(f"not what was written: lane {record.lane} position {record.position}")
        seen[record.id] = record
        way = (record.at, record.lane)
        if record.position <= last.get(way, 0):
            complaints.append(f"out of order: lane {record.lane} position {record.position} in {record.at}")
        last[way] = record.position
        if record.content_type != "application/cloudevents+json":
            complaints.append(f"content type: {record.content_type}")
    complaints += [f"missing: lane {lane} position {n}" for id_, (lane, n) in wanted.items() if id_ not in seen]
    return complaints


def none_is_open(bootstrap: str) -> bool:
    """Whether readers see all there is. A producer learns that its transaction is committed before the markers are
    written with which readers see it.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = admin.list_topics(timeout=waiting.HANG_SECONDS).topics
    ends = {TopicPartition(name, n): OffsetSpec.latest() for name in OUT for n in topics[name].partitions}
    try:
        seen, written = (
            [one.result().offset for one in admin.list_offsets(ends, isolation_level=level).values()]
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
    except KafkaException as error:
        # A partition that was just made has no leader for a moment.
        if error.args[0].code() == KafkaError.NOT_LEADER_FOR_PARTITION:
            return False
        raise
    return seen == written


def read_all(bootstrap: str) -> list[Published]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"outsider-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    partitions = [
        TopicPartition(name, number, 0)
        for name, topic in consumer.list_topics(timeout=waiting.HANG_SECONDS).topics.items()
        if name in OUT
        for number in topic.partitions
    ]
    found: list[Published] = []
    left = {(p.topic, p.partition) for p in partitions}
    consumer.assign(partitions)
    while left:
        message = consumer.poll(waiting.HANG_SECONDS)
        assert message is not None, f"no end of {sorted(left)} within {waiting.HANG_SECONDS:g} s: a transaction hangs"
        place = (message.topic(), message.partition())
        if message.error():
            assert message.error().name() == "_PARTITION_EOF", message.error()
            left.discard(place)
            continue
        headers = dict(message.headers())
        found.append(
            Published(
                json.loads(message.value())["id"],
                message.key().decode(),
                int(headers["lane"]),
                int(headers["position"]),
                place,
                headers["content-type"].decode(),
            )
        )
    consumer.close()
    return found


async def eventually(what: str, seen: Callable[[], object], state: Callable[[], str] = lambda: "") -> None:
    """Wait until it is seen; if it never is, the error has `state`."""
    await waiting.eventually(seen, what, state)


@asynccontextmanager
async def relay_of(
    world: World,
    pool: asyncpg.Pool | None = None,
    report: Report = lambda *_: None,
    refund_limits: Mapping[str, int] = NO_LIMITS,
) -> AsyncIterator[Relay]:
    """A relay in this process, stopped at the end as the service stops it."""
    relay = Relay(pool or world.pool, world.kafka, session_ms=SESSION_MS, report=report, refund_limits=refund_limits)
    running = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert running.cancelled(), running


async def recreate_topics(bootstrap: str) -> None:
    """Empty topics: another database's outbox has left its cursors in them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [*OUT, OUTBOX.name]
        await admin.delete_topics(names)
        await eventually("the topics are gone", lambda: _gone(admin, names))
    finally:
        await admin.close()
    await create_topics({"bootstrap_servers": bootstrap}, LANES)


async def _gone(admin: AIOKafkaAdminClient, names: list[str]) -> bool:
    return not set(names) & set(await admin.list_topics())


async def set_topic(bootstrap: str, topic: str, settings: dict[str, str]) -> None:
    """Returns once the broker applies them: the controller answers before the broker has learned of it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic)]
        while True:
            (answer,) = await admin.describe_configs(resources)
            if settings.items() <= {entry[0]: entry[1] for entry in answer.resources[0][4]}.items():
                return
            await asyncio.sleep(0.01)
    finally:
        await admin.close()
