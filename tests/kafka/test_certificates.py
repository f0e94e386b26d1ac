"""The client's certificate: the content of its files, and the sentence about a fault in it."""

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from purchasing_contracts.environment import SettingsError

from service.kafka.connection import connection_of
from service.observability.reachability import broker_problem
from service.runtime.settings import load

PASSWORD = "planted-password"
KEY, CERTIFICATE = "PURCHASING_KAFKA_SSL_KEYFILE", "PURCHASING_KAFKA_SSL_CERTFILE"
OPENS = "PURCHASING_KAFKA_SSL_KEY_PASSWORD"


@pytest.fixture
def connection(monkeypatch):
    """The arguments these variables make."""

    def build(settings):
        for name, value in {**settings, "PURCHASING_DATABASE_URL": "postgresql://x@y/z"}.items():
            monkeypatch.setenv(name, str(value))
        return connection_of(load())

    return build


def encrypt(path):
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    how = serialization.BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))


async def test_an_encrypted_key_opens_with_its_password(strict_broker, connection, tmp_path):
    settings = strict_broker.with_certificate(tmp_path)
    encrypt(tmp_path / "client.key")
    assert await broker_problem(connection(settings | {OPENS: f"{PASSWORD}\n"})) is None


async def test_the_key_may_stand_in_the_file_of_the_certificate(strict_broker, connection, tmp_path):
    settings = strict_broker.with_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "client.key").read_bytes() + (tmp_path / "client.pem").read_bytes())
    del settings[KEY]
    assert await broker_problem(connection(settings | {CERTIFICATE: both})) is None


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no password", f"{OPENS} is not set, but the client's key is encrypted: give the password of the key."),
        ("wrong password", f"{OPENS} doesn't open the key: give the password of the key."),
        ("another key", f"{KEY} holds the key of another certificate than {CERTIFICATE}: give"),
        ("no key", f"{KEY} holds no key that can be read: give"),
        ("no certificate", f"{CERTIFICATE} holds no certificate with its key that can be read: give"),
    ],
)
def test_wrong_files_are_reported_by_setting(strict_broker, connection, tmp_path, fault, words):
    settings = strict_broker.with_certificate(tmp_path)
    if fault.endswith("password"):
        encrypt(tmp_path / "client.key")
        settings |= {OPENS: "planted-another"} if fault == "wrong password" else {}
    elif fault == "another key":
        trustme.CA().issue_cert("x").private_key_pem.write_to_path(tmp_path / "client.key")
    else:
        (tmp_path / ("client.key" if fault == "no key" else "client.pem")).write_text("planted")
    with pytest.raises(SettingsError) as raised:
        connection(settings)
    assert str(raised.value).startswith(words)
    assert "planted" not in str(raised.value)
