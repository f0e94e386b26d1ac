"""The door: who it is that sends a request. A session's cookie, a proxy's signed assertion, or a bearer token."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from service.console.access import Person, Role
from service.console.sign_in.oidc import Oidc
from service.console.sign_in.tokens import Client, Keys, ProviderError, TokenError, Verifier
from service.runtime.settings import LOOPBACK
from service.store.console_sessions import LINK
from service.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from service.console.access import Access
    from service.runtime.settings import ConsoleSettings
    from service.store.console_sessions import ConsoleSessions, Session

SESSION_BYTES = 32
REMEMBERED = 1_000
AWAY_SECONDS = 600.0
"""While the database is away, a session that was found within this time still counts."""
LINK_SECONDS = 600.0
HEALTH = frozenset({"/livez", "/readyz"})
"""Asked for by address."""


class Door:
    """Knows who is who, and which ways in there are."""

    def __init__(
        self,
        settings: ConsoleSettings,
        sessions: ConsoleSessions,
        access: Access,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the settings; nobody is asked yet."""
        self._settings = settings
        self._sessions = sessions
        self._access = access
        self._clock = clock
        self._client = Client()
        self.oidc = Oidc(settings, self._client) if settings.console_oidc_issuer else None
        self._assertion = _assertion_verifier(settings, self._client)
        self._links: dict[bytes, float] = {}
        self._sessions_found: OrderedDict[bytes, tuple[float, Session]] = OrderedDict()
        self._tokens: OrderedDict[bytes, tuple[float, Person]] = OrderedDict()

    async def close(self) -> None:
        """End the connections to the identity provider."""
        await self._client.close()

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by TLS: always, but on loopback without an address of its own."""
        return self._settings.console_url.startswith("https://") or not self._settings.is_on_loopback

    @property
    def has_links(self) -> bool:
        """Whether one-time links let anybody in: on loopback only, and not behind a proxy of another name."""
        own = urlsplit(self._settings.console_url).hostname
        return self._settings.is_on_loopback and (own is None or own in LOOPBACK)

    @property
    def cookie(self) -> str:
        """Name of the session's cookie."""
        return "__Host-session" if self.is_secure else "session"

    @property
    def attempt_cookie(self) -> str:
        """Name of the cookie of a sign-in under way."""
        return "__Host-sign-in" if self.is_secure else "sign-in"

    def knows_host(self, request: web.Request) -> bool:
        """Return whether a request names the console's host: else a page elsewhere could reach it by another name."""
        if request.path in HEALTH:
            return True
        try:
            host = urlsplit(f"//{request.host}").hostname
        except ValueError:
            return False
        own = urlsplit(self._settings.console_url).hostname
        return host is not None and (host == own or (self._settings.is_on_loopback and host in LOOPBACK))

    def login_link(self, after: str) -> str:
        """Return the page of signing in, from which one comes back to another."""
        return f"/login?next={quote(after, safe='')}" if is_own_path(after) and after != "/" else "/login"

    def new_link(self) -> str:
        """Return the path and query of a link that lets one browser in, once, within LINK_SECONDS."""
        token = secrets.token_urlsafe(SESSION_BYTES)
        self._links[sha256(token.encode()).digest()] = self._clock() + LINK_SECONDS
        return f"/login/link?token={token}"

    def use_link(self, token: str) -> bool:
        """Return whether a link lets somebody in; it does so once."""
        ends_at = self._links.pop(sha256(token.encode()).digest(), None)
        return self.has_links and ends_at is not None and self._clock() <= ends_at

    async def begin(self, subject: str, name: str, groups: tuple[str, ...], way: str) -> str:
        """Begin a session and return its id, for the cookie. Raises StoreError."""
        session_id = secrets.token_urlsafe(SESSION_BYTES)
        await self._sessions.begin(session_id, subject, name, groups, way)
        return session_id

    async def end(self, request: web.Request) -> None:
        """End the session that a request belongs to. Raises StoreError."""
        session_id = request.cookies.get(self.cookie)
        if session_id:
            self._sessions_found.pop(sha256(session_id.encode()).digest(), None)
            await self._sessions.end(session_id)

    async def person(self, request: web.Request) -> Person | None:
        """Return who sends a request; None: nobody who is known. Raises StoreError."""
        header = self._settings.console_assertion_header
        if self._assertion is not None and header in request.headers:
            return await self._of_token(self._assertion, request.headers[header], "assertion")
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if self.oidc is not None and kind.lower() == "bearer":
            return await self._of_token(self.oidc.verifier, token.strip(), "oidc")
        session_id = request.cookies.get(self.cookie)
        return None if not session_id or len(session_id) > 200 else await self._of_session(session_id)

    async def _of_session(self, session_id: str) -> Person | None:
        key = sha256(session_id.encode("utf-8", "replace")).digest()
        try:
            session = await self._sessions.find(session_id)
        except StoreError:
            found = self._sessions_found.get(key)
            if found is None or self._clock() - found[0] > AWAY_SECONDS:
                raise
            session = found[1]
        else:
            if session is None:
                self._sessions_found.pop(key, None)
                return None
            self._sessions_found[key] = (self._clock(), session)
            if len(self._sessions_found) > REMEMBERED:
                self._sessions_found.popitem(last=False)
        if session.way == LINK and not self.has_links:
            return None
        roles = frozenset(Role) if session.way == LINK else self._access.roles_of(session.groups)
        return Person(session.subject, session.name, session.groups, roles, session.way)

    async def _of_token(self, verifier: Verifier, token: str, way: str) -> Person | None:
        key = sha256(token.encode("utf-8", "replace")).digest()
        found = self._tokens.get(key)
        if found is not None and time.time() < found[0]:
            return found[1]
        try:
            who = verifier.who(await verifier.claims(token))
        except (TokenError, ProviderError):
            return None
        person = Person(who.subject, who.name, who.groups, self._access.roles_of(who.groups), way)
        self._tokens[key] = (who.ends_at, person)
        if len(self._tokens) > REMEMBERED:
            self._tokens.popitem(last=False)
        return person


def is_own_path(path: str) -> bool:
    """Return whether a path leads to this console: `//host` and `/\\host` lead elsewhere."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\"))
    return is_path and path.isascii() and path.isprintable() and len(path) <= 2_000


def _assertion_verifier(settings: ConsoleSettings, client: Client) -> Verifier | None:
    if not settings.console_assertion_header:
        return None

    async def url() -> str:
        return settings.console_assertion_jwks_url

    return Verifier(
        Keys(client, url),
        settings.console_assertion_issuer,
        settings.console_assertion_audience,
        settings.console_groups_claim,
    )
