"""Pages show all text of senders, people and visitors as text; and one order's pages show no other's."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, DummyCookieJar
from purchasing_contracts.base import text_of
from purchasing_contracts.envelope import Event
from purchasing_contracts.generate.samples import EVENTS
from purchasing_contracts.topics import class_of, topic_of
from yarl import URL

from service.console.links import order_link, search_link
from service.console.server import running_console
from tests.chaos.proxy import proxy_before
from tests.console.conftest import browser, settings_for
from tests.console.identity import HEADER
from tests.console.reading import Page, read_json
from tests.orders.stories import record
from tests.rules.happenings import HOUR, when
from tests.rules.histories import history, in_any_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from service.orders.engine import Engine
    from service.orders.inbound_record import InboundRecord

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></textarea></main><h1>x",
    "<!--",
    "&lt;b&gt;&#x3c;b&#x3e;",
    "{{7*7}}",
    "{% for x in y %}${7*7}#{7*7}",
    "{order}{0}{amount!r}",
    "javascript:alert(1)",
    "\u202egnp.exe\u2066\u200f",
    "line\r\nSet-Cookie: session=x",
    "tab\tand \u2028 and \x01 and \x7f",
    "../../login?next=//elsewhere.example#x",
    "..",
    "by-id",
    "100%25 %00 %2e%2e",
    "e\u0301\U0001f600" * 40,
    "x" * 120,
]
Place = tuple[str | int, ...]
"""The place of a text in a message."""

HALF = len(EVENTS) // 2


def messages(order_id: str) -> list[dict[str, Any]]:
    """One message of every type about an order, with everything that it may have, an hour apart."""
    return [
        {
            "specversion": "1.0",
            "id": f"{order_id}-{n:02}",
            "source": "/tests",
            "type": type_,
            "subject": order_id,
            "time": text_of(when(n * HOUR)),
            "data": deepcopy(required | optional),
        }
        for n, (type_, (required, optional)) in enumerate(EVENTS.items())
    ]


def inbound(message: dict[str, Any]) -> InboundRecord:
    class_ = class_of(message["type"])
    assert class_ is not None
    value = json.dumps(message, ensure_ascii=False).encode("utf-8")
    return record(value, key=message["subject"].encode(), topic=topic_of(class_).name)


def texts_in(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield where the texts are."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts_in(one, (*place, name))


def put(message: dict[str, Any], place: Place, text: str) -> None:
    within: Any = message
    for name in place[:-1]:
        within = within[name]
    within[place[-1]] = text


def filled_with(text: str) -> tuple[list[dict[str, Any]], list[list[Place]]]:
    """Messages of an order that is called like the text, which stands wherever the contract takes it; and where."""
    made, places = messages(text), []
    for message in made:
        taken = []
        for place in texts_in(message["data"], ("data",)):
            tried = deepcopy(message)
            put(tried, place, text)
            if isinstance(inbound(tried).decoded, Event):
                put(message, place, text)
                taken.append(place)
        places.append(taken)
    return made, places


def filled_likewise(name: str, places: list[list[Place]]) -> list[dict[str, Any]]:
    """The same messages about another order, with its name in the same places."""
    made = messages(name)
    for message, taken in zip(made, places, strict=True):
        for place in taken:
            put(message, place, name)
    return made


async def seen(session: ClientSession, name: str) -> list[Page]:
    """All pages about an order."""
    found = []
    for path in (order_link(name), order_link(name, when(HALF * HOUR)), order_link(name, None, "letter")):
        async with session.get(URL(path, encoded=True)) as answer:
            text = await answer.text()
            assert answer.status == 200, (path, text)
            assert answer.cookies == {}
        found.append(Page(text))
    async with session.get(URL(search_link(name), encoded=True)) as answer:
        found.append(Page(await answer.text()))
    return found


def is_text_only(usual: Page, hostile: Page, name: str, text: str) -> None:
    """Assert that a page differs from the usual one only by showing the text where that shows the name."""
    assert hostile.elements == usual.elements, text
    assert hostile.comments == [], text
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in hostile.links), text
    shown = " ".join(text.replace("\r\n", "\n").split())
    assert hostile.text.count(shown) == usual.text.count(name) > 0, text
    for piece, inside in hostile.texts:
        if text in piece and "pre" not in inside:
            assert {"bdi", "title"} & set(inside), (text, piece, inside)


def test_the_contract_takes_a_hostile_text_in_many_members() -> None:
    made, places = filled_with(HOSTILE[0])
    members = {place[-1] for taken in places for place in taken}
    assert {"account_id", "payment_id", "chargeback_id", "request_id", "seller_name", "detail"} <= members
    assert all(isinstance(inbound(message).decoded, Event) for message in made)
    assert sum(map(len, places)) >= 75


async def test_a_hostile_text_in_every_member_of_every_message_is_shown_as_text(database, engine, provider) -> None:
    pairs = []
    for n, text in enumerate(HOSTILE):
        hostile, places = filled_with(text)
        pairs.append((f"usual-{n:02}", text, filled_likewise(f"usual-{n:02}", places), hostile))
    for part in (slice(None, HALF), slice(HALF, None)):
        # In small transactions: the server ends one that waits for this program for seconds.
        for *_, usual, hostile in pairs:
            await engine.handle([inbound(one) for one in (*usual[part], *hostile[part])])
    async with (
        proxy_before(database) as (proxy, url),
        running_console(settings_for(url)) as running,
        browser(running) as session,
    ):
        await finance_shows_text_only(session, pairs)
        for name, text, *_ in pairs:
            for usual, hostile in zip(await seen(session, name), await seen(session, text), strict=True):
                is_text_only(usual, hostile, name, text)
            async with session.get(
                URL(order_link(text), encoded=True), headers={"Accept": "application/json"}
            ) as answer:
                assert (await answer.json())["order_id"] == text
        proxy.cut()
        for name, text, *_ in pairs:
            away = []
            for path in (order_link(name), order_link(text)):
                async with session.get(URL(path, encoded=True)) as answer:
                    assert answer.status == 503
                    away.append(Page(await answer.text()))
            is_text_only(*away, name, text)


async def finance_shows_text_only(session: ClientSession, pairs: Sequence[tuple[str, str, Any, Any]]) -> None:
    """Assert the same of the finance pages: each order's money by its provider, which is called like the order."""
    days = f"from={when(0):%Y-%m-%d}&to={when(30 * 24 * HOUR):%Y-%m-%d}"
    by = "&by=day&by=provider&by=line&by=clauses"
    addresses = (f"/money?{days}{by}&provider=", f"/reconciliation?{days}&provider=")
    for name, text, *_ in pairs:
        for address in addresses:
            found = []
            for one in (name, text):
                async with session.get(URL(address + quote(one, safe=""), encoded=True)) as answer:
                    assert answer.status == 200, await answer.text()
                    found.append(Page(await answer.text()))
            usual, hostile = found
            # Rows stand by their texts, so only what they are made of is the same.
            assert sorted(hostile.elements) == sorted(usual.elements), (address, text)
            assert hostile.comments == []
            assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in hostile.links), text
            assert " ".join(text.split()) in hostile.text, (address, text)
        found = []
        for one in (name, text):
            async with session.get(URL(order_link(one, None, "arrivals"), encoded=True)) as answer:
                assert answer.status == 200, await answer.text()
                found.append(Page(await answer.text()))
        assert found[0].elements == found[1].elements, text


