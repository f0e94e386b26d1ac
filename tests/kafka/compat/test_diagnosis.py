"""The diagnosis of a refused connection names what the broker wants and the setting that says otherwise."""

import asyncio
import ssl

import pytest
import trustme
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from service.kafka.connection import connection_of
from service.observability.reachability import UnreachableError, broker_problem
from service.runtime.settings import load
from tests.delivery.service import Worker
from tests.kafka.identity_provider import IdentityProvider
from tests.security.site import service

PROTOCOL = "PURCHASING_KAFKA_SECURITY_PROTOCOL"
MECHANISM = "PURCHASING_KAFKA_SASL_MECHANISM"
USER = {"PURCHASING_KAFKA_SASL_USERNAME": "user", "PURCHASING_KAFKA_SASL_PASSWORD": "planted-password"}


@pytest.fixture
def problem(monkeypatch):
    """The reason why the broker refuses these settings, and whether only a person can mend it."""

    async def ask(settings):
        for name, value in {**settings, "PURCHASING_DATABASE_URL": "postgresql://x@y/z"}.items():
            monkeypatch.setenv(name, value)
        try:
            words = await broker_problem(connection_of(load()))
        except UnreachableError as error:
            return str(error), True
        assert words is not None
        return words, False

    return ask


def in_words(broker, listener, words):
    return f"Kafka can't be reached: {broker.kafka.address(listener)}: {words}."


@pytest.mark.parametrize(
    ("listener", "ours", "words"),
    [
        ("SSL", "PLAINTEXT", f"it speaks TLS on this port: set {PROTOCOL} to SSL or SASL_SSL, not PLAINTEXT"),
        ("SASL_SSL", "PLAINTEXT", f"it speaks TLS on this port: set {PROTOCOL} to SASL_SSL, not PLAINTEXT"),
        ("SASL_PLAINTEXT", "SSL", f"it speaks no TLS on this port: set {PROTOCOL} to SASL_PLAINTEXT, not SSL"),
        (
            "SASL_PLAINTEXT",
            "PLAINTEXT",
            f"it requires SASL with SCRAM-SHA-256: set {PROTOCOL} to SASL_PLAINTEXT, not PLAINTEXT, and {MECHANISM}",
        ),
        (
            "SASL_SSL",
            "SSL",
            f"it requires SASL with OAUTHBEARER, SCRAM-SHA-512: set {PROTOCOL} to SASL_SSL, not SSL, and {MECHANISM}",
        ),
    ],
)
async def test_a_wrong_protocol_is_named_with_the_right_one(strict_broker, problem, listener, ours, words):
    settings = {**strict_broker.settings(listener), PROTOCOL: ours}
    settings["PURCHASING_KAFKA_SSL_CAFILE"] = str(strict_broker.ca_file)
    assert await problem(settings) == (in_words(strict_broker, listener, words), True)


@pytest.mark.parametrize(("listener", "ours"), [("SASL_SSL", "PLAINTEXT"), ("SASL_PLAINTEXT", "SSL")])
async def test_aiokafka_itself_reports_the_same_for_every_cause(strict_broker, listener, ours, unpatched):
    tls = {"ssl_context": ssl.create_default_context(cafile=strict_broker.ca_file)} if ours == "SSL" else {}
    address = strict_broker.kafka.address(listener)
    client = AIOKafkaClient(bootstrap_servers=address, security_protocol=ours, **tls)
    with pytest.raises(KafkaConnectionError) as raised:
        await client.bootstrap()
    host, port = address.split(":")
    assert (
        str(raised.value)
        == f"KafkaConnectionError: Unable to bootstrap from [('{host}', {port}, <AddressFamily.AF_INET: 2>)]"
    )
    await client.close()


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
async def test_a_port_without_sasl_or_tls_is_reported_to_a_client_that_uses_both(strict_broker, problem, protocol):
    address = strict_broker.kafka.bootstrap_servers
    settings = {**USER, PROTOCOL: protocol, "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": address}
    what = "accepts no SASL" if protocol == "SASL_PLAINTEXT" else "speaks no TLS"
    words = f"it {what} on this port: set {PROTOCOL} to PLAINTEXT, not {protocol}"
    assert await problem(settings) == (f"Kafka can't be reached: {address}: {words}.", True)


