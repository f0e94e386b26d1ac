"""Progress of the watermark: by batches where records come, by a look at the partition's end where none do."""

from aiokafka import AIOKafkaProducer, TopicPartition
from purchasing_contracts.topics import TOPICS

from tests.delivery.outside import case_events, order_id
from tests.delivery.service import eventually

PARTITIONS = sum(topic.partitions for topic in TOPICS if topic.direction == "in")
BEHIND = "select count(*) from input_progress where watermark is null or watermark <= $1"


async def test_every_partition_is_read_up_to_now_though_nothing_arrives_in_most(outside, site):
    for event in case_events("01", order_id()):
        await outside.send_and_settle(event)
    ((count,),) = await site.rows("select count(*) from input_progress")
    assert count == PARTITIONS
    ((now,),) = await site.rows("select clock_timestamp()")

    async def all_beyond():
        return await site.rows(BEHIND, now) == [(0,)]

    await eventually(all_beyond, f"all {PARTITIONS} partitions read up to {now}")


async def test_positions_are_committed_over_the_markers_of_transactions(outside):
    producer = AIOKafkaProducer(bootstrap_servers=outside.bootstrap, transactional_id=order_id())
    await producer.start()
    async with producer.transaction():
        sent = await producer.send_and_wait("purchasing.events.chargeback.v1", b"no JSON")
    await producer.stop()
    # One record and one marker behind it: the lag shows none.
    await outside.handled(TopicPartition(sent.topic, sent.partition), sent.offset + 1)