ADDRESSES: tuple[Callable[[str], URL], ...] = (
    lambda text: URL(order_link(text), encoded=True),
    lambda text: URL(order_link(text, None, "letter"), encoded=True),
    lambda text: URL(search_link(text), encoded=True),
    lambda text: URL("/clauses").with_query(lang=text, zone=text),
    lambda text: URL("/account").with_query(zone=text),
    lambda text: URL("/money").with_query(
        [(name, text) for name in ("from", "provider", "line", "clause", "by", "page")]
    ),
    lambda text: URL("/money").with_query(provider=text, line=text, clause=text),
    lambda text: URL("/reconciliation").with_query(provider=text, movement=text, grace=text),
    lambda text: URL("/reconciliation").with_query(provider=text, line=text, currency=text),
    lambda text: URL(order_link(text, None, "arrivals"), encoded=True),
    lambda text: URL("/money/export").with_query(format=text),
    lambda text: URL("/login").with_query(next=text),
    lambda text: URL("/login/callback").with_query(state=text, code=text),
    lambda text: URL("/login/link").with_query(token=text),
)


async def test_a_hostile_text_in_an_address_or_as_a_persons_name_is_shown_as_text(database, provider) -> None:
    async with (
        running_console(settings_for(database, **provider.settings())) as running,
        ClientSession(running.origin, cookie_jar=DummyCookieJar()) as session,
    ):

        async def page(url: URL, name: str) -> Page:
            token = provider.token(name=name, groups=["g-support", "g-finance"])
            async with session.get(url, headers={HEADER: token}, allow_redirects=False) as answer:
                assert answer.status < 500
                return Page(await answer.text())

        for text in HOSTILE:
            for address in ADDRESSES:
                usual, hostile = await page(address("usual"), "usual"), await page(address(text), text)
                assert hostile.elements == usual.elements, (text, hostile.text)
                assert hostile.comments == []
                assert not any(link.startswith(("//", "javascript:")) for link in hostile.links), text


