"""The embedded broker is a real one: it keeps what it acknowledged, comes back, and says why when it can't."""

from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from purchasing_contracts.topics import TOPICS

from service.embedded import EmbeddedError, EmbeddedKafka
from service.embedded.jars import jars
from service.embedded.process import silent

TOPIC = TOPICS[0].name


async def send(kafka: EmbeddedKafka, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(TOPIC, value, partition=0)


async def values(kafka: EmbeddedKafka) -> list[bytes]:
    async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers) as consumer:
        partition = TopicPartition(TOPIC, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[bytes] = []
        while len(found) < end:
            found.append((await consumer.getone()).value)
        return found


async def test_a_broker_stopped_killed_and_started_again_has_its_port_and_its_records(
    fresh_kafka: EmbeddedKafka,
) -> None:
    address = fresh_kafka.bootstrap_servers
    await send(fresh_kafka, b"before the stop")
    await fresh_kafka.stop()
    assert not fresh_kafka.running
    await fresh_kafka.start()
    await send(fresh_kafka, b"before the kill")
    killed = fresh_kafka.pid
    await fresh_kafka.kill()
    assert not psutil.pid_exists(killed)
    await fresh_kafka.start()
    assert fresh_kafka.bootstrap_servers == address
    assert await values(fresh_kafka) == [b"before the stop", b"before the kill"]


async def test_a_frozen_broker_goes_on_where_it_was(fresh_kafka: EmbeddedKafka) -> None:
    fresh_kafka.pause()
    assert psutil.Process(fresh_kafka.pid).status() == psutil.STATUS_STOPPED
    fresh_kafka.resume()
    await send(fresh_kafka, b"after the frost")
    assert await values(fresh_kafka) == [b"after the frost"]


async def test_the_broker_makes_no_topic_by_itself(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.describe_topics(["purchasing.events.mistyped.v1"])
        assert "purchasing.events.mistyped.v1" not in await admin.list_topics()
    finally:
        await admin.close()


async def test_a_failed_start_names_the_reason_and_the_log(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka", settings={"broker.heartbeat.interval.ms": "soon"})
    with pytest.raises(EmbeddedError) as failure:
        await kafka.start()
    assert str(kafka.log) in str(failure.value)
    assert "broker.heartbeat.interval.ms" in str(failure.value)
    assert not kafka.running


async def test_a_broker_that_ends_while_starting_names_the_reason_and_the_log(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka")
    await kafka.start()
    await kafka.stop()
    (kafka.directory / "data" / "meta.properties").write_text("version=1\ncluster.id=another\nnode.id=7\n")
    with pytest.raises(EmbeddedError, match="ended while starting") as failure:
        await kafka.start()
    assert str(kafka.log) in str(failure.value)


def test_without_maven_and_without_jars_one_sentence_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURCHASING_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError) as failure:
        jars(silent)
    assert "needs Apache Maven (`mvn`) once" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("PURCHASING_CACHE_DIR", str(tmp_path / "a file" / "cache"))
    with pytest.raises(EmbeddedError, match="set PURCHASING_CACHE_DIR to a directory that can be written"):
        jars(silent)


def test_a_maven_that_fails_is_quoted_and_leaves_no_half_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho noise\necho '[ERROR] the repository is away'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{maven.parent}:/usr/bin:/bin")
    monkeypatch.setenv("PURCHASING_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(EmbeddedError, match="the repository is away") as failure:
        jars(silent)
    assert "noise" not in str(failure.value)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]
