"""A connection is authenticated anew while it is in use, and nothing that is under way is lost."""

import asyncio
import weakref

from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest
from purchasing_contracts.environment import from_environment
from purchasing_contracts.kafka.settings import KafkaSettings

from service.kafka.compat import reauthentication
from service.kafka.connection import connection_of

BROKERS_LEAST_SECONDS = 1.0
"""A broker takes no second authentication before."""


async def test_requests_go_on_around_an_authentication_in_their_midst(strict_broker):
    settings = KafkaSettings.model_validate(from_environment(KafkaSettings, strict_broker.with_token()))
    arguments = connection_of(settings)
    (server,) = arguments.pop("bootstrap_servers")
    host, _, port = server.rpartition(":")
    connection = await create_conn(host, int(port), **arguments)
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
