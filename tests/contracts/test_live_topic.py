"""`purchasing-contracts validate --bootstrap`: a real topic is read and left as it was."""

import asyncio
import sys
import uuid
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from purchasing_contracts.cli import main

from tests.contracts.wire import CHARGEBACK, event, text

CLOSED = "purchasing.chargeback.closed.v1"


async def write(bootstrap: str, records: list[tuple[bytes | None, bytes]], *, aborted: bool = False) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=str(uuid.uuid4())) as producer:
        await producer.begin_transaction()
        for key, value in records:
            await (await producer.send(CHARGEBACK, value, key))
        await (producer.abort_transaction() if aborted else producer.commit_transaction())


async def groups_and_topics(bootstrap: str) -> tuple[list[Any], list[str]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        # Kafka makes itself a topic for offsets as soon as anybody asks about a group.
        topics = [name for name in await admin.list_topics() if not name.startswith("__")]
        return sorted(await admin.list_consumer_groups()), sorted(topics)
    finally:
        await admin.close()


async def test_a_live_topic_is_checked_to_its_end_and_left_as_it_was(fresh_kafka: Any, capsys: Any) -> None:
    bootstrap = fresh_kafka.bootstrap_servers
    good = [(order.encode(), text(event(CLOSED, id=order, subject=order))) for order in ("a", "b", "c", "d")]
    await write(bootstrap, [*good, (b"e", b"{}"), (None, text(event(CLOSED)))])
    await write(bootstrap, [(b"f", b"never committed")], aborted=True)
    before = await groups_and_topics(bootstrap)

    code = await asyncio.to_thread(main, ["validate", "--bootstrap", bootstrap, "--topic", CHARGEBACK])

    said = capsys.readouterr().out
    assert code == 1
    assert said.splitlines()[-1] == "6 messages: 4 right, 2 refused (key_mismatch 1, not_cloudevent 1)"
    assert "partition " in said
    assert ", offset " in said
    assert await groups_and_topics(bootstrap) == before


@pytest.mark.parametrize("topic", [CHARGEBACK])
def test_a_broker_that_does_not_answer_is_reported(topic: str, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purchasing_contracts.live.ANSWER_LIMIT_SECONDS", 1.0)

    assert main(["validate", "--bootstrap", "localhost:1", "--topic", topic]) == 2
    assert "no broker answers" in capsys.readouterr().err


def test_without_a_client_the_command_names_what_to_install(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)

    assert main(["validate", "--bootstrap", "localhost:1", "--topic", CHARGEBACK]) == 2
    assert "pip install 'purchasing-contracts[live]'" in capsys.readouterr().err


def test_a_setting_that_the_client_does_not_know_is_reported(capsys: Any) -> None:
    arguments = ["validate", "--bootstrap", "localhost:1", "--topic", CHARGEBACK, "--config", "no.such.thing=1"]

    assert main(arguments) == 2
    assert "no.such.thing" in capsys.readouterr().err
