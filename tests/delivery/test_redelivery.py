"""Topics read again from their start: everything in them is known, so nothing new is published."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from purchasing_contracts.topics import TOPICS

from tests.delivery.outside import ORDERS, case_events, order_id
from tests.delivery.service import eventually

IN = {topic.name: topic.partitions for topic in TOPICS if topic.direction == "in"}
COUNTS = """
select (select count(*) from outbox) as outputs, (select count(*) from facts) as facts,
       (select count(*) from quarantine) as quarantined, (select max(received_at) from facts) as last_received
"""


async def test_a_group_that_reads_all_topics_again_publishes_nothing_new(site, outside):
    orders = [order_id() for _ in range(3)]
    for order, case in zip(orders, ("13", "36", "48"), strict=True):
        for event in case_events(case, order):
            await outside.send_and_settle(event)
    where, offset = await outside.send_raw(ORDERS, b"again", b"no JSON")
    await outside.handled(where, offset)
    before = await site.rows(COUNTS)

    async with site.worker("purchasing-again") as again:
        await again.has_logged("partitions_assigned")
        await read_to_the_end(site, "purchasing-again")
    assert again.process.returncode == 0
    assert await site.rows(COUNTS) == before

    # Everything that ever was published here, the new worker's time included: each output once.
    async with site.outside(past=True) as reader:
        for order in orders:
            seen = await reader.settled(order)
            assert [one.version for one in seen] == list(range(1, len(seen) + 1))
        await reader.to_the_end()
        ids = [one.event["id"] for seen in reader.by_key.values() for one in seen]
    assert len(ids) == len(set(ids)) == before[0]["outputs"]


async def read_to_the_end(site, group):
    """Wait until the group has committed everything in the event topics."""
    consumer = AIOKafkaConsumer(bootstrap_servers=site.bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(name, n) for name, count in IN.items() for n in range(count)]
    ends = await consumer.end_offsets(partitions)

    async def at_the_end():
        return all([(await consumer.committed(partition) or 0) >= ends[partition] for partition in partitions])

    try:
        await eventually(at_the_end, f"group {group} at the end of all topics")
    finally:
        await consumer.stop()
