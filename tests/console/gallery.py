"""The console's pages on the demo's orders: what the browser tests and the pictures look at.

The demo's stories go through the engine without a broker, which takes a second instead of thirty.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from service.console.links import order_link, search_link
from service.console.quarantine_pages import group_link
from service.console.server import running_console
from service.demo.stories import FIRST_DAY, Sent, stories
from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.runtime.console_url import record_path
from service.store.operators.quarantine_groups import Group
from service.store.postgres import PostgresStore
from service.store.substitute_clock import pass_time
from service.terms.source import FixedTerms
from tests.chaos.proxy import Proxy, proxy_before
from tests.console.conftest import settings_for
from tests.console.identity import HEADER, IdentityProvider
from tests.orders.stories import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from service.console.server import Running

ALL, ENGINEER, NOBODY = "all roles", "engineer", "nobody"
"""The visitors of a page."""

ORDERS = "purchasing.events.order.v1"
SENDER = "/order"
TRIED = "demo-20"
"""The order of a message that is tried; there is none of this id."""
BROKEN, GARBLED = 9_001, 9_009
"""Offsets of quarantined records: the first of three with a wrong member, and one that is no JSON."""

LATE = FIRST_DAY + timedelta(days=4, hours=6)
"""In `demo-05`: after the purchase happened, before anything about it was received."""


DAYS = f"from={FIRST_DAY:%Y-%m-%d}&to={FIRST_DAY + timedelta(days=30):%Y-%m-%d}"
"""As many days of the demo's orders as a page has."""


class Sight(NamedTuple):
    """One page, as one person sees it."""

    name: str
    path: str
    status: int = 200
    person: str = ALL
    pasted: str = ""
    """Put into the form there, which is then sent: the page is the answer."""


def event_of(order_id: str, *, quantity: Any = 1, name: str = "tried") -> dict[str, Any]:
    """An order that is placed as the demo's first is, under another id; its first item in this quantity."""
    (sent,) = [step for step in next(iter(stories())).steps if isinstance(step, Sent)][:1]
    event: dict[str, Any] = json.loads(sent.value)
    event |= {"subject": order_id, "id": f"{order_id}-{name}"}
    event["data"]["items"][0]["quantity"] = quantity
    return event


SIGHTS = (
    Sight("sign-in", "/login", person=NOBODY),
    Sight("home", "/"),
    Sight("home-engineer", "/", person=ENGINEER),
    Sight("order", order_link("demo-04")),
    Sight("order-received", order_link("demo-07")),
    Sight("order-charged-back", order_link("demo-11")),
    Sight("order-late-news", order_link("demo-05")),
    Sight("order-at", order_link("demo-04", FIRST_DAY + timedelta(days=3, hours=6))),
    Sight("letter", order_link("demo-04", page="letter")),
    Sight("letter-charged-back", order_link("demo-11", page="letter")),
    Sight("order-what-if", order_link("demo-05", page="what-if") + "?type=purchasing.seller.cancellation_refused.v1"),
    Sight("search", search_link("acct-7")),
    Sight("search-nothing", search_link("nobody-knows")),
    Sight("unknown-order", order_link("ord-unknown"), 404),
    Sight("clauses", "/clauses"),
    Sight("clause", "/clauses/12"),
    Sight("contract", "/contract"),
    Sight("contract-message", "/contract/purchasing.order.placed.v1", person=ENGINEER),
    Sight("money", f"/money?{DAYS}&by=day&by=provider&by=line&by=clauses"),
    Sight("reconciliation", f"/reconciliation?{DAYS}"),
    Sight("what-if", "/what-if"),
    Sight("arrivals", order_link("demo-11", page="arrivals")),
    Sight("operations", "/operations"),
    Sight("act", "/acts/hold?order=demo-04"),
    Sight("act-replay", "/acts/replay"),
    Sight("notes", order_link("demo-04", page="notes")),
    Sight("private", order_link("demo-04", page="private")),
    Sight("audit", "/audit"),
    Sight("account", "/account"),
    Sight("account-engineer", "/account", person=ENGINEER),
    Sight("denied", order_link("demo-04"), 403, person=ENGINEER),
    Sight("problem", "/nothing-here", 404),
    Sight("now", "/now"),
    Sight("alerts", "/alerts"),
    Sight("alert", "/alerts/PurchasingOutboxPaused"),
    Sight("alert-unknown", "/alerts/PurchasingNone", 404),
    Sight("runbook", "/runbook/quarantine-growing"),
    Sight("quarantine", "/quarantine"),
    Sight("quarantine-group", group_link(Group(ORDERS, "schema", "/data/items/*/quantity", SENDER))),
    Sight("quarantined-record", record_path(ORDERS, 0, BROKEN)),
    Sight("quarantined-record-engineer", record_path(ORDERS, 0, GARBLED), person=ENGINEER),
    Sight("messages", "/messages"),
    Sight("message", "/messages?order=demo-04"),
    Sight("message-quarantined", f"/messages?topic={ORDERS}&partition=0&offset={GARBLED}"),
    Sight("message-engineer", "/messages?order=demo-04", person=ENGINEER),
    Sight("docs", "/docs/operators.html"),
    Sight("docs-message", "/docs/purchasing.payment.tip_paid.v1.html"),
    Sight("docs-search", "/docs/search.html?q=refund+limit"),
    Sight("docs-code", "/docs/clients.html"),
    Sight("try", "/try"),
    Sight("tried", "/try", pasted=json.dumps(event_of(TRIED), indent=2)),
    Sight("tried-wrong", "/try", pasted=json.dumps(event_of(TRIED, quantity="many"), indent=2)),
)
"""Each template once at least, the order's page in each of its shapes."""

