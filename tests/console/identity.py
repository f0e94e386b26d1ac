"""An identity provider of the tests' own: it publishes keys, signs tokens, and answers the code flow of OIDC."""

from __future__ import annotations

import base64
import time
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

CLIENT = "console"
HEADER = "X-Test-Assertion"
ROLES = "support=g-support;operator=g-operator;finance=g-finance;engineer=g-engineer"


def new_key(key_id: str = "key-1") -> ECKey:
    """A key pair on P-256."""
    return ECKey.generate_key("P-256", parameters={"kid": key_id}, private=True)


class IdentityProvider:
    """One issuer. `claims_of_code` says what the token for a code holds beside what every token has."""

    def __init__(self) -> None:
        self.key = new_key()
        self.issuer = ""
        self.claims_of_code: dict[str, Any] = {}
        self.id_token: str | None = None
        """Given for a code in place of a good token."""
        self._asked: dict[str, Mapping[str, str]] = {}

    def claims(self, **given: Any) -> dict[str, Any]:
        """Good claims, but for those that are given; None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "u-ann",
            "name": "Ann Li",
            "iat": now,
            "exp": now + 300,
            "groups": ["g-support"],
        }
        return {name: value for name, value in (claims | given).items() if value is not None}

    def token(self, key: ECKey | None = None, **given: Any) -> str:
        """A token that is signed by the provider's key, or by another."""
        signer = key or self.key
        return jwt.encode({"alg": "ES256", "kid": signer.kid}, self.claims(**given), signer)

    def grant(self, asked: Mapping[str, str]) -> str:
        """Return the code with which the browser is sent back after it came with this query."""
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._asked)}"
        self._asked[code] = asked
        return code

    def settings(self) -> dict[str, str]:
        """The console's settings to sign in here, by OIDC and by a proxy's assertion."""
        return {
            "console_roles": ROLES,
            "console_oidc_issuer": self.issuer,
            "console_oidc_client_id": CLIENT,
            "console_assertion_header": HEADER,
            "console_assertion_jwks_url": f"{self.issuer}/keys",
            "console_assertion_issuer": self.issuer,
            "console_assertion_audience": CLIENT,
        }

    async def _configuration(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self._asked.pop(str(form["code"]), None)
        challenge = base64.urlsafe_b64encode(sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self.id_token or self.token(**({"nonce": asked["nonce"]} | self.claims_of_code))
        return web.json_response({"id_token": token, "token_type": "Bearer", "access_token": "unused"})

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[IdentityProvider]:
        """Answer on a free port of this machine while the block runs."""
        application = web.Application()
        application.router.add_get("/.well-known/openid-configuration", self._configuration)
        application.router.add_get("/keys", self._keys)
        application.router.add_post("/token", self._token)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()
