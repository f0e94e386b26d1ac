"""The rewind: who may move a group's offsets back, how far, and when it leaves them alone."""

import uuid
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from service.inbox.rewind import EVENT_TOPICS, rewind
from service.kafka.topics import partitions_there


async def test_rewind_waits_for_empty_group_even_when_no_offset_moves(kafka):
    where, group = {"bootstrap_servers": kafka}, f"rewind-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(**where)
    await admin.start()
    partitions = await partitions_there(admin, EVENT_TOPICS)
    await admin.close()
    handled = {(p.topic, p.partition): datetime.now(UTC) + timedelta(days=1) for p in partitions}

    assert await rewind(where, group, handled, alone=True), "a group that never read anything"
    member = AIOKafkaConsumer(*EVENT_TOPICS, **where, group_id=group, enable_auto_commit=False)
    await member.start()
    try:
        await member.commit({partition: await member.position(partition) for partition in partitions})
        assert await rewind(where, group, handled, alone=False)
        assert not await rewind(where, group, handled, alone=True)
    finally:
        await member.stop()
    assert await rewind(where, group, handled, alone=True)


async def test_rewind_finds_what_is_missing_though_the_databases_clock_is_minutes_ahead(fresh_kafka):
    where, group = {"bootstrap_servers": fresh_kafka.bootstrap_servers}, f"rewind-{uuid.uuid4().hex[:8]}"
    partition = TopicPartition(EVENT_TOPICS[0], 0)
    async with AIOKafkaProducer(**where) as producer:
        lost = await producer.send_and_wait(partition.topic, b"lost", partition=partition.partition)
    consumer = AIOKafkaConsumer(**where, group_id=group, enable_auto_commit=False)
    consumer.assign([partition])
    await consumer.start()
    try:
        await consumer.commit({partition: lost.offset + 1})
        # By its own clock the database had read everything up to a moment before that record came.
        handled = datetime.fromtimestamp(lost.timestamp / 1000, UTC) + timedelta(minutes=9)
        assert await rewind(where, group, {tuple(partition): handled}, alone=True)
        assert await consumer.committed(partition) <= lost.offset
    finally:
        await consumer.stop()
