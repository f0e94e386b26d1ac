"""A connection is authenticated again while it is in use, and no request under way is lost."""

import asyncio
import weakref

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest
from purchasing_contracts.environment import from_environment
from purchasing_contracts.kafka.settings import KafkaSettings

from service.kafka.compat import reauthentication
from service.kafka.connection import connection_of
from tests.conftest import PATCHES
from tests.patches import undo
from tests.waiting import eventually

BROKERS_LEAST_SECONDS = 1.0
"""A broker takes no second authentication before."""


SESSION_SECONDS = 3.0


def with_token(broker):
    """The arguments of a connection."""
    settings = KafkaSettings.model_validate(from_environment(KafkaSettings, broker.with_token()))
    arguments = connection_of(settings)
    (server,) = arguments.pop("bootstrap_servers")
    host, _, port = server.rpartition(":")
    return {"host": host, "port": int(port), **arguments}


async def test_a_connection_outlives_its_session_which_ends_one_of_aiokafkas_own(strict_broker, monkeypatch):
    strict_broker.provider.lifetime = SESSION_SECONDS
    with monkeypatch.context() as context:
        undo(PATCHES, context)
        librarys = await create_conn(**with_token(strict_broker))
    connection = await create_conn(**with_token(strict_broker))
    first = connection._session_seconds
    strict_broker.provider.lifetime *= 100

    async def broken() -> bool:
        assert (await connection.send(MetadataRequest([]))).brokers
        try:
            await librarys.send(MetadataRequest([]))
        except KafkaConnectionError:
            return True
        return False

    await eventually(lambda: connection._session_seconds > first, "a longer session")
    await eventually(broken, "the broker ends the session that was not renewed")
    assert connection.connected()
    connection.close()


async def test_requests_go_on_around_an_authentication_in_their_midst(strict_broker):
    arguments = with_token(strict_broker)
    connection = await create_conn(**arguments)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while loop.time() - begun <= BROKERS_LEAST_SECONDS:
        await connection.send(MetadataRequest([]))
    first = connection._session_seconds
    strict_broker.provider.lifetime *= 2
    arguments["sasl_oauth_token_provider"]._renew_at = 0.0

    reauthentication._begin(weakref.ref(connection))
    answers = []
    while not connection._renewal.done():
        answers += await asyncio.gather(*(connection.send(MetadataRequest([])) for _ in range(5)))
    await connection._renewal

    assert answers
    assert all(answer.brokers for answer in answers)
    assert 0 < first < connection._session_seconds
    assert connection.connected()
    assert (await connection.send(MetadataRequest([]))).brokers
    connection.close()
