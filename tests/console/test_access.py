"""Every address, requested by every role and without one: it is denied unless granted, and names the missing right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, DummyCookieJar
from structlog.testing import capture_logs

from service.console.access import Access, Right, Role
from service.console.routes import ROUTES
from service.console.server import running_console
from tests.console.addresses import FORMS, IN_PATHS, QUERIES, add_all
from tests.console.conftest import settings_for
from tests.console.identity import HEADER
from tests.orders.stories import paid_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.console.server import Running
    from service.console.visit import Route
    from tests.console.identity import IdentityProvider

ORDERS = "/orders/{order_id}"
PUBLIC = {"/livez", "/readyz", "/static/{name}", "/login", "/login/link", "/login/oidc", "/login/callback"}
FOR_ANYBODY_SIGNED_IN = {"/", "/account", "/logout", "/openapi.json", "/docs/{page}"}
STATE = {"/now", "/alerts", "/alerts/{alert}", "/runbook/{section}"}
MESSAGES = {
    "/quarantine",
    "/quarantine/group",
    "/quarantine/{topic}/{partition}/{offset}",
    "/messages",
    "/try",
}
REFERENCE = {"/clauses", "/clauses/{number}", "/contract", "/contract/{message_type}"}
FINANCE = {"/money", "/money/export", "/reconciliation", "/what-if", f"{ORDERS}/arrivals"}
ACTS = {
    "/operations",
    "/acts/{act}",
    "/proposals/{proposal_id}",
    "/proposals/{proposal_id}/confirm",
    "/operations/{operation_id}",
    "/operations/{operation_id}/continue",
    "/operations/{operation_id}/stop",
}
NOTES = {f"{ORDERS}/notes", "/quarantine/{topic}/{partition}/{offset}/notes"}
PRIVATE = {f"{ORDERS}/private"}
AUDIT = {"/audit", "/audit.csv"}
GRANTED = {
    Role.SUPPORT: {
        *NOTES,
        *PRIVATE,
        "/search",
        ORDERS,
        f"{ORDERS}/at/{{instant}}",
        f"{ORDERS}/what-if",
        f"{ORDERS}/letter",
        *REFERENCE,
    },
    Role.OPERATOR: {
        *STATE,
        *MESSAGES,
        *ACTS,
        *NOTES,
        *PRIVATE,
        *AUDIT,
        "/search",
        ORDERS,
        f"{ORDERS}/at/{{instant}}",
        f"{ORDERS}/what-if",
        f"{ORDERS}/letter",
        *REFERENCE,
    },
    Role.FINANCE: {
        *FINANCE,
        *NOTES,
        *AUDIT,
        "/search",
        ORDERS,
        f"{ORDERS}/at/{{instant}}",
        f"{ORDERS}/what-if",
        *REFERENCE,
    },
    Role.ENGINEER: {*MESSAGES, *REFERENCE, "/search"},
}
"""The addresses of each role beside those that are for everybody. A new address has to be granted here too."""
EVERYTHING_ELSE = set().union(*GRANTED.values())
LACKING = "You lack a right"
STORES_NOTHING = {"/try", f"{ORDERS}/what-if", "/reconciliation", "/what-if"}
"""Forms that store nothing, sent because the content is too long for an address."""
FOREIGN = "This form doesn&#39;t come from the console"
"""The answer to a form without its token, for somebody who has the right."""


@pytest.fixture
async def running(database: str, engine, provider) -> AsyncIterator[Running]:
    await add_all(engine, database, paid_order())
    async with running_console(settings_for(database, **provider.settings())) as running:
        yield running


def address(route: Route) -> str:
    path = route.path.format(**IN_PATHS)
    return path + QUERIES.get(route.path, "")


def somebody(running: Running, provider: IdentityProvider, *groups: str, accept: str = "text/html") -> ClientSession:
    headers = {HEADER: provider.token(groups=list(groups)), "Accept": accept}
    return ClientSession(running.origin, headers=headers, cookie_jar=DummyCookieJar())


def test_every_address_is_of_one_route_that_names_a_right(running) -> None:
    answered = {(one.method, one.resource.canonical) for one in running.console.application().router.routes()}
    assert answered == {(route.method, route.path) for route in ROUTES}
    assert len(answered) == len(ROUTES)
    assert all(isinstance(route.right, Right) for route in ROUTES)


def test_every_address_is_granted_to_somebody_named_here() -> None:
    assert {route.path for route in ROUTES} == PUBLIC | FOR_ANYBODY_SIGNED_IN | EVERYTHING_ELSE
    assert {route.path for route in ROUTES if route.right is Right.PUBLIC} == PUBLIC
    assert {route.path for route in ROUTES if route.right is Right.SIGNED_IN} == FOR_ANYBODY_SIGNED_IN


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_what_is_granted_and_nothing_else(role, running, provider) -> None:
    async with somebody(running, provider, f"g-{role}") as session:
        for route in ROUTES:
            if route.path in PUBLIC:
                continue
            form = FORMS.get(route.path) if route.method == "POST" else None
            async with session.request(route.method, address(route), data=form, allow_redirects=False) as answer:
                text = await answer.text()
            if route.path in GRANTED[role] and route.method == "POST" and route.path not in STORES_NOTHING:
                assert (answer.status, FOREIGN in text, LACKING in text) == (403, True, False), route.path
            elif route.path in FOR_ANYBODY_SIGNED_IN | GRANTED[role]:
                assert answer.status == (303 if route.path == "/logout" else 200), (route.path, text)
                assert "next=" not in answer.headers.get("Location", "")
            else:
                assert answer.status == 403, route.path
                assert LACKING in text, route.path
                assert "ord-1-e0" not in text
                assert all(f"g-{one}" in text for one in Role if route.path in GRANTED[one]), route.path


async def test_engineers_find_orders_by_search_without_a_link_to_them(running, provider) -> None:
    async with (
        somebody(running, provider, "g-engineer") as session,
        session.get("/search", params={"q": "ord-1-e0"}) as answer,
    ):
        page = await answer.text()
    assert answer.status == 200
    assert "ord-1" in page
    assert 'href="/orders/' not in page


@pytest.mark.parametrize("groups", [(), ("g-strangers",), ("support",), ("G-SUPPORT",)])
async def test_a_person_without_a_role_sees_only_the_missing_rights(groups, running, provider) -> None:
    async with somebody(running, provider, *groups) as session:
        for route in ROUTES:
            if route.path in PUBLIC:
                continue
            async with session.request(route.method, address(route), allow_redirects=False) as answer:
                assert (answer.status == 403) is (route.path in EVERYTHING_ELSE), route.path
        async with session.get("/account") as answer:
            page = await answer.text()
    assert "None of your groups has a role here." in page


async def test_a_visitor_is_sent_to_the_sign_in_page_and_a_program_gets_401(running) -> None:
    async with ClientSession(running.origin) as session:
        for route in ROUTES:
            if route.path in PUBLIC:
                continue
            async with session.request(route.method, address(route), allow_redirects=False) as answer:
                text = await answer.text()
            if route.method == "GET":
                assert answer.status == 303, route.path
                assert answer.headers["Location"].startswith("/login"), route.path
                assert text == ""
            else:
                assert answer.status == 401, route.path
            json = {"Accept": "application/json"}
            async with session.request(route.method, address(route), headers=json, allow_redirects=False) as answer:
                problem = await answer.json(content_type="application/problem+json")
            assert answer.status == problem["status"] == 401, route.path


async def test_public_addresses_answer_nobody(running) -> None:
    async with ClientSession(running.origin) as session:
        for path in PUBLIC:
            async with session.get(path.format(name="console.css"), allow_redirects=False) as answer:
                assert answer.status != 401, path
                assert not answer.headers.get("Location", "").startswith("/login"), path


async def test_a_denied_answer_names_the_right_and_the_groups(running, provider) -> None:
    async with (
        somebody(running, provider, "g-finance", accept="application/json") as session,
        session.get("/orders/ord-1/letter") as answer,
    ):
        problem = await answer.json(content_type="application/problem+json")
    assert answer.status == 403
    assert problem["right"] == "letters"
    assert problem["groups"] == ["g-support", "g-operator"]
    async with somebody(running, provider, "g-finance") as session:
        async with session.get("/orders/ord-1/letter") as answer:
            page = await answer.text()
        async with session.get("/orders/ord-1") as answer:
            order = await answer.text()
    for told in ("write letters to buyers", "g-support", "g-operator", "support", "operator"):
        assert told in page
    assert "g-engineer" not in page
    assert "/letter" not in order


async def test_without_groups_for_a_role_the_page_names_the_setting(database, provider) -> None:
    settings = settings_for(database, **(provider.settings() | {"console_roles": ""}))
    async with (
        running_console(settings) as running,
        somebody(running, provider, "g-support") as session,
        session.get("/clauses") as answer,
    ):
        page = await answer.text()
    assert answer.status == 403
    assert "PURCHASING_CONSOLE_ROLES" in page


def test_a_right_that_no_role_has_is_denied_to_all_roles(monkeypatch) -> None:
    from service.console import access
    from service.console.access import Person

    monkeypatch.setattr(access, "RIGHTS", {role: frozenset() for role in Role})
    person = Person("u", "Ann", (), frozenset(Role), "oidc")
    asked = Access({})
    assert [right for right in Right if asked.may(person, right)] == [Right.PUBLIC, Right.SIGNED_IN]
    assert [right for right in Right if asked.may(None, right)] == [Right.PUBLIC]


async def test_views_and_denials_are_logged_with_the_person(running, provider) -> None:
    with capture_logs() as logs:
        for group, path in (
            ("g-finance", "/orders/ord-1"),
            ("g-engineer", "/search?q=pay-1"),
            ("g-operator", "/search?q=Somebody%27s+Street+12"),
            ("g-support", "/clauses"),
        ):
            async with somebody(running, provider, group) as session, session.get(path) as answer:
                assert answer.status == 200
        async with somebody(running, provider, "g-engineer") as session, session.get("/orders/ord-1") as answer:
            assert answer.status == 403
    assert "Street" not in str(logs)
    assert [(one["event"], one["subject"], one.get("known_id"), one["right"]) for one in logs] == [
        ("console_looked", "u-ann", "ord-1", "orders"),
        ("console_looked", "u-ann", "pay-1", "search"),
        ("console_looked", "u-ann", None, "search"),
        ("console_denied", "u-ann", None, "orders"),
    ]
