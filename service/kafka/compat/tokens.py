"""One token for all connections of the process, renewed before it expires."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import OAuthAuthenticator
from aiokafka.errors import KafkaConnectionError, KafkaError, SaslAuthenticationFailed
from purchasing_contracts.kafka.settings import OAUTHBEARER
from purchasing_contracts.kafka.tokens import Token, TokenRefusedError, TokenSource, TokenUnavailableError

log = structlog.get_logger("service.kafka")

RENEW_AFTER = 0.8
"""The share of its life after which a token is renewed, as in Kafka's own clients."""
LEAST_LEFT_SECONDS = 5.0
"""A connection gets no token that expires sooner, if there is another: its session would end too soon."""


RETRY_SECONDS = 10.0
"""The pause after a failed fetch, while the last token is valid."""


class NoTokenNowError(KafkaConnectionError):  # type: ignore[misc]  # aiokafka has no types
    """No token is available now. aiokafka tries again, as after any failed connection."""


class NoTokenError(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """No token will be available until a person does what the text says."""


class TokenNotAcceptedError(SaslAuthenticationFailed):  # type: ignore[misc]  # aiokafka has no types
    """The broker refuses the issued token."""

    def __init__(self) -> None:
        super().__init__(
            "Kafka refuses the token: the broker must know the keys of its issuer, its audience and its scope"
        )


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """Give all connections the same token, until RENEW_AFTER of its life is over or LEAST_LEFT_SECONDS are left.

    Connections made while a token is fetched wait for it. If none can be fetched, the last one is used until it
    expires.
    """

    def __init__(
        self,
        source: TokenSource,
        extensions: Mapping[str, str],
        mechanism: str = OAUTHBEARER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.mechanism = mechanism
        """The mechanism by its name in the settings."""
        self._source = source
        self._extensions = dict(extensions)
        self._clock = clock
        self._token: Token | None = None
        self._renew_at = 0.0
        self._fetching: asyncio.Task[Token] | None = None

    async def token(self) -> str:
        """Return a token that has not expired. Raises NoTokenNowError and NoTokenError."""
        token, now = self._token, self._clock()
        if token is not None and now < min(self._renew_at, token.expires_at):
            return token.value
        try:
            return (await self._fetched()).value
        except (NoTokenNowError, NoTokenError) as error:
            if token is None or now >= token.expires_at:
                raise
            self._renew_at = now + RETRY_SECONDS
            seconds = round(token.expires_at - now)
            log.warning(
                "kafka_token_not_renewed",
                message="Fetching a new token for Kafka failed; the present one is still valid.",
                because=str(error.args[0]),
                expires_in_seconds=seconds,
            )
            return token.value

    def extensions(self) -> dict[str, str]:
        """Return the extensions sent with the token, value by name."""
        return self._extensions

    async def _fetched(self) -> Token:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch(), name="kafka-token")
        # A waiter may be cancelled while others wait for the same task.
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> Token:
        try:
            self._token = await asyncio.to_thread(self._source.fetch)
        except TokenUnavailableError as error:
            raise NoTokenNowError(str(error)) from None
        except TokenRefusedError as error:
            raise NoTokenError(str(error)) from None
        self._renew_at = _renewal_of(self._token)
        return self._token


def _renewal_of(token: Token) -> float:
    life = token.expires_at - token.issued_at
    return min(token.issued_at + RENEW_AFTER * life, token.expires_at - LEAST_LEFT_SECONDS)


_librarys_step: Any = OAuthAuthenticator.step


def notice_refusals() -> None:
    """Patch aiokafka so that a token the broker refuses is a TokenNotAcceptedError. Idempotent.

    A broker answers a refused token with a challenge (RFC 7628, 3.2.3). aiokafka takes that for success, and the broker
    then closes the connection at the first request without a reason.
    """
    OAuthAuthenticator.step = _step


async def _step(self: Any, payload: bytes | None) -> tuple[bytes, bool] | None:
    if payload and self._token_sent:
        raise TokenNotAcceptedError
    step: tuple[bytes, bool] | None = await _librarys_step(self, payload)
    return step
