"""Signing in and out: the one-time link, sessions, the identity provider's code flow, bearer tokens, assertions."""

from __future__ import annotations

import base64
import hmac
import json
import time
from hashlib import sha256
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import pytest
from aiohttp import ClientSession, CookieJar, DummyCookieJar
from yarl import URL

from service.console.server import ConsoleError, check, running_console
from service.console.sign_in.door import LINK_SECONDS, is_own_path
from service.console.sign_in.tokens import FETCH_AGAIN_SECONDS, Client, Keys
from service.store.console_sessions import LINK
from tests.console.conftest import browser, settings_for
from tests.console.identity import HEADER, IdentityProvider, new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service.console.server import Running

JSON = {"Accept": "application/json"}


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(provider: IdentityProvider) -> str:
    head = b64(json.dumps({"alg": "none", "kid": "key-1"}).encode())
    return f"{head}.{b64(json.dumps(provider.claims()).encode())}."


def by_public_key_as_secret(provider: IdentityProvider) -> str:
    signed = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "key-1"}, provider.claims()))
    return f"{signed}.{b64(hmac.digest(provider.key.as_pem(private=False), signed.encode(), sha256))}"


def with_other_claims(provider: IdentityProvider) -> str:
    head, _, signature = provider.token().split(".")
    return f"{head}.{b64(json.dumps(provider.claims(groups=['g-operator'])).encode())}.{signature}"


def deeply_nested(_: IdentityProvider) -> str:
    return f"{b64(b'[' * 5_000)}.e30.e30"


BAD: dict[str, Callable[[IdentityProvider], str]] = {
    "expired": lambda provider: provider.token(exp=int(time.time()) - 120),
    "without end": lambda provider: provider.token(exp=None),
    "of the day before yesterday": lambda provider: provider.token(iat=int(time.time()) - 2 * 86_400),
    "not yet valid": lambda provider: provider.token(nbf=int(time.time()) + 600),
    "for another audience": lambda provider: provider.token(aud="elsewhere"),
    "without audience": lambda provider: provider.token(aud=None),
    "of another issuer": lambda provider: provider.token(iss="https://elsewhere.example"),
    "without subject": lambda provider: provider.token(sub=None),
    "without name": lambda provider: provider.token(name=None),
    "with a blank name": lambda provider: provider.token(name="  "),
    "by another key of the same id": lambda provider: provider.token(new_key()),
    "by a key of another id": lambda provider: provider.token(new_key("key-9")),
    "unsigned": unsigned,
    "signed with the public key as secret": by_public_key_as_secret,
    "with other claims under the signature": with_other_claims,
    "no token at all": lambda _: "ann",
    "deeply nested": deeply_nested,
    "empty": lambda _: "",
}


@pytest.fixture
async def running(database: str, provider) -> AsyncIterator[Running]:
    async with running_console(settings_for(database, **provider.settings())) as running:
        yield running


def stranger(running: Running) -> ClientSession:
    return ClientSession(running.origin, cookie_jar=CookieJar(unsafe=True))


async def is_signed_in(session: ClientSession, **headers: str) -> bool:
    async with session.get("/account", headers=JSON | headers) as answer:
        assert answer.status in (200, 401), await answer.text()
        return answer.status == 200


