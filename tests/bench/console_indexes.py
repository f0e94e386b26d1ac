"""Measure the cost, per batch, of the indexes that the console's search needs.

python -m tests.bench.console_indexes [--orders N] [--batches N] [--size N] [--json FILE]

Two databases on one server differ only in these indexes. Each batch goes to both, one after the other; the first one
alternates. Wall-clock time contains other work of the machine. Processor time of the engine and of its session in the
database, and the bytes of the write-ahead log, contain little or nothing of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import psutil
import structlog

from service.embedded import EmbeddedPostgres
from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.errors import StoreUnavailableError
from service.store.migrate import known_migrations, migrate
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.bench.events import records
from tests.bench.history import fill, inbound_record_of
from tests.databases import on_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from service.orders.inbound_record import InboundRecord

ORDERS, BATCHES, WARM_UP = 100_000, 60, 2
BATCH = 1_000
SEED = 23
WANTED = 1.03
"""The batch with the indexes to the batch without."""
MIGRATION = "index_ids_for_search"


class Cost(NamedTuple):
    """The cost of one batch."""

    wall: float
    """Seconds on the clock."""
    processor: float
    """Seconds of processor time, of the engine and of its session in the database."""
    wal: int
    """Bytes of the write-ahead log."""


class Side(NamedTuple):
    """One of the two databases, and the engine that writes to it."""

    engine: Engine
    watching: asyncpg.Connection[asyncpg.Record]

    async def handle(self, batch: Sequence[InboundRecord]) -> Cost | None:
        """Handle a batch and return its cost; None if it had to be repeated because the machine was too busy."""
        session, wal = await self._session(), await self._wal()
        busy, began = _busy(session), time.perf_counter()
        try:
            await self.engine.handle(batch)
        except StoreUnavailableError as error:
            _say(f"A batch is repeated and not counted: {error}")
            with suppress(StoreUnavailableError):
                await self.engine.handle(batch)
            return None
        wall, busy = time.perf_counter() - began, _busy(session) - busy
        return Cost(wall, busy, await self._wal() - wal)

    async def _session(self) -> psutil.Process:
        return psutil.Process(await self.watching.fetchval(SESSION))

    async def _wal(self) -> int:
        return int(await self.watching.fetchval("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))


SESSION = """
select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
and backend_type = 'client backend' order by backend_start desc limit 1
"""


def _busy(session: psutil.Process) -> float:
    times = session.cpu_times()
    return time.process_time() + times.user + times.system


def indexes() -> list[str]:
    """Return the names of the indexes from the migration that makes them."""
    (found,) = [one for one in known_migrations() if one.name == MIGRATION]
    return re.findall(r"^create index (\w+)", found.sql, re.MULTILINE)


async def measure(orders: int, batches: int, size: int) -> tuple[list[Cost], list[Cost]]:
    """Return the cost of each batch with the indexes, and without."""
    events = [inbound_record_of(one) for one in records(SEED, (WARM_UP + batches) * size)]
    with TemporaryDirectory() as directory:
        async with EmbeddedPostgres(Path(directory) / "postgres", temporary=True) as server:
            await _prepare(server, orders)
            async with _side(server.dsn_of("with_indexes")) as with_, _side(server.dsn_of("without")) as without:
                pairs = []
                for n in range(WARM_UP + batches):
                    batch = events[n * size : (n + 1) * size]
                    found: dict[Side, Cost | None] = {}
                    for side in (with_, without) if n % 2 else (without, with_):
                        found[side] = await side.handle(batch)
                    one, other = found[with_], found[without]
                    if n >= WARM_UP and one is not None and other is not None:
                        pairs.append((one, other))
                    if n % 10 == 0:
                        _say(f"{n} of {WARM_UP + batches} batches")
                return [one for one, _ in pairs], [other for _, other in pairs]


async def _prepare(server: EmbeddedPostgres, orders: int) -> None:
    """Make both databases. The second is a copy of the first, so that nothing else differs."""
    await on_server(server.dsn, "create database with_indexes")
    await migrate(server.dsn_of("with_indexes"))
    if orders:
        _say(f"Filling the database with {orders:,} orders")
        await fill(server.dsn_of("with_indexes"), None, orders, _say)
    await on_server(server.dsn, "create database without template with_indexes strategy file_copy")
    await on_server(server.dsn_of("without"), *(f"drop index {name}" for name in indexes()))


@asynccontextmanager
async def _side(database: str) -> AsyncIterator[Side]:
    store = await PostgresStore.open(database, connections=1)
    watching = await asyncpg.connect(database)
    try:
        await store.server_time()
        yield Side(Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT)), watching)
    finally:
        await watching.close()
        await store.close()


class Ratio(NamedTuple):
    """A figure with the indexes to the same without."""

    what: str
    with_indexes: float
    without: float
    ratio: float
    lowest: float
    """A quarter of the pairs of batches are below."""
    highest: float


def ratios(with_: Sequence[Cost], without: Sequence[Cost]) -> list[Ratio]:
    """Return the medians, and the spread of the ratios of the pairs. Processor time is counted in hundredths of a
    second: its ratio is that of the sums."""
    found = []
    for what, of in (("milliseconds on the clock", lambda one: 1_000 * one.wall), ("kilobytes of WAL", _kilobytes)):
        pairs = sorted(of(a) / of(b) for a, b in zip(with_, without, strict=True))
        quarter = len(pairs) // 4
        low, high = pairs[quarter], pairs[-1 - quarter]
        found.append(Ratio(what, median(map(of, with_)), median(map(of, without)), median(pairs), low, high))
    sums = [sum(one.processor for one in side) for side in (with_, without)]
    mean = [1_000 * one / len(with_) for one in sums]
    halves = [
        sum(one.processor for one in with_[part]) / sum(one.processor for one in without[part])
        for part in (slice(0, None, 2), slice(1, None, 2))
    ]
    found.insert(1, Ratio("processor, milliseconds", *mean, sums[0] / sums[1], min(halves), max(halves)))
    return found


def _kilobytes(one: Cost) -> float:
    return one.wal / 1_000


def table(orders: int, size: int, found: Sequence[Ratio], load: float) -> str:
    """Return the measurements as text."""
    of = f"{orders:,} orders in the database before, load of the machine {load:.1f}"
    lines = [
        f"A batch of {size:,} events, {of} (wanted: at most {WANTED:.2f}):",
        "",
        "| | with the indexes | without | ratio | half of the pairs |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {one.what} | {one.with_indexes:,.0f} | {one.without:,.0f} | {one.ratio:.3f}"
        f" | {one.lowest:.3f} to {one.highest:.3f} |"
        for one in found
    ]
    return "\n".join(lines)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    """Read the command line, measure and print; return 1 if the cost is too high."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders in the database before (100,000)")
    parser.add_argument("--batches", type=int, default=BATCHES, help="batches for each side (60)")
    parser.add_argument("--size", type=int, default=BATCH, help="events of a batch (1,000)")
    parser.add_argument("--json", type=Path, help="write what was measured into this file")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    load = os.getloadavg()[0]
    with_, without = asyncio.run(measure(arguments.orders, arguments.batches, arguments.size))
    if len(with_) < 2:
        _say("Too few batches went through: this machine is too busy to say anything.")
        return 1
    found = ratios(with_, without)
    sys.stdout.write(table(arguments.orders, arguments.size, found, load) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([one._asdict() for one in found], indent=2) + "\n", "utf-8")
    return 0 if found[1].ratio <= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
