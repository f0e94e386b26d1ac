"""Measures whether workers wait for each other's lanes, and what it would change to cut a batch by lane.

python -m tests.bench.lanes [--workers N] [--events N] [--batch N] [--rounds N] [--slow-commits MS] [--lanes N]

Processes with an engine each store batches of orders of their own in one database, as fast as they can; there is no
Kafka. They share nothing but the server and the rows of `lanes`. The ways of storing a batch take turns:

- `one lane`: as the service does, with one lane
- `whole`: as the service does, with several lanes: one transaction, which locks all lanes that it has outputs for
- `in turn`: a transaction per lane, one after another
- `at once`: a transaction per lane, each over a connection of its own, all at the same time

`--slow-commits` lets every commit take so much longer, as a synchronous standby or a slow disk would. `--without-rules`
has a stand-in for the rules, which publishes one output for each assessment with new facts: workers then take so little
that the database is the limit, as if they ran on machines of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import psutil
from purchasing_contracts.envelope import Event

from service.embedded import EmbeddedPostgres
from service.orders import unit_of_work
from service.orders.batch_result import BatchResult
from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.errors import StoreUnavailableError
from service.store.lanes import lane_of
from service.store.migrate import migrate
from service.store.postgres import PostgresStore
from service.store.rows import OutputRow
from service.terms.source import FixedTerms
from tests.bench.events import records
from tests.bench.history import inbound_record_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.synchronize import Barrier
    from multiprocessing.synchronize import Event as Flag

    from service.orders.inbound_record import InboundRecord
    from service.orders.operator_actions import Intervention
    from service.orders.state import OrderState
    from service.rules.clock import Clock
    from service.store.rows import OrderRow

WAYS = ("one lane", "whole", "in turn", "at once")
WARM_UP = 0.2
SAMPLE_SECONDS = 0.004
READY_SECONDS = 300.0
OUTPUT = b"{" + b"x" * 700 + b"}"
NOW = datetime.now(UTC)
WAITING = """
select count(*) from pg_stat_activity
where application_name = 'purchasing' and wait_event_type = 'Lock' and query like 'select lane, position from lanes%'
"""


class Measured(NamedTuple):
    """The figures of one way in one round."""

    events: float
    """Events per second, of all workers."""
    waiting: float
    """Sessions that waited for a lane's row, on average, as a share of the number of workers."""
    worker_us: float
    """Processor time per event in the workers, and in the database."""
    database_us: float
    batch_ms: float
    """Median duration of a batch."""


class Wanted(NamedTuple):
    """The work of each worker."""

    events: int
    batch: int
    without_rules: bool


class CutEngine(Engine):
    """An engine that stores a batch in one transaction per lane."""

    at_once = True

    async def handle(self, inbound: Sequence[InboundRecord], by: Intervention | None = None) -> BatchResult:
        by_lane: dict[int, list[InboundRecord]] = defaultdict(list)
        for one in inbound:
            key = one.decoded.subject if isinstance(one.decoded, Event) else one.topic
            by_lane[lane_of(key, self._store.installation.lanes)].append(one)
        whole = BatchResult()
        if self.at_once:
            for result in await asyncio.gather(*(super(CutEngine, self).handle(part, by) for part in by_lane.values())):
                whole = whole.and_then(result)
            return whole
        for lane in sorted(by_lane):
            whole = whole.and_then(await super().handle(by_lane[lane], by))
        return whole


class CutInTurn(CutEngine):
    """An engine that stores a batch in one transaction per lane, one after another."""

    at_once = False


ENGINES: dict[str, type[Engine]] = {"one lane": Engine, "whole": Engine, "in turn": CutInTurn, "at once": CutEngine}


def work(dsn: str, way: str, seed: int, wanted: Wanted, ready: Barrier, over: Flag, results: Any) -> None:
    """Store batches until all are stored, or another worker has stored all of its own."""
    inbound = [inbound_record_of(record) for record in records(seed, wanted.events)]
    batches = [inbound[first : first + wanted.batch] for first in range(0, len(inbound), wanted.batch)]
    if wanted.without_rules:
        setattr(unit_of_work.UnitOfWork, "_decide", _stand_in)  # noqa: B010 - mypy refuses the assignment
    asyncio.run(_work(dsn, ENGINES[way], batches, ready, over, results))


def _stand_in(self: Any, row: OrderRow, state: OrderState, fresh: Sequence[Any], _clock: Clock) -> Any:
    """Decide without the rules: an output of the usual size for the order."""
    facts = state.with_facts([incoming.fact for incoming in fresh]) if fresh else state.facts
    number = len(facts)
    rows = [
        OutputRow(
            self._lanes[row.order_id],
            row.order_id,
            number,
            "purchasing.decisions.v1",
            row.order_id,
            f"{row.order_id}-{number}",
            OUTPUT,
            NOW,
            False,
        )
    ]
    return unit_of_work._Decision(facts, state.ledger, state.timed, None, None, None, rows if fresh else ())


