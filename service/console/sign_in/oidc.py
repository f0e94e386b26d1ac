"""OpenID Connect: authorization code flow with PKCE. What a sign-in needs to remember is in a cookie, not here."""

from __future__ import annotations

import base64
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from service.console.sign_in.tokens import LEEWAY_SECONDS, NOT_TAKEN, Keys, ProviderError, TokenError, Verifier

if TYPE_CHECKING:
    from service.console.sign_in.tokens import Claims, Client
    from service.runtime.settings import ConsoleSettings

DISCOVERY_SECONDS = 3600.0
CALLBACK = "/login/callback"


class Attempt(NamedTuple):
    """A sign-in under way: what the browser brings back in its cookie."""

    state: str
    nonce: str
    verifier: str
    next: str

    def cookie(self) -> str:
        """Return it as a cookie's value."""
        return ".".join((self.state, self.nonce, self.verifier, _b64(self.next.encode())))

    @staticmethod
    def of_cookie(value: str) -> Attempt | None:
        """Return what a cookie says; None where it is none of ours."""
        parts = value.split(".")
        if len(parts) != 4 or not all(parts[:3]):
            return None
        try:
            after = base64.urlsafe_b64decode(parts[3] + "=" * (-len(parts[3]) % 4)).decode()
        except ValueError:
            return None
        return Attempt(parts[0], parts[1], parts[2], after)


class Oidc:
    """One identity provider."""

    def __init__(self, settings: ConsoleSettings, client: Client) -> None:
        """Ask the provider nothing yet."""
        self._issuer = settings.console_oidc_issuer
        self._client_id = settings.console_oidc_client_id
        self._secret = settings.console_oidc_client_secret.get_secret_value()
        self._client = client
        self._discovered: tuple[float, dict[str, Any]] | None = None
        self._keys = Keys(client, self._jwks_url)
        self.verifier = Verifier(self._keys, self._issuer, self._client_id, settings.console_groups_claim)

    async def begin(self, redirect: str, after: str) -> tuple[str, Attempt]:
        """Return where to send the browser, and what it is to bring back. Raises ProviderError."""
        attempt = Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), after)
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect,
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = await self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", attempt

    async def finish(self, attempt: Attempt, code: str, redirect: str) -> Claims:
        """Return who signed in. Raises TokenError, ProviderError."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self._client_id,
            "code_verifier": attempt.verifier,
        }
        authorization = None
        if self._secret:
            pair = f"{quote(self._client_id, safe='')}:{quote(self._secret, safe='')}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = await self._client.post(await self._endpoint("token_endpoint"), form, authorization)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise ProviderError("gave no id_token")
        claims = await self.verifier.claims(token)
        try:
            CodeIDToken(
                claims, {}, {"nonce": {"essential": True, "value": attempt.nonce}}, {"client_id": self._client_id}
            ).validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError):
            raise TokenError(NOT_TAKEN) from None
        if not secrets.compare_digest(str(claims.get("nonce", "")), attempt.nonce):
            raise TokenError(NOT_TAKEN)
        return self.verifier.who(claims)

    async def _jwks_url(self) -> str:
        return await self._endpoint("jwks_uri")

    async def _endpoint(self, name: str) -> str:
        if self._discovered is None or time.monotonic() - self._discovered[0] > DISCOVERY_SECONDS:
            found = await self._client.get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if not isinstance(found, dict) or found.get("issuer") != self._issuer:
                raise ProviderError("names another issuer")
            self._discovered = (time.monotonic(), found)
        endpoint = self._discovered[1].get(name)
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            raise ProviderError(f"has no {name}")
        return endpoint


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