async def on_database(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def test_a_link_lets_one_browser_in_once(running) -> None:
    link = running.console.door.new_link()
    async with stranger(running) as first, stranger(running) as second:
        async with first.get(link) as answer:
            assert answer.status == 200
        async with second.get(link, allow_redirects=False) as answer:
            assert answer.status == 403
            assert "used before" in await answer.text()
            assert "Set-Cookie" not in answer.headers
        assert await is_signed_in(first)
        assert not await is_signed_in(second)


async def test_a_link_ends_after_its_time(running, monkeypatch) -> None:
    door = running.console.door
    link = door.new_link()
    began = door._clock()
    monkeypatch.setattr(door, "_clock", lambda: began + LINK_SECONDS + 1)
    async with stranger(running) as session, session.get(link) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("token", ["", "x", "x" * 5_000, "\udcff", "' or 1=1 --"])
async def test_a_guessed_link_lets_nobody_in(token, running) -> None:
    running.console.door.new_link()
    async with stranger(running) as session:
        async with session.get("/login/link", params={"token": token.encode("utf-8", "replace").decode()}) as answer:
            assert answer.status == 403
        assert not await is_signed_in(session)


@pytest.mark.parametrize("host", ["*", "127.0.0.1"])
async def test_no_link_where_others_reach_the_console(host, database, provider) -> None:
    settings = settings_for(database, **provider.settings(), console_host=host, console_url="https://console.example")
    async with running_console(settings) as running, ClientSession(running.origin) as session:
        link = running.console.door.new_link()
        async with session.get(link, headers={"Host": "console.example"}, allow_redirects=False) as answer:
            assert answer.status == 404
            assert "Set-Cookie" not in answer.headers
        async with session.get("/login", headers={"Host": "console.example"} | JSON) as answer:
            assert (await answer.json())["ways"] == ["oidc"]
            assert "max-age" in answer.headers["Strict-Transport-Security"]


async def test_a_links_session_is_worth_nothing_where_others_reach_the_console(database) -> None:
    async with running_console(settings_for(database)) as here:
        session_id = await here.console.door.begin("local", "local user", (), LINK)
        async with ClientSession(here.origin, headers={"Cookie": f"session={session_id}"}) as session:
            assert await is_signed_in(session)
    async with running_console(settings_for(database, console_url="https://console.example")) as there:
        headers = {"Host": "console.example", "Cookie": f"__Host-session={session_id}"}
        async with ClientSession(there.origin, headers=headers) as session:
            assert not await is_signed_in(session)


async def test_a_request_to_another_host_is_turned_away(running) -> None:
    link = running.console.door.new_link()
    async with ClientSession(running.origin) as session:
        async with session.get(link, headers={"Host": "elsewhere.example"}) as answer:
            assert answer.status == 421
        async with session.get("/livez", headers={"Host": "10.0.0.7"}) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(("url", "name"), [("", "session"), ("https://localhost", "__Host-session")])
async def test_the_sessions_cookie_is_kept_from_scripts_and_other_sites(url, name, database) -> None:
    async with (
        running_console(settings_for(database, console_url=url)) as running,
        stranger(running) as session,
        session.get(running.console.door.new_link(), allow_redirects=False) as answer,
    ):
        cookie = SimpleCookie(answer.headers["Set-Cookie"])[name]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert bool(cookie["secure"]) is bool(url)
    kept = await on_database(database, "select encode(id_hash, 'hex') as hash from console_sessions")
    assert [row["hash"] for row in kept] == [sha256(cookie.value.encode()).hexdigest()]


@pytest.mark.parametrize(
    ("change", "still"),
    [
        ("seen_at = clock_timestamp() - interval '59 minutes'", True),
        ("seen_at = clock_timestamp() - interval '61 minutes'", False),
        ("ends_at = clock_timestamp() - interval '1 second'", False),
    ],
)
async def test_a_session_ends_when_idle_and_after_its_time(change, still, running, database) -> None:
    async with browser(running) as session:
        assert await is_signed_in(session)
        await on_database(database, f"update console_sessions set {change}")
        assert await is_signed_in(session) is still


async def test_a_session_lasts_twelve_hours_at_most(running, database) -> None:
    async with browser(running):
        (row,) = await on_database(
            database, "select ends_at - clock_timestamp() <= interval '12 hours' as short from console_sessions"
        )
    assert row["short"]


async def test_after_signing_out_the_old_cookie_is_worth_nothing(running, database) -> None:
    async with browser(running) as session:
        cookies = {name: one.value for name, one in session.cookie_jar.filter_cookies(URL(running.origin)).items()}
        async with session.post("/logout", allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/login"
            assert 'session=""' in answer.headers["Set-Cookie"]
    async with ClientSession(running.origin, cookies=cookies, cookie_jar=CookieJar(unsafe=True)) as session:
        assert not await is_signed_in(session)
    assert await on_database(database, "select 1 from console_sessions") == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
async def test_another_site_signs_nobody_out(headers, running) -> None:
    async with browser(running) as session:
        async with session.post("/logout", headers=headers) as answer:
            assert answer.status == 403
        assert await is_signed_in(session)


async def come_back(
    session: ClientSession, provider: IdentityProvider, after: str = "/account", **changed: str
) -> tuple[int, str, str]:
    """Go to the provider and back; returns status, text and where the browser ends up."""
    async with session.get("/login/oidc", params={"next": after}, allow_redirects=False) as answer:
        assert answer.status == 303
        there = urlsplit(answer.headers["Location"])
    assert f"{there.scheme}://{there.netloc}" == provider.issuer
    asked = dict(parse_qsl(there.query))
    back = {"code": provider.grant(asked), "state": asked["state"]} | changed
    async with session.get("/login/callback", params=back) as answer:
        return answer.status, await answer.text(), answer.url.path


async def test_the_identity_provider_lets_somebody_in_with_the_roles_of_their_groups(running, provider) -> None:
    async with stranger(running) as session:
        status, page, path = await come_back(session, provider)
        assert (status, path) == (200, "/account")
        assert "Ann Li" in page
        async with session.get("/account", headers=JSON) as answer:
            assert (await answer.json())["roles"] == ["support"]
        assert "sign-in" not in session.cookie_jar.filter_cookies(URL(running.origin))


@pytest.mark.parametrize("name", [name for name in BAD if name != "empty"])
async def test_a_bad_token_for_a_code_lets_nobody_in(name, running, provider) -> None:
    async with stranger(running) as session:
        provider.id_token = BAD[name](provider)
        status, page, _ = await come_back(session, provider)
        assert status == 403, page
        assert not await is_signed_in(session)


@pytest.mark.parametrize("nonce", ["another", None, 7])
async def test_a_token_of_another_sign_in_lets_nobody_in(nonce, running, provider) -> None:
    provider.claims_of_code = {"nonce": nonce}
    async with stranger(running) as session:
        status, _, _ = await come_back(session, provider)
        assert status == 403
        assert not await is_signed_in(session)


async def test_a_sign_in_of_another_browser_is_refused(running, provider) -> None:
    async with stranger(running) as session, stranger(running) as other:
        status, _, _ = await come_back(session, provider, state="another")
        assert status == 403
        async with other.get("/login/callback", params={"code": "code-0", "state": "another"}) as answer:
            assert answer.status == 403
        async with other.get("/login/callback") as answer:
            assert answer.status == 403
        assert not await is_signed_in(session)
        assert not await is_signed_in(other)


async def test_a_code_that_the_provider_does_not_know_lets_nobody_in(running, provider) -> None:
    async with stranger(running) as session:
        status, _, _ = await come_back(session, provider, code="guessed")
        assert status == 503
        assert not await is_signed_in(session)


@pytest.mark.parametrize("after", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "/\tx"])
async def test_signing_in_leads_to_no_other_host(after, running, provider) -> None:
    assert not is_own_path(after)
    async with stranger(running) as session:
        status, _, path = await come_back(session, provider, after)
    assert (status, path) == (200, "/")


async def test_an_unreachable_identity_provider_is_reported(database, provider) -> None:
    away = provider.settings() | {"console_oidc_issuer": "http://127.0.0.1:9"}
    async with (
        running_console(settings_for(database, **away)) as running,
        stranger(running) as session,
        session.get("/login/oidc") as answer,
    ):
        assert answer.status == 503
        assert "can&#39;t be reached" in await answer.text()


def headers_of(way: str, token: str) -> dict[str, str]:
    return {HEADER: token} if way == "assertion" else {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("way", ["assertion", "bearer"])
async def test_a_signed_token_identifies_the_person(way, running, provider) -> None:
    async with ClientSession(running.origin, cookie_jar=DummyCookieJar()) as session:
        for _ in range(2):
            async with session.get("/account", headers=JSON | headers_of(way, provider.token())) as answer:
                assert answer.status == 200
                told = await answer.json()
    assert (told["name"], told["roles"]) == ("Ann Li", ["support"])


@pytest.mark.parametrize("way", ["assertion", "bearer"])
@pytest.mark.parametrize("name", list(BAD))
async def test_a_bad_token_identifies_nobody(name, way, running, provider) -> None:
    async with ClientSession(running.origin, cookie_jar=DummyCookieJar()) as session:
        assert not await is_signed_in(session, **headers_of(way, BAD[name](provider)))


async def test_a_bad_assertion_is_not_made_good_by_a_session(running, provider) -> None:
    async with browser(running) as session:
        assert not await is_signed_in(session, **{HEADER: BAD["expired"](provider)})


@pytest.mark.parametrize("header", ["X-Forwarded-User", "X-Auth-Request-User", "Remote-User", HEADER])
async def test_a_name_in_a_plain_header_is_nobody(header, running) -> None:
    async with ClientSession(running.origin) as session:
        assert not await is_signed_in(session, **{header: "ann", "X-Forwarded-Groups": "g-operator"})


async def test_without_settings_tokens_let_nobody_in(database, provider) -> None:
    async with running_console(settings_for(database)) as running, ClientSession(running.origin) as session:
        for way in ("assertion", "bearer"):
            assert not await is_signed_in(session, **headers_of(way, provider.token()))
        for path in ("/login/oidc", "/login/callback"):
            async with session.get(path) as answer:
                assert answer.status == 404


async def test_new_keys_are_fetched_when_a_token_names_one_but_not_too_often(provider) -> None:
    client, now = Client(), 100.0

    async def url() -> str:
        return f"{provider.issuer}/keys"

    keys = Keys(client, url, lambda: now)
    try:
        assert [key.kid for key in (await keys.of("key-1")).keys] == ["key-1"]
        provider.key = new_key("key-2")
        assert [key.kid for key in (await keys.of("key-2")).keys] == ["key-1"]
        now += FETCH_AGAIN_SECONDS + 1
        assert [key.kid for key in (await keys.of("key-2")).keys] == ["key-2"]
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"console_host": "*", "console_url": "https://c.example"}, "Nobody could sign in"),
        ({"console_host": "*"}, "PURCHASING_CONSOLE_URL is missing"),
        ({"console_oidc_issuer": "https://i.example"}, "PURCHASING_CONSOLE_OIDC_CLIENT_ID is missing"),
        ({"console_assertion_header": HEADER}, "PURCHASING_CONSOLE_ASSERTION_JWKS_URL"),
    ],
)
def test_a_console_that_nobody_should_enter_so_does_not_start(given, told) -> None:
    with pytest.raises(ConsoleError, match=told):
        check(settings_for("postgresql://localhost/x", **given))
