"""Left-over futures of aiokafka are not reported, everything else is; and a broker that is away is not hammered at."""

import asyncio
import gc
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, ProducerFenced

from service.embedded import EmbeddedKafka
from service.kafka.compat import outage_noise
from service.kafka.compat.client_shutdown import close_consumer
from service.kafka.compat.outage_noise import pause_between_attempts, quiet_left_over_futures
from tests.waiting import eventually


@pytest.mark.parametrize(("error", "reported"), [(ProducerFenced(), 0), (ValueError("ours"), 1)])
@pytest.mark.parametrize("handled", [True, False])
async def test_only_kafkas_own_left_overs_are_silenced(
    error: Exception, reported: int, handled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    seen: list[dict[str, Any]] = []
    if handled:
        loop.set_exception_handler(lambda _, context: seen.append(context))
    quiet_left_over_futures(loop)
    future = loop.create_future()
    future.set_exception(error)
    del future
    gc.collect()
    told = len(seen) if handled else len([r for r in caplog.records if r.name == "asyncio"])
    assert told == reported


async def drop_a_fenced_producer(kafka: str) -> None:
    """Leaves the futures inside aiokafka that nobody awaits to the collector."""
    topic, name = "purchasing.decisions.v1", f"left-over-{uuid.uuid4().hex}"
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=name)
    await producer.start()
    await producer.begin_transaction()
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=name):
        with pytest.raises(ProducerFenced):
            await producer.send_and_wait(topic, b"{}")
    await producer.stop()
    del producer
    gc.collect()


async def test_a_fenced_producer_leaves_futures_that_are_reported_unless_quieted(kafka: str) -> None:
    loop = asyncio.get_running_loop()
    seen: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: seen.append(context))
    await drop_a_fenced_producer(kafka)
    reported = [(context["message"], type(context["exception"])) for context in seen]
    assert ("Future exception was never retrieved", ProducerFenced) in reported
    seen.clear()
    quiet_left_over_futures(loop)
    await drop_a_fenced_producer(kafka)
    assert seen == []


async def test_metadata_of_a_lost_broker_is_asked_for_with_pauses(
    fresh_kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its one partition has no leader, so the consumer needs metadata; then the broker goes away as well."""
    partition = TopicPartition("purchasing.decisions.v1", 0)
    kafka = {"bootstrap_servers": fresh_kafka.bootstrap_servers}
    loop, librarys = asyncio.get_running_loop(), outage_noise._librarys_metadata_update
    began: list[float] = []
    ended: list[float] = []

    async def watched(*arguments: Any) -> bool:
        began.append(loop.time())
        updated: bool = await librarys(*arguments)
        ended.append(loop.time())
        return updated

    def pauses() -> list[float]:
        return [begin - end for end, begin in zip(ended, began[1:], strict=False)]

    before = asyncio.all_tasks()
    consumer = AIOKafkaConsumer(**kafka, metadata_max_age_ms=100)
    consumer.assign([partition])
    await consumer.start()
    try:
        admin = AIOKafkaAdminClient(**kafka)
        await admin.start()
        await admin.delete_topics([partition.topic])
        await admin.close()
        await eventually(lambda: consumer.partitions_for_topic(partition.topic) is None, "a partition without a leader")
        await fresh_kafka.kill()
        monkeypatch.setattr(outage_noise, "_librarys_metadata_update", watched)
        await eventually(lambda: len(pauses()) > 5, "attempts with pauses")
        backoff = consumer._client._retry_backoff
        assert min(pauses()) > 0.9 * backoff
        # aiokafka's own way.
        monkeypatch.setattr(AIOKafkaClient, "_metadata_update", watched)
        await eventually(lambda: min(pauses()) < 0.1 * backoff, "attempts without pauses")
    finally:
        await close_consumer(consumer)
    assert asyncio.all_tasks() == before


async def test_a_client_that_reached_no_broker_pauses_before_it_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(outage_noise, "asyncio", SimpleNamespace(sleep=sleep))
    # Set once more, so that it is as before when the test ends.
    monkeypatch.setattr(AIOKafkaClient, "_metadata_update", AIOKafkaClient._metadata_update)
    pause_between_attempts()
    pause_between_attempts()
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:9")
    assert not await client._metadata_update(client.cluster, [])
    with pytest.raises(KafkaError, match="Unable to get cluster metadata"):
        await client.fetch_all_metadata()
    assert pauses == [0.1, 0.1]
