"""The rounds: the order in which contenders are measured, on which servers, and the figures that are kept."""

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from service.embedded import EmbeddedStack
from service.store.migrate import migrate
from tests.bench.anatomy import anatomy
from tests.bench.cold import folding, read_cold
from tests.bench.contenders import (
    Contender,
    FastPassThrough,
    FourProcesses,
    OneProcess,
    PassThrough,
    PerMessage,
    PerMessageConcurrent,
    Service,
    Streams,
    TwoProcesses,
)
from tests.bench.copying import LIMIT, copy_rate
from tests.bench.disturbance import REPEATS, undisturbed
from tests.bench.events import Record, records
from tests.bench.ground import Ground, ground
from tests.bench.history import DISK_MARGIN, WAL_BYTES, evict, fill, order_ids, touches
from tests.bench.interruptions import ACTS, interruption
from tests.bench.load import wait
from tests.bench.measure import Latency, Session, Throughput
from tests.bench.streams import NotHereError

SEED = 1
ALL: tuple[type[Contender], ...] = (
    Service,
    OneProcess,
    PerMessage,
    PerMessageConcurrent,
    Streams,
    PassThrough,
    FastPassThrough,
)
LOADS = (0.10, 0.25, 0.50, 0.75)
MEASURING_SECONDS = 60.0
"""The approximate time of the growth part for each number of orders, once they are made."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """The size of each part of a run. Events are the same for all contenders; slow ones get fewer of them, from the
    beginning."""

    rounds: int = 3
    repeats: int = REPEATS
    """The number of times that a block is measured again which others disturbed."""
    events: int = 30_000
    warm_up: int = 6_000
    slow_events: int = 1_500
    slow_warm_up: int = 300
    latency_seconds: float = 12.0
    loads: tuple[float, ...] = LOADS
    histories: tuple[int, ...] = (0, 10_000, 100_000)
    history_events: int = 10_000
    rounds_of_history: int = 3
    touched: int = 4_000
    estimated_orders: int = 5_000
    """The number of orders that are made to estimate the cost of more."""
    cold_orders: int = 50_000
    cold_read: int = 1_000
    interruptions: int = 3
    workers: tuple[type[Service], ...] = (OneProcess, TwoProcesses, FourProcesses)
    memory_events: int = 3_600_000
    """The events of an hour at 1,000 per second."""
    memory_at_once: int = 60_000
    anatomy_orders: int = 10_000
    anatomy_events: int = 20_000


SMALL = Plan(
    rounds=1,
    repeats=0,
    events=6_000,
    warm_up=1_500,
    slow_events=300,
    slow_warm_up=50,
    latency_seconds=3.0,
    loads=(0.25, 0.50),
    histories=(0, 1_000),
    history_events=2_000,
    touched=500,
    estimated_orders=1_000,
    cold_orders=2_000,
    cold_read=500,
    interruptions=1,
    workers=(OneProcess, TwoProcesses),
    memory_events=60_000,
    memory_at_once=10_000,
    anatomy_orders=1_000,
    anatomy_events=4_000,
)


@dataclass
class Found:
    """The measurements as plain values, as `--json` prints them."""

    machine: dict[str, Any] = field(default_factory=dict)
    machine_lines: list[str] = field(default_factory=list)
    load_before: float = 0.0
    """The load of one minute, when the run began."""
    commit: str = ""
    before: str = ""
    """The name of the other checkout's service, if there is one."""
    throughput: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    latency: list[dict[str, Any]] = field(default_factory=list)
    interruptions: list[dict[str, Any]] = field(default_factory=list)
    growth: list[dict[str, Any]] = field(default_factory=list)
    cold: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The cost of reading one order, first from the disk and then from memory."""
    folding: dict[str, float] = field(default_factory=dict)
    workers: dict[str, dict[str, Any]] = field(default_factory=dict)
    anatomy: dict[int, dict[str, float]] = field(default_factory=dict)
    memory: list[tuple[int, float]] = field(default_factory=list)
    """The service's memory (resident, MB) after so many events."""
    tables: list[dict[str, Any]] = field(default_factory=list)
    read_in_sequence: int = 0
    """Rows of growing tables that the batches' statements read by scans: none, if their plans are right."""


