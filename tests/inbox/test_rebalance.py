"""A rebalance during which a batch is stored, in a real group."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition

from service.inbox.consumer import EVENT_TOPICS, Inbox
from tests.waiting import eventually

GROUP = "group"
ORDERS = "purchasing.events.order.v1"


class Member(ConsumerRebalanceListener):
    """Another member of the group, which joins a rebalance only while `joins` is set."""

    def __init__(self) -> None:
        self.joins = asyncio.Event()
        self.joins.set()

    async def on_partitions_revoked(self, _revoked: set[TopicPartition]) -> None:
        await self.joins.wait()

    def on_partitions_assigned(self, _assigned: set[TopicPartition]) -> None:
        pass

    @asynccontextmanager
    async def in_group(self, bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer that joins the group in the background."""
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False)
        await consumer.start()
        consumer.subscribe(EVENT_TOPICS, listener=self)
        try:
            yield consumer
        finally:
            self.joins.set()
            await consumer.stop()


async def test_a_batch_stored_during_a_rebalance_causes_no_further_rebalance(fresh_kafka):
    bootstrap = fresh_kafka.bootstrap_servers
    kafka = {"bootstrap_servers": [bootstrap], "security_protocol": "PLAINTEXT"}
    store = asyncio.Event()

    async def handle(_records):
        await store.wait()

    def fail(error):
        raise error

    inbox = Inbox(kafka, GROUP, handle, asyncio.Event(), fail)
    other = Member()
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        stack.push_async_callback(producer.stop)
        await inbox.start()
        stack.push_async_callback(inbox.stop)
        looking = await stack.enter_async_context(other.in_group(bootstrap))
        await eventually(lambda: inbox.assignment == 2, "both to be members")

        async def send_to_the_inbox() -> TopicPartition:
            partition = min(p for p in inbox.consumer.assignment() if p.topic == ORDERS)
            await producer.send_and_wait(ORDERS, b"{}", partition=partition.partition)
            return partition

        await send_to_the_inbox()
        await eventually(lambda: inbox.in_progress, "a batch in hand")
        other.joins.clear()
        await stack.enter_async_context(Member().in_group(bootstrap))
        await eventually(lambda: inbox.assignment is None, "a rebalance, which waits for the other member")
        store.set()
        await eventually(lambda: not inbox.in_progress, "the batch to be stored")
        other.joins.set()
        await eventually(lambda: (inbox.assignment or 0) >= 3, "the group to be complete")

        partition = await send_to_the_inbox()

        async def committed() -> bool:
            (end,) = (await looking.end_offsets([partition])).values()
            return await looking.committed(partition) == end

        await eventually(committed, "all of the partition to be committed")
        assert inbox.assignment == 3
