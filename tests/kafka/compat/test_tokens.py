"""Tokens: from an endpoint, signed for MSK, shared by all connections, renewed in time."""

import asyncio
import base64
import json
import os
import ssl
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest
from purchasing_contracts.environment import SettingsError
from purchasing_contracts.kafka.settings import KafkaSettings
from purchasing_contracts.kafka.tokens import (
    ClientCredentials,
    MskIam,
    Token,
    TokenRefusedError,
    TokenUnavailableError,
)

from service.embedded.process import reserve_port
from service.kafka.compat.tokens import NoTokenError, NoTokenNowError, TokenNotAcceptedError, TokenProvider
from service.kafka.connection import connection_of
from service.observability.reachability import UnreachableError, broker_problem
from tests.kafka.identity_provider import CLIENT, IdentityProvider

ENDPOINT = "PURCHASING_KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL"


def settings(url, **more):
    given = {
        "kafka_bootstrap_servers": "127.0.0.1:1",
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_sasl_mechanism": "OAUTHBEARER",
        "kafka_sasl_oauth_token_endpoint_url": f"{url}/token",
        "kafka_sasl_oauth_client_id": CLIENT[0],
        "kafka_sasl_oauth_client_secret": CLIENT[1],
    }
    return KafkaSettings.model_validate(given | more)


@pytest.fixture
def provider():
    with IdentityProvider().serving() as provider:
        yield provider


def test_a_token_comes_with_its_life_and_without_showing_itself(provider):
    token = ClientCredentials(settings(provider.url)).fetch()
    assert token.expires_at - token.issued_at == provider.lifetime
    assert token.value not in repr(token)


def test_a_client_whose_secret_has_signs_of_every_kind_is_known(provider, monkeypatch):
    odd = "planted:%+\u00e4/& x"
    monkeypatch.setattr("tests.kafka.identity_provider.CLIENT", (CLIENT[0], odd))
    assert ClientCredentials(settings(provider.url, kafka_sasl_oauth_client_secret=odd)).fetch().value


CREDENTIALS = "PURCHASING_KAFKA_SASL_OAUTH_CLIENT_ID and _CLIENT_SECRET"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"error": "invalid_client"}, TokenRefusedError, f"(HTTP 400, invalid_client): check {CREDENTIALS}"),
        (401, "planted", TokenRefusedError, f"(HTTP 401): check {CREDENTIALS}"),
        (400, {"error": "invalid_scope"}, TokenRefusedError, "check PURCHASING_KAFKA_SASL_OAUTH_SCOPE"),
        (400, {"error": "unauthorized_client"}, TokenRefusedError, "may use client credentials"),
        (400, {"error": "planted"}, TokenRefusedError, f"HTTP 400: check {ENDPOINT}"),
        (404, "planted", TokenRefusedError, f"HTTP 404: check {ENDPOINT}"),
        (302, "http://127.0.0.1:1/planted", TokenRefusedError, f"HTTP 302: check {ENDPOINT}"),
        (200, "planted", TokenRefusedError, f"answers without a token that can be sent: check {ENDPOINT}"),
        (200, {"access_token": "planted\x01auth"}, TokenRefusedError, "answers without a token that can be sent"),
        (200, {"access_token": "planted", "expires_in": 0}, TokenRefusedError, "have expired already"),
        (429, "planted", TokenUnavailableError, "answers with HTTP 429"),
        (500, "planted", TokenUnavailableError, "answers with HTTP 500"),
        (503, {"error": "invalid_client"}, TokenUnavailableError, "answers with HTTP 503"),
    ],
)
def test_an_answer_that_is_no_token_names_who_can_help(provider, status, body, kind, words):
    provider.answer = (status, (body if isinstance(body, str) else json.dumps(body)).encode())
    with pytest.raises(kind) as raised:
        ClientCredentials(settings(provider.url)).fetch()
    assert words in str(raised.value)
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize("status", [302, 307])
def test_the_secret_is_not_sent_to_where_the_endpoint_points(provider, status):
    with IdentityProvider().serving() as other:
        provider.answer = (status, f"{other.url}/token".encode())
        with pytest.raises(TokenRefusedError):
            ClientCredentials(settings(provider.url)).fetch()
        assert other.asked == []