class Bench:
    """Runs a plan on a stack of servers."""

    def __init__(self, stack: EmbeddedStack, logs: Path, plan: Plan, say: Say) -> None:
        self.found = Found()
        self._stack = stack
        self._logs = logs
        self._plan = plan
        self._say = say
        self._records = records(SEED, plan.warm_up + plan.events)

    async def side_by_side(
        self,
        contenders: Sequence[type[Contender]] = ALL,
        *,
        limits: bool = True,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """Measure every contender in every round, in turn, so that a change of the machine meets them all. `limits`:
        after each round of the service, `COPY` of the rows that it wrote. `enough`: whether no further round is
        needed, asked after each."""
        for number in range(1, self._plan.rounds + 1):
            for kind in contenders:
                try:
                    result = await self._round(kind, copy_in=number if limits and kind is Service else None)
                except NotHereError as missing:
                    self._say(f"{kind.name}: not measured, {missing}")
                    continue
                self.found.throughput.setdefault(kind.name, []).append({"round": number, **result.plain()})
                others = result.disturbance.share
                self._say(
                    f"round {number} of {self._plan.rounds}: {kind.name}: {result.rate:,.0f} events/s"
                    f" (others {others:.0%} of the machine)"
                )
            if enough():
                break

    async def full_speed(self) -> float:
        """The service's events per second: those measured, or one round if there are none."""
        if Service.name not in self.found.throughput:
            await self.side_by_side([Service], limits=False)
        return median(one["rate"] for one in self.found.throughput[Service.name])

    async def _round(self, kind: type[Contender], *, copy_in: int | None = None) -> Throughput:
        plan = self._plan
        slow = issubclass(kind, PerMessage)
        warm_up, events = (plan.slow_warm_up, plan.slow_events) if slow else (plan.warm_up, plan.events)

        async def measure() -> Throughput:
            async with ground(self._stack, self._logs) as under:
                result = await self._throughput(kind, under, self._records[: warm_up + events], warm_up)
                if copy_in is not None:
                    await self._copy(under, warm_up + events, copy_in)
                    self.found.tables = await tables(under, warm_up + events)
            return result

        return await undisturbed(measure, kind.name, self._say, plan.repeats)

    async def _throughput(
        self, kind: type[Contender], under: Ground, told: Sequence[Record], warm_up: int
    ) -> Throughput:
        """Measure one contender for one block."""
        async with kind(under) as contender:

            def measured() -> Throughput:
                with Session(contender) as session:
                    session.until_joined()
                    session.send(told[:warm_up])
                    return session.throughput(told[warm_up:])

            return await asyncio.to_thread(measured)

    async def _copy(self, under: Ground, events: int, number: int) -> None:
        async with ground(self._stack, self._logs) as other:
            rate = await copy_rate(under.database, other.database, events)
        # A repeated block has its limit measured again, too.
        kept = [one for one in self.found.throughput.get(LIMIT, ()) if one["round"] != number]
        self.found.throughput[LIMIT] = [*kept, {"round": number, "rate": rate}]
        self._say(f"{LIMIT}: {rate:,.0f} events/s")

    async def latencies(self, full: float) -> None:
        """Measure the service's latency at shares of `full` events per second."""
        plan = self._plan
        for share in plan.loads:
            rate = full * share
            # The first quarter warms up.
            warm_up = int(rate * plan.latency_seconds / 4)
            told = records(SEED, plan.warm_up + warm_up + int(rate * plan.latency_seconds))

            async def measure(rate: float = rate, warm_up: int = warm_up, told: list[Record] = told) -> Latency:
                async with ground(self._stack, self._logs) as under, Service(under) as service:

                    def measured() -> Latency:
                        with Session(service, traces=True) as session:
                            session.until_joined()
                            session.send(told[: plan.warm_up])
                            return session.latency(told[plan.warm_up :], rate, warm_up)

                    return await asyncio.to_thread(measured)

            result = await undisturbed(measure, f"latency at {share:.0%}", self._say, plan.repeats)
            self.found.latency.append({"share": share, **result.plain()})
            self._say(f"latency at {rate:,.0f}/s ({share:.0%}): {result.to_record} ms to the command's record")

    async def interruptions(self, rate: float) -> None:
        """Measure the time without output around each interruption, at `rate` events a second."""

        def told(count: int) -> list[Record]:
            return records(SEED, count)

        for number in range(self._plan.interruptions):
            for what in ACTS:
                result = await interruption(what, self._stack, self._logs, told, rate)
                self.found.interruptions.append({"round": number + 1, "rate": rate, **asdict(result)})
                self._say(f"round {number + 1}: {what}: {result.silence_seconds:.1f} s to the next output")

    async def growth(self, rate: float) -> None:
        """Measure the service's speed by the number of orders in the database, and latency at `rate` events per
        second. Raises SystemExit if the disk has no room for them."""
        await self._estimate(max(self._plan.histories), sum(self._plan.histories), len(self._plan.histories))
        async with ground(self._stack, self._logs) as under:
            # The broker compiles its code while it is used, so the first contender would pay for all.
            await self._throughput(Service, under, self._records[: self._plan.warm_up], self._plan.warm_up // 2)
        for orders in self._plan.histories:
            async with ground(self._stack, self._logs) as under:
                await migrate(under.database)
                if orders:
                    cost = await fill(under.database, under.bootstrap, orders, self._say)
                    self._say(f"{orders:,} orders: {cost.size / 1e9:.1f} GB, made in {cost.seconds:,.0f} s")
                    await evict(self._stack.postgres, under.database)
                past = order_ids(orders, self._plan.touched)
                async with Service(under) as service:
                    result = await asyncio.to_thread(self._grown, service, past, rate)
            self.found.growth.append({"orders": orders, **result})
            shown = {name: value for name, value in result.items() if name != "blocks"}
            self._say(f"with {orders:,} orders: {shown}")

    async def _estimate(self, most: int, in_all: int, histories: int) -> None:
        """Report the expected cost of growth, from making some orders."""
        few = self._plan.estimated_orders
        if most <= few:
            return
        async with ground(self._stack, self._logs) as under:
            await migrate(under.database)
            cost = await fill(under.database, None, few, self._say)
            directory = (await under.rows("show data_directory"))[0][0]
        needed, free = cost.of(most).size * DISK_MARGIN + WAL_BYTES, shutil.disk_usage(directory).free
        seconds = cost.of(in_all).seconds + histories * MEASURING_SECONDS
        self._say(
            f"growth, by {few:,} orders: at least {seconds / 60:,.0f} minutes, and {needed / 1e9:,.1f} GB of disk"
            f" for {most:,} orders ({free / 1e9:,.1f} GB are free)"
        )
        if needed > free:
            raise SystemExit(
                f"{most:,} orders need about {needed / 1e9:,.1f} GB in {directory}, which has {free / 1e9:,.1f} GB:"
                " give fewer to --orders, or run where there is room"
            )

    def _grown(self, contender: Contender, past: Sequence[str], rate: float) -> dict[str, Any]:
        plan = self._plan
        warm_up, count = plan.warm_up // 2, plan.history_events
        with Session(contender, traces=True) as session:
            session.until_joined()
            session.send(self._records[:warm_up])
            # Waiting orders are counted at the start and every five minutes, which would be half of the measured time.
            began = time.monotonic()
            wait(lambda: contender.settled, f"{contender.name}: waiting orders counted", 120, lambda: contender.alive)
            self._say(f"waiting orders counted within {time.monotonic() - began:.1f} s of the warm-up's end")
            sent = warm_up
            new: list[Throughput] = []
            for _ in range(plan.rounds_of_history):
                new.append(session.throughput(self._records[sent : sent + count]))
                sent += count
            blocks = [*new]
            result: dict[str, Any] = {"new": median(one.rate for one in new)}
            for name in ("cold", "warm") if past else ():
                told = touches(past, sent + 1, f"cancellation-{name}")
                blocks.append(session.throughput(told))
                result[name] = blocks[-1].rate
                sent += len(told)
            told = records(SEED + 1, int(rate * plan.latency_seconds / 2), "late", sent + 1)
            latency = session.latency(told, rate, len(told) // 4)
        percentiles = {name: latency.to_record.get(name) for name in ("p50", "p99")}
        return {**result, **percentiles, "blocks": [*(one.plain() for one in blocks), latency.plain()]}

    async def cold(self) -> None:
        """Measure the cost of reading one cold order, as PostgreSQL reports it, and of folding it."""
        plan = self._plan
        async with ground(self._stack, self._logs) as under:
            await migrate(under.database)
            await fill(under.database, None, plan.cold_orders, self._say)
            chosen = order_ids(plan.cold_orders, plan.cold_read)
            await evict(self._stack.postgres, under.database)
            for temperature in ("from the disk", "from memory"):
                readings = await read_cold(under.database, chosen)
                self.found.cold[temperature] = [asdict(one) for one in readings]
            self.found.folding = await folding(under.database, chosen)

    async def memory(self) -> None:
        """Measure the service's memory over many events; orders come and go, as many are open at a time as in every
        part."""
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
        """Measure the service as one process and as several. More processes than cores show contention only."""
        plan = self._plan
        told = self._records[: plan.warm_up + plan.events // 2]
        for kind in plan.workers:

            async def measure(kind: type[Service] = kind) -> Throughput:
                async with ground(self._stack, self._logs) as under:
                    return await self._throughput(kind, under, told, plan.warm_up)

            result = await undisturbed(measure, kind.name, self._say, plan.repeats)
            self.found.workers[kind.name] = result.plain()
            self._say(f"{kind.name}: {result.rate:,.0f} events/s, {result.rss_mb:,.0f} MB")

    async def dissect(self) -> None:
        """Measure the parts of a batch, for large and for small batches, in a database with a past."""
        for batch in (1_000, 100):
            async with ground(self._stack, self._logs) as under:
                await migrate(under.database)
                await fill(under.database, None, self._plan.anatomy_orders, self._say)
                before = await read_in_sequence(under)
                told = self._records[: self._plan.anatomy_events]
                self.found.anatomy[batch] = await anatomy(under.database, told, batch)
                self.found.read_in_sequence = await read_in_sequence(under) - before


async def read_in_sequence(under: Ground) -> int:
    """The number of rows read so far by scans of whole tables that grow with every event."""
    found = await under.rows(
        "select coalesce(sum(seq_tup_read), 0)::bigint from pg_stat_user_tables where relname = any($1)",
        ["facts", "outbox", "orders", "private_members"],
    )
    return int(found[0][0])


async def tables(under: Ground, events: int) -> list[dict[str, Any]]:
    """Rows and bytes per event by table, with its indexes, and the number of runs of autovacuum."""
    rows = await under.rows(
        "select relname, n_live_tup, pg_table_size(relid), pg_indexes_size(relid), autovacuum_count"
        " from pg_stat_user_tables where n_live_tup > 0 order by pg_total_relation_size(relid) desc limit 6"
    )
    names = ("table", "rows", "bytes", "index_bytes", "autovacuums")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**one, "rows_an_event": one["rows"] / events, "bytes_an_event": one["bytes"] / events} for one in found]
