"""Signed tokens of an identity provider or a proxy: fetched keys, checked signatures and claims."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Of public keys only: `none` and shared secrets are never taken."""
LEEWAY_SECONDS = 60
"""By which the clocks of issuer and console may differ."""
AGE_MAX_SECONDS = 24 * 3600
TOKEN_LENGTH_MAX = 16_384
KEYS_SECONDS = 600.0
"""After which keys are fetched again in any case."""
FETCH_AGAIN_SECONDS = 5.0
"""A key that isn't known is looked for again no sooner."""
BODY_BYTES_MAX = 1_000_000
GROUPS_MAX = 1_000
NAME_LENGTH_MAX = 200


class TokenError(Exception):
    """A token is not taken. Its text is a sentence that the catalogue knows, without content."""


class ProviderError(Exception):
    """The identity provider, or the server of its keys, can't be reached or answers nonsense."""


class Claims(NamedTuple):
    """The person that a token names."""

    subject: str
    name: str
    groups: tuple[str, ...]
    ends_at: float
    """Seconds since the epoch."""


class Client:
    """Fetches JSON from the identity provider, in bounded time and size."""

    def __init__(self) -> None:
        """Connect at the first use."""
        self._session: ClientSession | None = None

    async def get(self, url: str) -> Any:
        """Return the JSON at an address. Raises ProviderError."""
        return await self._ask("GET", url, None, None)

    async def post(self, url: str, form: Mapping[str, str], authorization: str | None) -> Any:
        """Return the JSON that a form is answered with. Raises ProviderError."""
        return await self._ask("POST", url, form, authorization)

    async def _ask(self, method: str, url: str, form: Mapping[str, str] | None, authorization: str | None) -> Any:
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=5), trust_env=True)
        headers = {"Accept": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            async with self._session.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as response:
                body = await response.content.read(BODY_BYTES_MAX)
                if response.status != 200:
                    raise ProviderError(f"answered {response.status}")
                return _json(body)
        except (ClientError, TimeoutError, OSError) as error:
            raise ProviderError(type(error).__name__) from None

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()


class Keys:
    """An issuer's public keys. A key that isn't known may be new, so they are fetched again, but not too often."""

    def __init__(
        self, client: Client, url: Callable[[], Awaitable[str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take where the keys are; asked when they are fetched."""
        self._client = client
        self._url = url
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def of(self, key_id: str | None) -> KeySet:
        """Return the keys, the one of this id among them if the issuer has it. Raises ProviderError."""
        async with self._lock:
            age = self._clock() - self._fetched_at
            is_known = self._keys is not None and (key_id is None or key_id in _ids(self._keys))
            if self._keys is None or age > KEYS_SECONDS or (not is_known and age > FETCH_AGAIN_SECONDS):
                await self._fetch()
        assert self._keys is not None
        return self._keys

    async def _fetch(self) -> None:
        found = await self._client.get(await self._url())
        try:
            keys = [key for key in found["keys"] if key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"]
            self._keys = KeySet.import_key_set({"keys": keys})
        except (JoseError, TypeError, KeyError, AttributeError, ValueError):
            raise ProviderError("its keys can't be read") from None
        self._fetched_at = self._clock()


class Verifier:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, keys: Keys, issuer: str, audience: str, groups_claim: str) -> None:
        """Take whose tokens are checked, and the claim that holds a person's groups."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._groups_claim = groups_claim

    async def claims(self, token: str) -> dict[str, Any]:
        """Return a token's claims once its signature, issuer, audience and times are right.

        Raises TokenError, ProviderError.
        """
        if len(token) > TOKEN_LENGTH_MAX:
            raise TokenError(NOT_TAKEN)
        try:
            keys = await self._keys.of(_key_id(token))
            decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
            registry = jwt.JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
                sub={"essential": True},
                exp={"essential": True},
            )
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError):
            raise TokenError(NOT_TAKEN) from None
        issued = decoded.claims.get("iat")
        if isinstance(issued, int | float) and issued < time.time() - AGE_MAX_SECONDS:
            raise TokenError(NOT_TAKEN)
        return dict(decoded.claims)

    def who(self, claims: Mapping[str, Any]) -> Claims:
        """Return who checked claims are about. Raises TokenError for somebody without a name: acts need one."""
        subject = claims.get("sub")
        name = next((claims[one] for one in ("name", "preferred_username", "email") if _is_name(claims.get(one))), None)
        if not isinstance(subject, str) or not subject or len(subject) > NAME_LENGTH_MAX:
            raise TokenError(NOT_TAKEN)
        if name is None:
            raise TokenError(NO_NAME)
        given = claims.get(self._groups_claim, [])
        groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        known = tuple(group for group in groups[:GROUPS_MAX] if isinstance(group, str))
        return Claims(subject, " ".join(str(name).split()), known, float(claims["exp"]))


NOT_TAKEN = "The identity provider's word is not taken: its signature, issuer, audience or time is not right."
NO_NAME = "The identity provider doesn't say your name, and nobody is let in without one."


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value.strip()) > 0 and len(value) <= NAME_LENGTH_MAX


def _ids(keys: KeySet) -> set[str | None]:
    return {key.kid for key in keys.keys}


def _key_id(token: str) -> str | None:
    head = token.split(".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        found = header.get("kid")
    except (ValueError, AttributeError, RecursionError):
        raise TokenError(NOT_TAKEN) from None
    return found if isinstance(found, str) else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderError("answered something that is no JSON") from None
