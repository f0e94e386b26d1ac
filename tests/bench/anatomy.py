"""The time of a batch, part by part: the engine alone on a real database, without Kafka.

Figures are microseconds per event: processor time of Python's parts, wall-clock time of waits for the database (a
statement's whole way: encoding, socket, server). `lanes held` is the time for which a lane's row is locked: batches on
the same lanes queue for it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from asyncpg.transaction import Transaction as DatabaseTransaction

import service.orders.unit_of_work as transaction
from service.orders.engine import Engine
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.batch import PostgresBatch
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.bench.events import Record
from tests.bench.history import inbound_record_of

STATEMENTS = ("lock", "look", "facts", "outputs", "publications", "add_facts", "write")
WARM_UP = 0.3
Spent = dict[str, float]


async def anatomy(database: str, records: Sequence[Record], batch: int) -> Spent:
    """Microseconds per event by part, in batches of this size, after the first 30 % of the records."""
    store = await PostgresStore.open(database, connections=1)
    spent: Spent = defaultdict(float)
    engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
    measured = 0
    rest = iter(records)
    try:
        with _watched(spent):
            taken = 0
            while some := list(islice(rest, batch)):
                taken += len(some)
                if taken <= len(records) * WARM_UP:
                    await engine.handle([inbound_record_of(record) for record in some])
                    spent.clear()
                    continue
                began, cpu = time.perf_counter(), time.process_time()
                inbound_records = [inbound_record_of(record) for record in some]
                spent["decode"] += time.process_time() - cpu
                await engine.handle(inbound_records)
                spent["all, by the wall"] += time.perf_counter() - began
                spent["all, CPU"] += time.process_time() - cpu
                measured += len(some)
    finally:
        await store.close()
    return {name: seconds / measured * 1e6 for name, seconds in spent.items()}


@contextmanager
def _watched(spent: Spent) -> Iterator[None]:
    """Count the time of each part while the block runs."""
    module: Any = transaction
    places: list[tuple[Any, str, Callable[..., Any]]] = [
        (module, "decide", _timed(spent, "rules", module.decide)),
        (module, "output_row", _timed(spent, "outputs encoded", module.output_row)),
        (module, "IncomingEvent", _timed(spent, "private members apart", module.IncomingEvent)),
        (module, "deduplicate", _timed(spent, "repetitions told apart", module.deduplicate)),
        (module.UnitOfWork, "_add_facts", _timed(spent, "facts encoded", module.UnitOfWork._add_facts)),
        (DatabaseTransaction, "__aexit__", _awaited(spent, "database: commit", DatabaseTransaction.__aexit__)),
        *(
            (PostgresBatch, name, _awaited(spent, f"database: {name}", getattr(PostgresBatch, name)))
            for name in STATEMENTS
        ),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, watched in places:
        setattr(owner, name, watched)
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def _timed(spent: Spent, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        began = time.process_time()
        try:
            return work(*arguments)
        finally:
            spent[part] += time.process_time() - began

    return timed


def _awaited(spent: Spent, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
    async def awaited(*arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return await work(*arguments)
        finally:
            took = time.perf_counter() - began
            spent[part] += took
            if part in ("database: write", "database: commit"):
                spent["lanes held"] += took

    return awaited
