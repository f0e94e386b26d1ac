"""A broker that wants to know who comes, started once a session, and the identity provider it believes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import trustme

from service.embedded import EmbeddedKafka
from service.kafka.topics import create_topics
from tests.kafka.identity_provider import IdentityProvider
from tests.kafka.strict_broker import StrictBroker, settings_of

LANES = 4
LISTENERS = ("SSL", "SASL_SSL", "SASL_PLAINTEXT")


@pytest.fixture(scope="session")
def identity_provider() -> Iterator[IdentityProvider]:
    with IdentityProvider().serving() as provider:
        yield provider


@pytest.fixture(scope="session")
def a_strict_broker(servers: Path, identity_provider: IdentityProvider) -> Iterator[StrictBroker]:
    """All topics exist."""
    ca, directory = trustme.CA(), servers / "kafka-strict"
    directory.mkdir()
    ca_file = directory / "ca.pem"
    ca.cert_pem.write_to_path(ca_file)
    kafka = EmbeddedKafka(
        directory,
        settings=settings_of(directory, ca, ca_file, identity_provider),
        listeners=LISTENERS,
        properties={"org.apache.kafka.sasl.oauthbearer.allowed.urls": f"{identity_provider.url}/keys"},
        temporary=True,
    )
    asyncio.run(kafka.start())
    asyncio.run(create_topics({"bootstrap_servers": kafka.bootstrap_servers}, LANES))
    yield StrictBroker(kafka, ca, ca_file, identity_provider)
    asyncio.run(kafka.close())


@pytest.fixture
def strict_broker(a_strict_broker: StrictBroker) -> Iterator[StrictBroker]:
    """Its identity provider is as before when the test ends."""
    provider = a_strict_broker.provider
    yield a_strict_broker
    provider.lifetime, provider.answer = 3600.0, None
    provider.asked.clear()


@pytest.fixture
async def database_rows(database: str) -> AsyncIterator[Callable[..., Awaitable[list[asyncpg.Record]]]]:
    """Rows of the test's database."""
    connection = await asyncpg.connect(database)
    yield connection.fetch
    await connection.close()
