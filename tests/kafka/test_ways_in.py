"""Every way into Kafka, for the worker and the commands: a client's certificate, and a token that expires meanwhile."""

import asyncio
import json

import pytest
from aiokafka import AIOKafkaProducer

from tests.delivery.outside import case_events, topic_for
from tests.delivery.service import Worker, eventually
from tests.security.site import recreate_topics, service

COMMANDS = (("topics", "check"), ("lag",), ("doctor",), ("lanes", "show"), ("outbox", "verify"))
SHORT_LIFE_SECONDS = 12.0
PLANTED = ("planted-", "Bearer ")


def ways(broker, directory):
    user = broker.user()
    scram = {
        **broker.settings("SASL_PLAINTEXT"),
        "PURCHASING_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
        "PURCHASING_KAFKA_SASL_USERNAME": user[0],
        "PURCHASING_KAFKA_SASL_PASSWORD": f"{user[1]}\n",
    }
    return {"certificate": broker.with_certificate(directory), "token": broker.with_token(), "scram": scram}


@pytest.fixture
async def fresh_topics(strict_broker):
    """Topics in which no other database has left anything."""
    await recreate_topics(strict_broker.kafka.bootstrap_servers)


@pytest.mark.parametrize("way", ["certificate", "token", "scram"])
async def test_every_command_that_needs_kafka_gets_in(strict_broker, fresh_topics, database, tmp_path, way):
    settings = ways(strict_broker, tmp_path)[way]
    for command in COMMANDS:
        done = await asyncio.to_thread(service, *command, **settings, DATABASE_URL=database)
        # 3: nobody is in the group, no terms were imported.
        assert done.returncode in (0, 3), (command, done.stdout, done.stderr)
        assert not any(secret in done.stdout + done.stderr for secret in PLANTED)


async def send(bootstrap, events):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for event in events:
            value = json.dumps(event).encode()
            await producer.send_and_wait(topic_for(event), value, event["subject"].encode())


@pytest.fixture
def refunded(strict_broker, fresh_topics, database_rows):
    """An order whose refund is published by the worker at work."""

    async def play(order, worker):
        await send(strict_broker.kafka.bootstrap_servers, case_events("13", order))

        async def published():
            rows = await database_rows(
                "select 1 from outbox o join relay_notes n using (lane) where o.position <= n.position"
                " and o.key = $1 and o.topic = 'purchasing.commands.refund.v1'",
                order,
            )
            return len(rows) == 1

        await eventually(published, f"the refund of {order} published", worker.log.read_text)

    return play


def loud(worker):
    return [line for line in worker.log_lines() if line["level"] in ("warning", "error")]


async def test_a_worker_outlives_its_tokens_without_a_word(strict_broker, database, worker_logs, refunded):
    provider = strict_broker.provider
    provider.lifetime = SHORT_LIFE_SECONDS
    settings = {**strict_broker.with_token(), "PURCHASING_LOG_LEVEL": "debug"}
    settings["PURCHASING_KAFKA_SASL_OAUTH_SCOPE"] = "kafka read"
    settings["PURCHASING_KAFKA_SASL_OAUTH_EXTENSIONS"] = "logicalCluster=lkc-1"
    async with Worker("", database, worker_logs, "outlives", **settings) as worker:
        for turn in range(3):
            issued = len(provider.asked)
            await refunded(f"ord-token-{turn}", worker)
            await eventually(lambda issued=issued: len(provider.asked) > issued, "another token", worker.log.read_text)
        worker.stop()
        assert await worker.ended() == 0
    assert provider.asked[-1] == {"grant_type": ["client_credentials"], "scope": ["kafka read"]}
    assert loud(worker) == []
    text = worker.log.read_text()
    assert "partitions_assigned" in text
    assert not any(secret in text for secret in (*PLANTED, "eyJ"))


async def test_a_worker_goes_on_once_tokens_are_issued_again(strict_broker, database, worker_logs, refunded):
    provider = strict_broker.provider
    provider.lifetime = SHORT_LIFE_SECONDS
    async with Worker("", database, worker_logs, "goes-on", **strict_broker.with_token()) as worker:
        await refunded("ord-before", worker)
        provider.answer = (503, b"")
        # Until the last token has expired and a connection was refused for it.
        because = "the token endpoint answers with HTTP 503"

        def cut_off():
            return any(because in line["message"] for line in loud(worker))

        await eventually(cut_off, "a connection without a token", worker.log.read_text)
        provider.answer = None
        await refunded("ord-after", worker)
        worker.stop()
        assert await worker.ended() == 0
