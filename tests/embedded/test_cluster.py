"""The clusters are real ones: what they confirmed outlives the loss of a node."""

import asyncio

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from purchasing_contracts.topics import TOPICS

from service.embedded import EmbeddedKafkaCluster, ReplicatedPostgres
from service.kafka.topics import create_topics, durability_problems, topic_problems
from tests.conftest import NO_FSYNC
from tests.waiting import HANG_SECONDS

TOPIC = TOPICS[0].name


async def test_three_brokers_keep_and_take_records_while_one_of_them_is_gone(tmp_path):
    async with EmbeddedKafkaCluster(tmp_path, 3, temporary=True) as cluster, asyncio.timeout(HANG_SECONDS):
        kafka = {"bootstrap_servers": cluster.bootstrap_servers}
        await create_topics(kafka, lanes=1)
        assert await topic_problems(kafka, lanes=1) == []
        assert await durability_problems(kafka) == []
        async with AIOKafkaProducer(**kafka, acks="all") as producer:
            await producer.send_and_wait(TOPIC, b"before", partition=0)
            leader = producer.client.cluster.leader_for_partition(TopicPartition(TOPIC, 0))
            await cluster.nodes[leader].kill()
            await producer.send_and_wait(TOPIC, b"without its leader", partition=0)
        assert await _values(cluster) == [b"before", b"without its leader"]
        await cluster.start()
        assert all(node.running for node in cluster.nodes.values())


async def _values(cluster):
    async with AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap_servers) as consumer:
        partition = TopicPartition(TOPIC, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        return [(await consumer.getone()).value for _ in range(2)]


async def test_the_synchronous_standby_has_what_the_primary_committed(tmp_path):
    async with ReplicatedPostgres(tmp_path, settings=dict(NO_FSYNC), temporary=True) as cluster:
        assert (cluster.primary, cluster.synchronous) == (1, 2)
        await _execute(cluster, "create table kept (number int)", "insert into kept values (1)")
        await cluster.nodes[1].kill()
        await cluster.promote(2)
        await _execute(cluster, "insert into kept values (2)")
        await cluster.rejoin(1)
        assert (cluster.primary, cluster.synchronous) == (2, 1)
        await _execute(cluster, "insert into kept values (3)")
        await cluster.nodes[2].kill()
        # Started again, the roles are as they were, and the third server comes by a copy of its own.
        await cluster.stop()
        await cluster.start()
        assert cluster.primary == 2
        connection = await asyncpg.connect(cluster.dsn)
        try:
            assert [number for (number,) in await connection.fetch("select number from kept order by 1")] == [1, 2, 3]
        finally:
            await connection.close()


async def _execute(cluster, *statements):
    connection = await asyncpg.connect(cluster.dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
