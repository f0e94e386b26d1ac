"""`purchasing-contracts validate --bootstrap` gets in by the same variables as the service, and reads with them."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaProducer
from purchasing_contracts.cli import main

from tests.contracts.wire import CHARGEBACK, event, text

CLOSED = "purchasing.chargeback.closed.v1"


@pytest.fixture
def validate(monkeypatch, capsys):
    """Run the command on the topic at this listener with these variables, and return its output."""

    async def run(settings, *more):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        bootstrap = settings["PURCHASING_KAFKA_BOOTSTRAP_SERVERS"]
        arguments = ["validate", "--bootstrap", bootstrap, "--topic", CHARGEBACK, *more]
        code = await asyncio.to_thread(main, arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


async def written(broker):
    key = uuid.uuid4().hex
    async with AIOKafkaProducer(bootstrap_servers=broker.kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(CHARGEBACK, text(event(CLOSED, id=key, subject=key)), key.encode())


@pytest.mark.parametrize("way", ["certificate", "token", "user"])
async def test_each_way_in_reads_the_topic(strict_broker, validate, tmp_path, way):
    await written(strict_broker)
    if way == "user":
        name, password = strict_broker.user()
        settings = {
            **strict_broker.settings("SASL_PLAINTEXT"),
            "PURCHASING_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
            "PURCHASING_KAFKA_SASL_USERNAME": name,
            "PURCHASING_KAFKA_SASL_PASSWORD": f"{password}\n",
        }
    else:
        settings = strict_broker.with_certificate(tmp_path) if way == "certificate" else strict_broker.with_token()
    code, out, err = await validate(settings)
    assert (code, err) == (0, "")
    assert " 0 refused" in out


async def test_a_client_that_the_token_endpoint_refuses_is_reported_without_its_secret(strict_broker, validate):
    wrong = {"PURCHASING_KAFKA_SASL_OAUTH_CLIENT_SECRET": "planted-wrong"}
    code, out, err = await validate(strict_broker.with_token() | wrong)
    assert (code, out) == (2, "")
    assert "the token endpoint refuses the client (HTTP 401, invalid_client): check PURCHASING_KAFKA_SASL_OAUTH" in err
    assert "planted" not in err


async def test_the_mechanisms_that_the_broker_offers_are_reported(strict_broker, validate):
    settings = {
        **strict_broker.settings("SASL_PLAINTEXT"),
        "PURCHASING_KAFKA_SASL_MECHANISM": "PLAIN",
        "PURCHASING_KAFKA_SASL_USERNAME": "user",
        "PURCHASING_KAFKA_SASL_PASSWORD": "planted",
    }
    code, _, err = await validate(settings)
    assert code == 2
    assert "SCRAM-SHA-256" in err
    assert "PLAIN" in err
    assert "planted" not in err


async def test_a_setting_that_is_missing_is_named(strict_broker, validate):
    settings = strict_broker.with_token()
    del settings["PURCHASING_KAFKA_SASL_OAUTH_CLIENT_ID"]
    code, _, err = await validate(settings)
    assert (code, "PURCHASING_KAFKA_SASL_OAUTH_CLIENT_ID is not set, but" in err) == (2, True)
