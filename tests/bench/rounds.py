"""The rounds: which contender is measured when, on what, and what is kept of it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from service.embedded import EmbeddedStack
from service.store.migrate import migrate
from tests.bench.anatomy import anatomy
from tests.bench.contenders import (
    Contender,
    FastPassThrough,
    FourProcesses,
    PassThrough,
    PerMessage,
    PerMessageConcurrent,
    Service,
    Streams,
    TwoProcesses,
)
from tests.bench.copying import LIMIT, copy_rate
from tests.bench.events import Record, records
from tests.bench.ground import Ground, ground
from tests.bench.history import fill, touches
from tests.bench.load import wait
from tests.bench.measure import Latency, Session, Throughput
from tests.bench.streams import NotHereError

SEED = 1
ALL: tuple[type[Contender], ...] = (Service, PerMessage, PerMessageConcurrent, Streams, PassThrough, FastPassThrough)
LOADS = (0.10, 0.25, 0.50, 0.75)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much of everything. Events are the same for all; who is slow gets fewer of them, from the beginning."""

    rounds: int = 3
    events: int = 30_000
    warm_up: int = 6_000
    slow_events: int = 1_500
    slow_warm_up: int = 300
    latency_seconds: float = 12.0
    histories: tuple[int, ...] = (10_000, 100_000)
    history_events: int = 10_000
    rounds_of_history: int = 3
    touched: int = 4_000
    workers: tuple[type[Service], ...] = (Service, TwoProcesses, FourProcesses)
    memory_events: int = 3_600_000
    """An hour's, at 1,000 a second."""
    memory_at_once: int = 60_000
    anatomy_events: int = 20_000


SMALL = Plan(
    rounds=1,
    events=6_000,
    warm_up=1_500,
    slow_events=300,
    slow_warm_up=50,
    latency_seconds=3.0,
    histories=(1_000,),
    history_events=2_000,
    touched=500,
    workers=(Service, TwoProcesses),
    memory_events=60_000,
    memory_at_once=10_000,
    anatomy_events=4_000,
)


@dataclass
class Found:
    """What was measured: plain values, as `--json` prints them."""

    throughput: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    copy: list[float] = field(default_factory=list)
    latency: list[dict[str, Any]] = field(default_factory=list)
    growth: list[dict[str, Any]] = field(default_factory=list)
    workers: dict[int, dict[str, Any]] = field(default_factory=dict)
    anatomy: dict[int, dict[str, float]] = field(default_factory=dict)
    memory: list[tuple[int, float]] = field(default_factory=list)
    """The service's memory (resident, MB) after so many events."""
    tables: list[dict[str, Any]] = field(default_factory=list)
    read_in_sequence: int = 0
    """Rows of growing tables that the batches' statements read by scanning: none, if their plans are right."""


