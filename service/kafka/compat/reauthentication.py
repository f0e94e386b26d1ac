"""Authenticate again on a connection before its session ends (KIP-368).

A broker with `connections.max.reauth.ms` tells each client how long its session lasts, at most as long as its token,
and closes a connection that is used after that. aiokafka never authenticates again, so each of its connections breaks
once per token. Nothing is lost, but coordinators are marked dead and the log fills with errors. This can go when
aiokafka does it itself.
"""

import asyncio
import weakref
from typing import Any

import structlog
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import SaslAuthenticateRequest, SaslHandShakeRequest

from service.runtime.errors import describe

log = structlog.get_logger("service.kafka")

RENEW_AFTER = 0.85
"""Share of a session after which it is renewed: later than a token is (`tokens.RENEW_AFTER`), so it gets a new one."""
SHORTEST_SESSION_SECONDS = 1.25
"""A broker refuses to authenticate a connection twice within a second."""
LIMIT_SECONDS = 30.0

_librarys_connect: Any = AIOKafkaConnection.connect
_librarys_send: Any = AIOKafkaConnection.send


def reauthenticate_in_place() -> None:
    """Patch aiokafka's connections of this process. Idempotent."""
    AIOKafkaConnection._session_seconds = 0.0
    AIOKafkaConnection._holds_back = None
    AIOKafkaConnection.connect = _connect
    AIOKafkaConnection.send = _send


async def _connect(self: Any) -> Any:
    streams = await _librarys_connect(self)
    _renew_in_time(self)
    return streams


def _send(self: Any, request: Any, expect_response: bool = True) -> Any:
    if isinstance(request, SaslAuthenticateRequest):
        return _authenticated(self, request, expect_response)
    # Until the handshake has ended, the broker accepts nothing else.
    if self._holds_back is None or isinstance(request, SaslHandShakeRequest):
        return _librarys_send(self, request, expect_response)
    return _sent_after(self, self._holds_back, request, expect_response)


async def _authenticated(self: Any, request: Any, expect_response: bool) -> Any:
    response = await _librarys_send(self, request, expect_response)
    self._session_seconds = getattr(response, "session_lifetime_ms", 0) / 1000
    return response


async def _sent_after(self: Any, renewal: "asyncio.Task[None]", request: Any, expect_response: bool) -> Any:
    await asyncio.wait([renewal])
    # Raises if the connection was closed meanwhile.
    return await _librarys_send(self, request, expect_response)


def _renew_in_time(self: Any) -> None:
    if self._session_seconds >= SHORTEST_SESSION_SECONDS:
        # A weak reference, so that the timer does not keep the connection alive.
        self._loop.call_later(self._session_seconds * RENEW_AFTER, _begin, weakref.ref(self))


def _begin(reference: "weakref.ref[Any]") -> None:
    connection = reference()
    if connection is not None and connection.connected() and not connection._loop.is_closed():
        # Keep a reference, or the loop may drop the task.
        connection._renewal = connection._loop.create_task(_renew(connection), name="kafka-reauthentication")


async def _renew(connection: Any) -> None:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            if (provider := connection._sasl_oauth_token_provider) is not None:
                # Fetch the token first: the endpoint may be slow, and heartbeats must not wait for it.
                await provider.token()
            connection._holds_back = asyncio.current_task()
            await connection._do_sasl_handshake()
    except (KafkaError, OSError, TimeoutError) as error:
        # Users of the connection get an error, and the next connection reports why it is refused.
        log.info(
            "kafka_session_not_renewed",
            message="Authenticating again on a connection to Kafka failed; closing the connection.",
            because=describe(error),
        )
        connection.close(reason=CloseReason.AUTH_FAILURE, exc=error)
    finally:
        connection._holds_back = None
    if connection.connected():
        _renew_in_time(connection)