AWAY = (
    Sight("database-away", order_link("demo-04"), 503),
    Sight("now-away", "/now"),
    Sight("quarantine-away", "/quarantine"),
)
"""Once the database is away."""


class Gallery(NamedTuple):
    """A console on the demo's orders."""

    running: Running
    provider: IdentityProvider
    proxy: Proxy

    def headers(self, person: str) -> dict[str, str]:
        """The headers that a person's browser sends beside those of every browser."""
        return {HEADER: self.provider.token(groups=["g-engineer"])} if person == ENGINEER else {}

    def way_in(self, person: str) -> str | None:
        """The address at which a person's browser signs in first."""
        return self.running.origin + self.running.console.door.new_link() if person == ALL else None


async def play(database: str) -> None:
    """Play the demo's orders in a database whose clock goes by the events; read up to the last of them."""
    store = await PostgresStore.open(database, connections=2)
    connection = await asyncpg.connect(database)
    try:
        engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
        latest = FIRST_DAY
        for story in stories():
            for step in story.steps:
                if isinstance(step, Sent):
                    latest = max(latest, step.at or latest)
                    await engine.handle([record(step.value, key=step.key.encode(), topic=step.topic)])
                else:
                    latest = max(latest, step.until)
                    await pass_time(connection, step.until)
                    await engine.fire_due()
        await _publish(connection, latest)
    finally:
        await connection.close()
        await store.close()


async def trouble(database: str) -> None:
    """Make what operators see to: records in quarantine, money that waits, a pause, an order that is held."""
    store = await PostgresStore.open(database, connections=2)
    connection = await asyncpg.connect(database)
    try:
        engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
        for n in range(3):
            wrong = event_of("demo-10", quantity="many", name=f"wrong-{n}")
            value = json.dumps(wrong).encode()
            await engine.handle([record(value, key=b"demo-10", topic=ORDERS)._replace(offset=BROKEN + n)])
        await engine.handle([record(b"{", key=b"demo-09", topic=ORDERS)._replace(offset=GARBLED)])
        for statement in TROUBLE:
            await connection.execute(statement)
    finally:
        await connection.close()
        await store.close()


TROUBLE = (
    "update relay_notes set position = 0 where lane = (select lane from outbox where order_id = 'demo-11' limit 1)",
    "insert into outbox_pauses (lane, paused_by, why) values (-1, 'ann', 'the bank asks for a stop')",
    "update orders set held_at = now() where order_id = 'demo-09'",
    (
        "insert into operator_actions (done_by, what, subject, outcome, why) values"
        " ('ben', 'order hold', 'demo-09', 'done', 'the seller is being heard, ticket 4711'),"
        f" ('ann', 'quarantine show', '{ORDERS}/0/{BROKEN}', 'done', null)"
    ),
)


async def _publish(connection: asyncpg.Connection, latest: datetime) -> None:
    """Note as the relay and the inbox would that all is published and read."""
    await connection.execute(
        "insert into relay_notes (lane, position) select lane, position from lanes "
        "on conflict (lane) do update set position = excluded.position"
    )
    await connection.execute(
        "insert into input_progress (topic, partition, watermark) values ('purchasing.events.order.v1', 0, $1)", latest
    )


@asynccontextmanager
async def gallery(database: str) -> AsyncIterator[Gallery]:
    """A console on a prepared database."""
    async with (
        IdentityProvider().answering() as provider,
        proxy_before(database) as (proxy, url),
        running_console(settings_for(url, **provider.settings())) as running,
    ):
        yield Gallery(running, provider, proxy)