class Bench:
    """Runs a plan on a stack."""

    def __init__(self, stack: EmbeddedStack, logs: Path, plan: Plan, say: Say) -> None:
        self.found = Found()
        self._stack = stack
        self._logs = logs
        self._plan = plan
        self._say = say
        self._records = records(SEED, plan.warm_up + plan.events)

    async def side_by_side(self, contenders: Sequence[type[Contender]] = ALL, *, limits: bool = True) -> None:
        """Every contender in every round, in turn: what changes on the machine meanwhile meets them all.

        `limits`: after each round of the service, `COPY` of what it wrote.
        """
        plan = self._plan
        for number in range(plan.rounds):
            for kind in contenders:
                slow = issubclass(kind, PerMessage)
                warm_up, events = (plan.slow_warm_up, plan.slow_events) if slow else (plan.warm_up, plan.events)
                async with ground(self._stack, self._logs) as under:
                    try:
                        result = await self.throughput(kind, under, self._records[: warm_up + events], warm_up)
                    except NotHereError as missing:
                        self._say(f"{kind.name}: not measured, {missing}")
                        continue
                    if limits and kind is Service:
                        await self._copy(under, warm_up + events)
                        self.found.tables = await tables(under, warm_up + events)
                self.found.throughput.setdefault(kind.name, []).append(result.plain())
                self._say(f"round {number + 1}: {kind.name}: {result.rate:,.0f} events/s")

    async def throughput(
        self, kind: type[Contender], under: Ground, told: Sequence[Record], warm_up: int
    ) -> Throughput:
        """One contender's round."""
        async with kind(under) as contender:

            def measured() -> Throughput:
                with Session(contender) as session:
                    session.send(told[:warm_up])
                    return session.throughput(told[warm_up:])

            return await asyncio.to_thread(measured)

    async def _copy(self, under: Ground, events: int) -> None:
        async with ground(self._stack, self._logs) as other:
            rate = await copy_rate(under.database, other.database, events)
        self.found.copy.append(rate)
        self._say(f"{LIMIT}: {rate:,.0f} events/s")

    async def latencies(self, full: float) -> None:
        """The service's latency at shares of `full` events a second."""
        plan = self._plan
        for share in LOADS:
            rate = full * share
            # The first quarter warms up.
            warm_up = int(rate * plan.latency_seconds / 4)
            told = records(SEED, plan.warm_up + warm_up + int(rate * plan.latency_seconds))
            async with ground(self._stack, self._logs) as under, Service(under) as service:

                def measured(contender: Contender, told: list[Record], rate: float, warm_up: int) -> Latency:
                    with Session(contender, traces=True) as session:
                        session.send(told[: plan.warm_up])
                        return session.latency(told[plan.warm_up :], rate, warm_up)

                result = await asyncio.to_thread(measured, service, told, rate, warm_up)
            self.found.latency.append({"share": share, **result.plain()})
            self._say(f"latency at {rate:,.0f}/s ({share:.0%}): {result.to_record} ms to the command's record")

    async def growth(self, rate: float) -> None:
        """The service's speed over the number of orders in the database; latency at `rate` events a second."""
        async with ground(self._stack, self._logs) as under:
            # The broker's code is compiled as it is used: who comes first would pay for all.
            await self.throughput(Service, under, self._records[: self._plan.warm_up], self._plan.warm_up // 2)
        for orders in (0, *self._plan.histories):
            async with ground(self._stack, self._logs) as under:
                await migrate(under.database)
                past = await fill(under.database, under.bootstrap, orders) if orders else []
                async with Service(under) as service:
                    result = await asyncio.to_thread(self._grown, service, past, rate)
            self.found.growth.append({"orders": orders, **result})
            self._say(f"with {orders:,} orders: {result}")

    def _grown(self, contender: Contender, past: Sequence[str], rate: float) -> dict[str, Any]:
        plan = self._plan
        warm_up, count = plan.warm_up // 2, plan.history_events
        with Session(contender, traces=True) as session:
            session.send(self._records[:warm_up])
            # Waiting orders are counted at the start, and every five minutes: it would be half of what is measured.
            began = time.monotonic()
            wait(lambda: contender.settled, f"{contender.name}: waiting orders counted", 120, lambda: contender.alive)
            self._say(f"waiting orders counted within {time.monotonic() - began:.1f} s of the warm-up's end")
            sent, new = warm_up, []
            for _ in range(plan.rounds_of_history):
                new.append(session.throughput(self._records[sent : sent + count]).rate)
                sent += count
            result: dict[str, Any] = {"new": median(new)}
            for name in ("cold", "warm") if past else ():
                told = touches(past, plan.touched, sent + 1, f"tip-{name}")
                result[name] = session.throughput(told).rate
                sent += len(told)
            told = records(SEED + 1, int(rate * plan.latency_seconds / 2), "late", sent + 1)
            latency = session.latency(told, rate, len(told) // 4)
        return {**result, "p50": latency.to_record.get("p50"), "p99": latency.to_record.get("p99")}

    async def memory(self) -> None:
        """The service's memory over many events; orders come and go, as many are open at a time as in every part."""
        async with ground(self._stack, self._logs) as under, Service(under) as service:
            await asyncio.to_thread(self._remembered, service)

    def _remembered(self, service: Service) -> None:
        plan = self._plan
        with Session(service) as session:
            for nth in range(plan.memory_events // plan.memory_at_once):
                session.send(records(SEED, plan.memory_at_once, f"part{nth}"))
                session.sender.appended.clear()
                sent = (nth + 1) * plan.memory_at_once
                self.found.memory.append((sent, service.rss / 1e6))
                self._say(f"after {sent:,} events: {service.rss / 1e6:,.0f} MB")

    async def several_workers(self) -> None:
        """The service as one process and as several. More processes than cores show contention only."""
        plan = self._plan
        for kind in plan.workers:
            async with ground(self._stack, self._logs) as under:
                told = self._records[: plan.warm_up + plan.events // 2]
                result = await self.throughput(kind, under, told, plan.warm_up)
            self.found.workers[kind.worker_processes] = result.plain()
            self._say(f"{kind.name}: {result.rate:,.0f} events/s, {result.rss_mb:,.0f} MB")

    async def dissect(self) -> None:
        """Where the time of a batch goes, for large and for small batches, in a database with a past."""
        for batch in (1_000, 100):
            async with ground(self._stack, self._logs) as under:
                await migrate(under.database)
                await fill(under.database, under.bootstrap, self._plan.histories[0])
                before = await read_in_sequence(under)
                told = self._records[: self._plan.anatomy_events]
                self.found.anatomy[batch] = await anatomy(under.database, told, batch)
                self.found.read_in_sequence = await read_in_sequence(under) - before


async def read_in_sequence(under: Ground) -> int:
    """How many rows were read so far by scans of whole tables that grow with every event."""
    found = await under.rows(
        "select coalesce(sum(seq_tup_read), 0)::bigint from pg_stat_user_tables where relname = any($1)",
        ["facts", "outbox", "orders", "private_members"],
    )
    return int(found[0][0])


async def tables(under: Ground, events: int) -> list[dict[str, Any]]:
    """Rows and bytes an event by table, with its indexes, and how often autovacuum has come by."""
    rows = await under.rows(
        "select relname, n_live_tup, pg_table_size(relid), pg_indexes_size(relid), autovacuum_count"
        " from pg_stat_user_tables where n_live_tup > 0 order by pg_total_relation_size(relid) desc limit 6"
    )
    names = ("table", "rows", "bytes", "index_bytes", "autovacuums")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**one, "rows_an_event": one["rows"] / events, "bytes_an_event": one["bytes"] / events} for one in found]