async def _work(
    dsn: str,
    kind: type[Engine],
    batches: Sequence[Sequence[InboundRecord]],
    ready: Barrier,
    over: Flag,
    results: Any,
) -> None:
    store = await PostgresStore.open(dsn)
    engine = kind(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
    warm_up = int(len(batches) * WARM_UP)
    for batch in batches[:warm_up]:
        await _stored(engine, batch)
    await asyncio.to_thread(ready.wait, READY_SECONDS)
    stored, taken, began, processor = 0, [], time.perf_counter(), time.process_time()
    for batch in batches[warm_up:]:
        if over.is_set():
            break
        begun = time.perf_counter()
        await _stored(engine, batch)
        taken.append(time.perf_counter() - begun)
        stored += len(batch)
    over.set()
    results.put((stored, time.perf_counter() - began, time.process_time() - processor, taken))
    await store.close()


async def _stored(engine: Engine, batch: Sequence[InboundRecord]) -> None:
    while True:
        try:
            await engine.handle(batch)
        except StoreUnavailableError as error:
            _say(f"A batch is repeated: {error}")
        else:
            return


async def measure(server: EmbeddedPostgres, way: str, number: int, arguments: argparse.Namespace) -> Measured:
    """Let the workers store their batches this way, in a new database."""
    name = f"lanes_{number}"
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f"create database {name}")
    dsn = server.dsn_of(name)
    await migrate(dsn, lanes=1 if way == "one lane" else arguments.lanes)
    wanted = Wanted(arguments.events, arguments.batch, arguments.without_rules)
    context = multiprocessing.get_context("spawn")
    ready, over, results = context.Barrier(arguments.workers + 1), context.Event(), context.Queue()
    workers = [
        context.Process(target=work, args=(dsn, way, seed, wanted, ready, over, results))
        for seed in range(1, arguments.workers + 1)
    ]
    for worker in workers:
        worker.start()
    await asyncio.to_thread(ready.wait, READY_SECONDS)
    before, samples = _processor_of(server), []
    while not over.is_set():
        samples.append(await connection.fetchval(WAITING))
        await asyncio.sleep(SAMPLE_SECONDS)
    told = [await asyncio.to_thread(results.get) for _ in workers]
    database = _processor_of(server) - before
    for worker in workers:
        await asyncio.to_thread(worker.join)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()
    stored = sum(one[0] for one in told)
    return Measured(
        stored / max(one[1] for one in told),
        sum(samples) / max(len(samples), 1) / arguments.workers,
        sum(one[2] for one in told) / stored * 1e6,
        database / stored * 1e6,
        median(taken for one in told for taken in one[3]) * 1e3,
    )


def _processor_of(server: EmbeddedPostgres) -> float:
    """Seconds of processor time of the server's processes so far; those that have ended count with their parent."""
    parent = psutil.Process(server.pid)
    total = 0.0
    for one in (parent, *parent.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system + (times.children_user + times.children_system if one == parent else 0.0)
    return total


async def main(arguments: argparse.Namespace) -> None:
    """Measure each way in turn, as often as wanted, and print a line per way."""
    settings = {"max_connections": "200"}
    if arguments.slow_commits:
        settings |= {"commit_delay": str(arguments.slow_commits * 1000), "commit_siblings": "0"}
    found: dict[str, list[Measured]] = defaultdict(list)
    with TemporaryDirectory() as directory:
        async with EmbeddedPostgres(Path(directory), settings=settings, temporary=True) as server:
            for number in range(arguments.rounds):
                for nth, way in enumerate(WAYS if number % 2 == 0 else WAYS[::-1]):
                    one = await measure(server, way, number * len(WAYS) + nth, arguments)
                    _say(f"round {number + 1}, {way}: {one}")
                    found[way].append(one)
    sys.stdout.write(
        "| way | events/s | lowest to highest | waiting for a lane | worker µs | database µs | batch ms |\n"
    )
    sys.stdout.write("|---|---:|---:|---:|---:|---:|---:|\n")
    for way in WAYS:
        speeds = [one.events for one in found[way]]
        rest = [median(column) for column in list(zip(*found[way], strict=True))[1:]]
        sys.stdout.write(
            f"| {way} | {median(speeds):,.0f} | {min(speeds):,.0f} to {max(speeds):,.0f} | {rest[0]:.1%} "
            f"| {rest[1]:.0f} | {rest[2]:.0f} | {rest[3]:.1f} |\n"
        )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--events", type=int, default=20_000, help="events per worker")
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-commits", type=int, default=0, metavar="MS")
    parser.add_argument("--without-rules", action="store_true", help="a stand-in decides, in no time")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(_arguments()))
