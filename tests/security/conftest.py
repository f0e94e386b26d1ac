"""Servers that let in only who belongs: Kafka with TLS, SCRAM and ACLs, PostgreSQL with TLS and roles.

Started once a session. Who runs the tests comes in by ways of its own (Kafka's PLAINTEXT listener, PostgreSQL's
superuser) and sets up users; the service comes in as an operator would let it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import trustme

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.kafka.topics import create_topics
from service.store.migrate import migrate
from tests.security.site import LANES, ROLES, Broker, Database, certificate
from tests.security.tls_front import TlsFront, tls_front

BROKER_SETTINGS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    # The tests' own way in, and the controller's: it speaks plaintext on loopback.
    "super.users": "User:ANONYMOUS",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "ssl.keystore.type": "PEM",
}


@pytest.fixture(scope="session")
def ca(servers: Path) -> tuple[trustme.CA, Path]:
    """A certificate authority nobody else knows, and its certificate in a file."""
    ca = trustme.CA()
    path = servers / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return ca, path


@pytest.fixture(scope="session")
def a_broker(servers: Path, ca: tuple[trustme.CA, Path]) -> Iterator[Broker]:
    """A broker for clients with TLS and SCRAM, with all topics and no ACLs yet."""
    key_store = servers / "broker.pem"
    key_store.write_bytes(b"".join(certificate(ca[0])))
    settings = {**BROKER_SETTINGS, "ssl.keystore.location": str(key_store)}
    kafka = EmbeddedKafka(servers / "kafka-security", settings=settings, listeners=["SASL_SSL"], temporary=True)
    asyncio.run(kafka.start())
    asyncio.run(create_topics({"bootstrap_servers": kafka.bootstrap_servers}, LANES))
    yield Broker(kafka, ca[1])
    asyncio.run(kafka.close())


@pytest.fixture(scope="session")
def front(postgres: EmbeddedPostgres, ca: tuple[trustme.CA, Path]) -> Iterator[TlsFront]:
    """The way to the session's PostgreSQL that wants TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca[0].issue_cert("localhost", "127.0.0.1").configure_cert(context)
    server = urlsplit(postgres.dsn)
    with tls_front(str(server.hostname), int(server.port or 0), context) as front:
        yield front


@pytest.fixture
def broker(a_broker: Broker) -> Broker:
    return a_broker


@pytest.fixture(scope="session")
def roles(postgres: EmbeddedPostgres) -> str:
    """A user for each role, with a password of its own; the template database that has the tables and the roles."""

    async def make() -> None:
        connection = await asyncpg.connect(postgres.dsn)
        await connection.execute("create database purchasing_template")
        await migrate(postgres.dsn_of("purchasing_template"), lanes=LANES, roles=True)
        for role in ROLES:
            await connection.execute(
                f"create role a_{role} login password 'secret-of-{role}' in role purchasing_{role}"
            )
        await connection.close()

    asyncio.run(make())
    return "purchasing_template"


@pytest.fixture(scope="session")
def a_guarded(postgres: EmbeddedPostgres, roles: str, front: TlsFront, ca: tuple[trustme.CA, Path]) -> Database:
    """The template itself: tests make copies of it."""
    return Database(postgres, roles, front.port, ca[1])


@pytest.fixture
async def guarded(a_guarded: Database) -> AsyncIterator[Database]:
    """A migrated database with roles, of the test's own; `dsn(role)` is how a user of that role comes in."""
    async with a_guarded.another() as database:
        yield database


@pytest.fixture
def another_ca(tmp_path: Path) -> Path:
    """The certificate of an authority that nothing here comes from."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "another.pem")
    return tmp_path / "another.pem"