def test_an_endpoint_that_is_down_may_come_back():
    with pytest.raises(TokenUnavailableError, match="can't be reached: Connection refused"):
        ClientCredentials(settings(f"http://127.0.0.1:{reserve_port()}")).fetch()


def test_an_endpoint_by_tls_is_trusted_by_its_own_authority_only(tmp_path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "idp.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    with IdentityProvider().serving(tls) as provider:
        trusting = settings(provider.url, kafka_sasl_oauth_cafile=tmp_path / "idp.pem")
        assert ClientCredentials(trusting).fetch().value
        with pytest.raises(TokenRefusedError, match=r"that is not accepted .*PURCHASING_KAFKA_SASL_OAUTH_CAFILE"):
            ClientCredentials(settings(provider.url)).fetch()


def test_https_to_a_port_without_tls_is_reported(provider):
    with pytest.raises(TokenRefusedError, match="speaks no TLS on its port"):
        ClientCredentials(settings(provider.url.replace("http:", "https:"))).fetch()


def test_a_file_without_the_endpoints_authority_is_named(tmp_path):
    (tmp_path / "idp.pem").write_text("planted")
    with pytest.raises(SettingsError, match="PURCHASING_KAFKA_SASL_OAUTH_CAFILE holds no certificate"):
        connection_of(settings("https://idp", kafka_sasl_oauth_cafile=tmp_path / "idp.pem"))


@pytest.mark.parametrize("kind", ["JWT", "opaque"])
def test_a_token_without_a_stated_life_lives_until_its_own_expiry(provider, kind):
    value = provider.token(500) if kind == "JWT" else "opaque"
    provider.answer = (200, json.dumps({"access_token": value}).encode())
    token = ClientCredentials(settings(provider.url)).fetch()
    life = token.expires_at - token.issued_at
    assert (498 < life <= 500) if kind == "JWT" else life == 60


async def test_a_refused_client_is_for_a_person_and_a_missing_endpoint_for_time(strict_broker, provider):
    address = strict_broker.kafka.address("SASL_SSL")
    here = {"kafka_bootstrap_servers": address, "kafka_security_protocol": "SASL_SSL"}
    here["kafka_ssl_cafile"] = strict_broker.ca_file
    refused = settings(provider.url, kafka_sasl_oauth_client_secret="planted", **here)
    with pytest.raises(UnreachableError, match=r"refuses the client \(HTTP 401, invalid_client\)") as raised:
        await broker_problem(connection_of(refused))
    assert "planted" not in str(raised.value)
    down = settings(f"http://127.0.0.1:{reserve_port()}", **here)
    words = f"{address}: the token endpoint can't be reached: Connection refused"
    assert await broker_problem(connection_of(down)) == words


@pytest.fixture
def strangers_token(strict_broker):
    """The arguments of a connection whose token the broker does not accept."""
    address = strict_broker.kafka.address("SASL_SSL")
    host, port = address.split(":")
    with IdentityProvider().serving() as stranger:
        arguments = connection_of(
            settings(
                stranger.url,
                kafka_bootstrap_servers=address,
                kafka_security_protocol="SASL_SSL",
                kafka_ssl_cafile=strict_broker.ca_file,
            )
        )
        yield {**arguments, "host": host, "port": int(port)}


def connect(bootstrap_servers, **arguments):
    return create_conn(**arguments)


async def test_a_token_that_the_broker_refuses_is_reported_when_connecting(strangers_token):
    with pytest.raises(TokenNotAcceptedError, match="Kafka refuses the token"):
        await connect(**strangers_token)


async def test_aiokafka_itself_takes_the_refusal_for_success(strangers_token, unpatched):
    connection = await connect(**strangers_token)
    # The first answer is no answer to the request: it is read as one without brokers. Then the broker closes.
    assert (await connection.send(MetadataRequest([]))).brokers == []
    with pytest.raises(KafkaConnectionError):
        await connection.send(MetadataRequest([]))


class Source:
    """Tokens that live 100 seconds by a clock of the test's own; `error` is raised instead."""

    def __init__(self):
        self.now, self.fetched = 1000.0, 0
        self.error = None

    def fetch(self):
        if self.error is not None:
            raise self.error
        self.fetched += 1
        return Token(f"token-{self.fetched}", self.now, self.now + 100)


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def shared(source):
    return TokenProvider(source, {"pool": "p"}, clock=lambda: source.now)


async def test_all_who_connect_at_once_share_one_token(source, shared):
    assert set(await asyncio.gather(*(shared.token() for _ in range(20)))) == {"token-1"}
    assert source.fetched == 1
    assert shared.extensions() == {"pool": "p"}


async def test_a_token_is_renewed_when_a_fifth_of_its_life_is_left(source, shared):
    await shared.token()
    source.now += 79
    assert await shared.token() == "token-1"
    source.now += 1
    assert await shared.token() == "token-2"


async def test_without_a_new_token_the_old_one_serves_to_its_end(source, shared):
    await shared.token()
    source.error = TokenUnavailableError("away")
    source.now += 99
    assert await shared.token() == "token-1"
    source.now += 1
    with pytest.raises(NoTokenNowError, match="away"):
        await shared.token()
    source.error = TokenRefusedError("never")
    with pytest.raises(NoTokenError, match="never"):
        await shared.token()
    source.error = None
    assert await shared.token() == "token-2"


async def test_an_endpoint_that_failed_is_left_alone_for_a_while(source, shared):
    await shared.token()
    source.error = TokenUnavailableError("away")
    source.now += 80
    assert await shared.token() == "token-1"
    source.error = None
    source.now += 9
    assert await shared.token() == "token-1"
    source.now += 1
    assert await shared.token() == "token-2"


async def test_a_cancelled_wait_does_not_take_the_token_from_others(source, shared):
    first, second = asyncio.create_task(shared.token()), asyncio.create_task(shared.token())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "token-1"


@pytest.fixture
def aws(monkeypatch, tmp_path):
    """Nothing that AWS's search order could find."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return monkeypatch


def test_a_token_for_msk_is_a_request_signed_with_the_credentials_there_are(aws):
    aws.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    aws.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    aws.setenv("AWS_SESSION_TOKEN", "a-session")
    before = int(time.time())
    token = MskIam("eu-central-1").fetch()
    url = urlsplit(base64.urlsafe_b64decode(token.value + "=" * (-len(token.value) % 4)).decode())
    signed = parse_qs(url.query)
    assert (url.scheme, url.hostname) == ("https", "kafka.eu-central-1.amazonaws.com")
    assert signed["Action"] == ["kafka-cluster:Connect"]
    assert signed["X-Amz-Credential"][0].startswith("AKIDEXAMPLE/")
    assert signed["X-Amz-Credential"][0].endswith("/eu-central-1/kafka-cluster/aws4_request")
    assert signed["X-Amz-Security-Token"] == ["a-session"]
    assert len(signed["X-Amz-Signature"][0]) == 64
    assert before + 900 <= token.expires_at <= time.time() + 900
    assert "planted" not in url.query


def test_aws_credentials_are_not_in_a_log_of_level_debug(aws):
    aws.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    aws.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    aws.setenv("AWS_SESSION_TOKEN", "planted-session")
    program = (
        "from service.observability.logs import configure; configure('json', 'debug')\n"
        "from purchasing_contracts.kafka.tokens import MskIam; MskIam('eu-central-1').fetch()\n"
        "import structlog; structlog.get_logger('service').debug('done')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert '"done"' in done.stderr
    assert "planted" not in done.stderr


def test_msk_without_credentials_names_their_sources(aws):
    with pytest.raises(TokenRefusedError, match=r"no AWS credentials are found: .*AWS_ACCESS_KEY_ID"):
        MskIam("eu-central-1").fetch()


def test_msk_without_its_signer_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer.MSKAuthTokenProvider", None)
    with pytest.raises(TokenRefusedError, match=r"install purchasing-service\[aws-msk-iam\]"):
        MskIam("eu-central-1").fetch()


async def test_a_token_for_msk_is_what_the_client_sends(aws):
    aws.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    aws.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    msk = {"kafka_sasl_mechanism": "AWS_MSK_IAM", "kafka_sasl_aws_region": "eu-central-1"}
    connection = connection_of(settings("http://idp", **msk))
    assert connection["sasl_mechanism"] == "OAUTHBEARER"
    assert len(await connection["sasl_oauth_token_provider"].token()) > 300