@pytest.mark.parametrize(
    "path", ["/orders/%00", "/orders/%FF%FE", "/orders/" + "x" * 4_000, "/search?q=%00", "/search?q=%FF"]
)
async def test_an_id_that_cannot_be_is_not_received(path, pages) -> None:
    async with pages.get(URL(path, encoded=True)) as answer:
        assert answer.status == (200 if path.startswith("/search") else 404), await answer.text()


OWN = ("id", "source", "line")


def owned(value: Any, order_id: str, member: str = "") -> Any:
    """The same data with ids that only this order has."""
    if isinstance(value, dict):
        return {name: owned(one, order_id, name) for name, one in value.items()}
    if isinstance(value, list):
        return [owned(one, order_id, member) for one in value]
    if member.endswith("_id") and isinstance(value, str):
        return f"{value}-{order_id}"
    if member == "line" and ":" in value:
        return f"{value}-{order_id}"
    return value


def random_story(rng: random.Random, order_id: str) -> list[InboundRecord]:
    """A random history of an order, in a random order."""
    return [
        inbound(
            event | {"subject": order_id, "id": f"{event['id']}-{order_id}", "data": owned(event["data"], order_id)}
        )
        for event in in_any_order(rng, history(rng))
    ]


async def receive_mixed(engine: Engine, rng: random.Random, stories: Sequence[list[InboundRecord]]) -> None:
    """Handle all orders in random batches, each order's messages in their order."""
    waiting = [list(story) for story in stories]
    mixed = []
    while any(waiting):
        mixed.append(rng.choice([story for story in waiting if story]).pop(0))
    while mixed:
        size = rng.randint(1, 12)
        await engine.handle(mixed[:size])
        del mixed[:size]


async def test_one_orders_pages_show_nothing_of_another(engine, api) -> None:
    """A property: of random histories, received in any mixture, each page has the ids of its own order only."""
    for seed in range(6):
        rng = random.Random(seed)
        names = (f"alpha{seed}", f"bravo{seed}")
        stories = [random_story(rng, name) for name in names]
        await receive_mixed(engine, rng, stories)
        for own, other, story in zip(names, reversed(names), stories, strict=True):
            known = await read_json(api, f"/orders/{own}")
            assert {one["id"] for one in known["facts"]} <= {one.decoded.id for one in story}
            middle = text_of(when(rng.randrange(1, 60 * 24) * HOUR))
            for path in (f"/orders/{own}", f"/orders/{own}/letter", f"/search?q={own}", f"/orders/{own}/at/{middle}"):
                for accept in ("application/json", "text/html"):
                    async with api.get(path, headers={"Accept": accept}) as answer:
                        text = await answer.text()
                    assert own in text, (seed, path)
                    assert other not in text, (seed, path)