@pytest.mark.parametrize(
    ("listener", "ours", "offered"),
    [
        ("SASL_PLAINTEXT", "PLAIN", "SCRAM-SHA-256"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-512", "SCRAM-SHA-256"),
        ("SASL_PLAINTEXT", "OAUTHBEARER", "SCRAM-SHA-256"),
        ("SASL_SSL", "PLAIN", "OAUTHBEARER, SCRAM-SHA-512"),
        ("SASL_PLAINTEXT", "AWS_MSK_IAM", "SCRAM-SHA-256"),
    ],
)
async def test_a_mechanism_the_broker_lacks_is_named_with_those_it_has(strict_broker, problem, listener, ours, offered):
    settings = {**strict_broker.with_token(), **USER, **strict_broker.settings(listener), MECHANISM: ours}
    settings["PURCHASING_KAFKA_SASL_AWS_REGION"] = "eu-central-1"
    words = f"it offers {offered}, not {ours}: set {MECHANISM}"
    assert await problem(settings) == (in_words(strict_broker, listener, words), True)


async def test_an_authority_that_is_not_trusted_is_named(strict_broker, problem, tmp_path):
    settings = strict_broker.with_certificate(tmp_path)
    trustme.CA().cert_pem.write_to_path(tmp_path / "another.pem")
    words, by_person = await problem(settings | {"PURCHASING_KAFKA_SSL_CAFILE": str(tmp_path / "another.pem")})
    assert by_person
    assert "its certificate is not accepted (" in words
    assert words.endswith("): PURCHASING_KAFKA_SSL_CAFILE must contain its certificate authority.")


async def test_a_certificate_of_another_host_is_named(strict_broker, problem, tmp_path):
    settings = strict_broker.with_certificate(tmp_path)
    # The same address, by a name that is not in the certificate.
    address = strict_broker.kafka.address("SSL").replace("127.0.0.1", "127.1")
    words, by_person = await problem(settings | {"PURCHASING_KAFKA_BOOTSTRAP_SERVERS": address})
    assert by_person
    assert "its certificate is for another host (Hostname mismatch" in words
    assert "PURCHASING_KAFKA_BOOTSTRAP_SERVERS" in words


@pytest.mark.parametrize("shown", ["none", "a stranger's"])
async def test_a_broker_that_requires_a_certificate_is_recognised(strict_broker, problem, tmp_path, shown):
    settings = strict_broker.settings("SSL")
    if shown != "none":
        settings = strict_broker.with_certificate(tmp_path, trustme.CA())
    words, by_person = await problem(settings)
    assert by_person
    assert "it requires a client certificate, or refuses the one that was sent (" in words
    assert words.endswith("): check PURCHASING_KAFKA_SSL_CERTFILE and PURCHASING_KAFKA_SSL_KEYFILE.")


async def test_a_token_that_the_broker_refuses_is_reported(strict_broker, problem):
    with IdentityProvider().serving() as stranger:
        settings = {
            **strict_broker.with_token(),
            "PURCHASING_KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL": f"{stranger.url}/token",
        }
        words, by_person = await problem(settings)
    # The broker may learn of new keys by itself.
    assert not by_person
    assert "Kafka refuses the token" in words


async def test_a_wrong_password_is_for_a_person(strict_broker, problem):
    settings = {**strict_broker.settings("SASL_PLAINTEXT"), **USER, MECHANISM: "SCRAM-SHA-256"}
    words, by_person = await problem(settings)
    assert by_person
    assert "Kafka refuses the user or the password" in words
    assert "planted" not in words


async def test_a_worker_ends_if_only_a_person_can_help_and_doctor_reports_the_same(
    strict_broker, database, worker_logs
):
    settings = {**strict_broker.settings("SASL_PLAINTEXT"), **USER, MECHANISM: "PLAIN"}
    words = in_words(strict_broker, "SASL_PLAINTEXT", f"it offers SCRAM-SHA-256, not PLAIN: set {MECHANISM}")
    for command in ("doctor", "lag"):
        done = await asyncio.to_thread(service, command, **settings, DATABASE_URL=database)
        assert (done.returncode, words in done.stdout + done.stderr) == (1, True), done.stderr
    async with Worker("", database, worker_logs, **settings) as worker:
        assert await worker.ended() == 1
    assert words in worker.log.read_text()
