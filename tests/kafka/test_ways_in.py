"""Every way into Kafka, for the worker and the commands: a client's certificate, and a token that expires meanwhile."""

import asyncio
import json

import pytest
from aiokafka import AIOKafkaProducer

from tests.delivery.outside import case_events, topic_for
from tests.delivery.service import Worker, eventually
from tests.security.site import service

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


@pytest.mark.parametrize("way", ["certificate", "token", "scram"])
async def test_every_command_that_needs_kafka_gets_in(strict_broker, database, tmp_path, way):
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


async def test_a_worker_outlives_its_tokens_without_a_word(strict_broker, database, worker_logs, database_rows):
    provider, bootstrap = strict_broker.provider, strict_broker.kafka.bootstrap_servers
    provider.lifetime = SHORT_LIFE_SECONDS
    settings = {**strict_broker.with_token(), "PURCHASING_LOG_LEVEL": "warning"}
    settings["PURCHASING_KAFKA_SASL_OAUTH_SCOPE"] = "kafka read"
    settings["PURCHASING_KAFKA_SASL_OAUTH_EXTENSIONS"] = "logicalCluster=lkc-1"
    async with Worker(bootstrap, database, worker_logs, "outlives", **settings) as worker:
        for turn in range(3):
            issued = len(provider.asked)
            order = f"ord-token-{turn}"
            await send(bootstrap, case_events("13", order))

            async def refunded(order=order):
                rows = await database_rows(
                    "select 1 from outbox o join relay_notes n using (lane) where o.position <= n.position"
                    " and o.key = $1 and o.topic = 'purchasing.commands.refund.v1'",
                    order,
                )
                return len(rows) == 1

            await eventually(refunded, f"the refund of {order} published", worker.log.read_text)
            await eventually(lambda issued=issued: len(provider.asked) > issued, "another token", worker.log.read_text)
        worker.stop()
        assert await worker.ended() == 0
    assert provider.asked[-1] == {"grant_type": ["client_credentials"], "scope": ["kafka read"]}
    assert worker.log.read_text() == ""
