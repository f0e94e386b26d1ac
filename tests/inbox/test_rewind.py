"""Who may take a group's offsets back, and when it is left alone."""

import uuid
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer
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
