"""Measure the console's pages with many orders in the database.

python -m tests.bench.console [--orders N] [--requests N] [--json FILE]

One client on this machine requests one page after another, so its wait is little more than the server's time. The pages
are those of random orders, those of orders with 50 facts, searches for ids of every kind, and the state of the service.
On a busy machine only the processor time per request means something.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import structlog
from aiohttp import ClientSession, CookieJar
from yarl import URL

from service.console.links import order_link, search_link
from service.console.server import running_console
from service.embedded import EmbeddedPostgres
from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.runtime.settings import ConsoleSettings
from service.store.migrate import migrate
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.bench.history import fill, order_ids
from tests.orders.stories import paid_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

ORDERS, REQUESTS = 1_000_000, 1_000
WANTED_MS = 100.0
"""At the 95th percentile."""
SEED = 11

LONG, LONG_FACTS = 20, 50
"""So many orders with so many facts: four that make it effective, then requests to cancel and refusals."""
IDS = (
    "select id from outbox tablesample system_rows({n})",
    "select id from facts tablesample system_rows({n})",
    "select data ->> 'payment_id' from facts where type = 'purchasing.payment.captured.v1' limit {n}",
    "select data ->> 'account_id' from facts where type = 'purchasing.order.placed.v1' limit {n}",
    "select data ->> 'provider_id' from facts where type = 'purchasing.order.placed.v1' limit {n}",
)


class Measured(NamedTuple):
    """The times that answers took, in milliseconds."""

    what: str
    requests: int
    p50: float
    p95: float
    worst: float
    processor: float
    """Processor time per request of this process, console and client together, without the database's."""

    @property
    def is_enough(self) -> bool:
        return self.p95 <= WANTED_MS


async def measure(orders: int, requests: int) -> list[Measured]:
    """Fill a database, open the console on it, and ask."""
    rng = random.Random(SEED)
    async with _filled(orders) as (database, filled):
        ids, longest = await _ids(database, rng, requests), await _tell_long_stories(database)
        settings = ConsoleSettings(database_url=database, console_port=0, console_url="")  # type: ignore[arg-type]
        async with (
            running_console(settings) as running,
            ClientSession(running.origin, cookie_jar=CookieJar(unsafe=True)) as session,
        ):
            await (await session.get(running.console.door.new_link())).read()
            some = [order_link(rng.choice(filled)) for _ in range(requests)]
            long = [order_link(rng.choice(longest)) for _ in range(requests)]
            return [
                await _ask(session, "an order's page", some),
                await _ask(session, f"the page of an order with {LONG_FACTS} facts", long),
                await _ask(session, "a search", [search_link(one) for one in ids]),
                await _ask(session, "how the service stands", ["/now"] * requests),
            ]


@asynccontextmanager
async def _filled(orders: int) -> AsyncIterator[tuple[str, list[str]]]:
    with TemporaryDirectory() as directory:
        async with EmbeddedPostgres(Path(directory) / "postgres", temporary=True) as server:
            await migrate(server.dsn, roles=True)
            _say(f"Filling the database with {orders:,} orders")
            await fill(server.dsn, None, orders, _say)
            yield server.dsn, order_ids(orders, orders)


async def _tell_long_stories(database: str) -> list[str]:
    """Decide orders with many facts by the engine, and return their ids."""
    store = await PostgresStore.open(database, connections=1)
    try:
        engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
        for n in range(LONG):
            story = paid_order(f"long-{n:02}").bought(goods=90_000, at=3_000_000)
            while story.steps < LONG_FACTS:
                request = f"can-{story.steps}"
                story.asks_to_cancel(request=request)
                if story.steps < LONG_FACTS:
                    story.seller_wont_cancel(request=request)
            await engine.handle(list(story))
    finally:
        await store.close()
    return [f"long-{n:02}" for n in range(LONG)]


async def _ids(database: str, rng: random.Random, count: int) -> list[str]:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("create extension if not exists tsm_system_rows")
        found = [row[0] for query in IDS for row in await connection.fetch(query.format(n=count // len(IDS)))]
    finally:
        await connection.close()
    rng.shuffle(found)
    return found


async def _ask(session: ClientSession, what: str, paths: Sequence[str]) -> Measured:
    _say(f"Asking {len(paths):,} times: {what}")
    took, busy = [], time.process_time()
    for path in paths:
        began = time.perf_counter()
        async with session.get(URL(path, encoded=True), allow_redirects=False) as answer:
            await answer.read()
            if answer.status not in (200, 303):
                raise RuntimeError(f"{path} was answered {answer.status}")
        took.append(1_000 * (time.perf_counter() - began))
    busy = 1_000 * (time.process_time() - busy) / len(paths)
    cuts = quantiles(took, n=100)
    return Measured(what, len(paths), cuts[49], cuts[94], max(took), busy)


def table(orders: int, measured: Sequence[Measured]) -> str:
    """Return the measurements as text."""
    lines = [f"With {orders:,} orders in the database, milliseconds (wanted: p95 at most {WANTED_MS:.0f}):", ""]
    lines += [
        "| what | requests | p50 | p95 | worst | processor, mean | enough |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {one.what} | {one.requests:,} | {one.p50:.1f} | {one.p95:.1f} | {one.worst:.1f} | {one.processor:.1f} "
        f"| {'yes' if one.is_enough else 'no'} |"
        for one in measured
    ]
    return "\n".join(lines)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    """Measure as the command line asks and print the figures; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders in the database (default: a million)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="requests for each kind of page")
    parser.add_argument("--json", type=Path, help="write what was measured into this file")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    measured = asyncio.run(measure(arguments.orders, arguments.requests))
    sys.stdout.write(table(arguments.orders, measured) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([one._asdict() for one in measured], indent=2) + "\n", "utf-8")
    return 0 if all(one.is_enough for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
