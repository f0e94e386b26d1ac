"""The store in memory, for `simulate` and for tests of the batch transaction."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from service.store.errors import ForeignFactError
from service.store.order_hash import order_hash
from service.store.rows import (
    FactKey,
    FactRow,
    Installation,
    Look,
    OrderRow,
    OrderUpdate,
    OutputRow,
    PastOutput,
    PrivateRow,
    ProgressRow,
    PublicationRow,
    QuarantineAction,
    Quarantined,
    QuarantineRow,
    RecordIdentity,
    StoreTime,
    Written,
)

if TYPE_CHECKING:
    from service.store.protocol import Batch

TimeSource = Callable[[], StoreTime]


def wall_clock() -> StoreTime:
    """Return this machine's time, with no watermark."""
    return StoreTime(datetime.now(UTC), None)


class MemoryStore:
    """A store in dictionaries, lost with the process. It runs one transaction at a time."""

    def __init__(
        self,
        *,
        clock: TimeSource = wall_clock,
        lanes: int = 1,
        cell: range | None = None,
        outbox_id: UUID | None = None,
    ) -> None:
        own = range(lanes) if cell is None else cell
        self._clock = clock
        self.orders: dict[str, OrderRow] = {}
        self.facts: dict[str, list[FactRow]] = defaultdict(list)
        self.order_of: dict[tuple[str, str], str] = {}
        self.private: dict[FactKey, str] = {}
        self.outbox: dict[int, list[OutputRow]] = {lane: [] for lane in own}
        self.outputs_of: dict[str, list[PastOutput]] = defaultdict(list)
        self.publications: dict[str, list[PublicationRow]] = defaultdict(list)
        self.progress: dict[tuple[str, int], datetime | None] = {}
        self.quarantine: dict[RecordIdentity, QuarantineRow] = {}
        self.quarantined: dict[int, list[QuarantineRow]] = defaultdict(list)
        """The records that may concern an order, by its hash, resolved or not."""
        self.resolved: dict[RecordIdentity, str] = {}
        self.actions: list[QuarantineAction] = []
        self._installation = Installation(outbox_id or uuid4(), lanes, own[0], own[-1])
        self._busy = asyncio.Lock()

    def is_open(self, record: RecordIdentity) -> bool:
        """Return whether a record is in quarantine and not resolved."""
        return record in self.quarantine and record not in self.resolved

    @property
    def installation(self) -> Installation:
        """The installation, created with the store."""
        return self._installation

    @property
    def epoch(self) -> int:
        """Constant, because there are no connections to lose."""
        return 0

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Begin a transaction, which writes at its end."""
        async with self._busy:
            batch = MemoryBatch(self)
            yield batch
            batch.commit()

    async def clock(self) -> StoreTime:
        """Return the clock's time."""
        return self._clock()

    async def note_progress(self, rows: Sequence[ProgressRow]) -> None:
        """Store watermarks of partitions."""
        async with self.batch() as batch:
            await batch.progress(rows)

    async def earliest_due(self) -> tuple[datetime, str] | None:
        """Return the earliest deadline and its order (the lowest id of several); None if there is none."""
        due = [(row.due_at, row.order_id) for row in self.orders.values() if row.due_at and _waits(row)]
        return min(due, default=None)

    async def stuck(self, limit: int, after: str = "") -> list[str]:
        """Return the ids of at most `limit` stuck orders after the id `after`, sorted."""
        found = (row.order_id for row in self.orders.values() if row.stuck and row.order_id > after)
        return sorted(found)[:limit]


def _waits(row: OrderRow) -> bool:
    return row.stuck is None and not row.held


class MemoryBatch:
    """See `service.store.protocol.Batch`."""

    def __init__(self, store: MemoryStore) -> None:
        """Use this store; nothing is written before `commit`."""
        self._store = store
        self._writes: list[Callable[[], object]] = []
        self._resolved: set[RecordIdentity] = set()

    def commit(self) -> None:
        """Apply the batch's writes."""
        for write in self._writes:
            write()

    async def lock(self, orders: Sequence[tuple[str, int]]) -> dict[str, OrderRow]:
        rows = self._store.orders
        found = {}
        for order_id, _ in orders:
            row = rows.get(order_id)
            if row is None:
                row = OrderRow(order_id, None, None, None, held=False)
                self._writes.append(partial(rows.setdefault, order_id, row))
            found[order_id] = row
        return found

    async def claim_due(self, before: datetime, limit: int) -> list[str]:
        rows = self._store.orders.values()
        due = sorted((row.due_at, row.order_id) for row in rows if row.due_at and row.due_at < before and _waits(row))
        return [order_id for _, order_id in due[:limit]]

    async def look(
        self,
        order_ids: Collection[str],
        latest_event: datetime | None = None,  # noqa: ARG002
        ranges: Collection[tuple[str, int, int, int]] = (),
    ) -> Look:
        instant = await self._store.clock()
        held_up = {one: open_records for one in order_ids if (open_records := self._open_records(one))}
        before = {
            one
            for one in self._store.quarantine
            if any(one[:2] == (topic, partition) and low <= one[2] <= high for topic, partition, low, high in ranges)
        }
        return Look(instant, held_up, before=before)

    def _open_records(self, order_id: str) -> list[Quarantined]:
        rows = self._store.quarantined.get(order_hash(order_id), ())
        return [
            Quarantined(row.topic, row.at)
            for row in rows
            if self._store.is_open(row.identity) and row.identity not in self._resolved
        ]

    async def concerned(self, records: Collection[RecordIdentity]) -> dict[RecordIdentity, set[str]]:
        store = self._store
        open_records = {one: set(store.quarantine[one].candidates) for one in records if store.is_open(one)}
        return {one: {o for o in store.orders if order_hash(o) in numbers} for one, numbers in open_records.items()}

    async def facts(self, order_ids: Collection[str]) -> Sequence[FactRow]:
        return [row for order_id in order_ids for row in self._store.facts.get(order_id, ())]

    async def outputs(self, order_ids: Collection[str]) -> Sequence[PastOutput]:
        return [row for order_id in order_ids for row in self._store.outputs_of.get(order_id, ())]

    async def publications(self, order_ids: Collection[str]) -> Sequence[PublicationRow]:
        return [row for order_id in order_ids for row in self._store.publications.get(order_id, ())]

    async def private_members(self, keys: Collection[FactKey]) -> dict[FactKey, str]:
        return {key: self._store.private[key] for key in keys if key in self._store.private}

    async def foreign(self, keys: Collection[FactKey]) -> set[FactKey]:
        owner = self._store.order_of
        return {key for key in keys if owner.get(key[1:], key[0]) != key[0]}

    async def add_facts(
        self,
        facts: Sequence[FactRow],
        private: Sequence[PrivateRow],
        received_at: datetime,  # noqa: ARG002
    ) -> None:
        brought: dict[tuple[str, str], str] = {}
        for fact in facts:
            identity = (fact.source, fact.id)
            if identity in self._store.order_of or identity in brought:
                raise ForeignFactError("a source and id of this batch are another order's fact")
            brought[identity] = fact.order_id
        self._writes.append(lambda: self._append_facts(facts, private))

    def _append_facts(self, facts: Sequence[FactRow], private: Sequence[PrivateRow]) -> None:
        for fact in facts:
            self._store.facts[fact.order_id].append(fact)
            self._store.order_of[fact.source, fact.id] = fact.order_id
        for row in private:
            self._store.private[row.order_id, row.source, row.id] = row.data

    def _update_orders(self, updates: Sequence[OrderUpdate]) -> None:
        for update in updates:
            row = self._store.orders[update.order_id]
            self._store.orders[update.order_id] = row._replace(
                version=update.version, due_at=update.due_at, stuck=update.stuck, waits=update.waits
            )

    async def progress(self, rows: Sequence[ProgressRow]) -> None:
        self._writes.append(lambda: self._progress(rows))

    def _progress(self, rows: Sequence[ProgressRow]) -> None:
        for row in rows:
            known = self._store.progress.get((row.topic, row.partition))
            self._store.progress[row.topic, row.partition] = max(filter(None, (known, row.watermark)), default=None)

    async def quarantine(self, rows: Sequence[QuarantineRow]) -> set[RecordIdentity]:
        added = {row.identity: row for row in reversed(rows) if row.identity not in self._store.quarantine}
        self._writes.append(lambda: self._quarantine(added.values()))
        return set(added)

    def _quarantine(self, rows: Collection[QuarantineRow]) -> None:
        for row in rows:
            self._store.quarantine[row.identity] = row
            for number in set(row.candidates):
                self._store.quarantined[number].append(row)

    async def resolve(self, records: Collection[RecordIdentity], resolution: str) -> set[RecordIdentity]:
        store = self._store
        resolved = {one for one in records if store.is_open(one)}
        self._resolved |= resolved
        self._writes.append(lambda: store.resolved.update(dict.fromkeys(resolved, resolution)))
        return resolved

    async def refuse_again(self, records: Collection[tuple[RecordIdentity, str, str]]) -> None:
        rows = self._store.quarantine
        changed = {one: rows[one]._replace(reason=reason, place=place) for one, reason, place in records if one in rows}
        self._writes.append(lambda: rows.update(changed))

    async def note_actions(self, actions: Sequence[QuarantineAction]) -> None:
        self._writes.append(lambda: self._store.actions.extend(actions))

    async def release(self, order_ids: Collection[str], by: str, why: str | None) -> set[str]:  # noqa: ARG002
        rows = self._store.orders
        held = {order_id for order_id in order_ids if order_id in rows and rows[order_id].held}
        self._writes.append(lambda: rows.update({one: rows[one]._replace(held=False) for one in held}))
        return held

    async def write(self, updates: Sequence[OrderUpdate], outputs: Sequence[OutputRow]) -> list[Written]:
        self._writes.append(lambda: self._update_orders(updates))
        last = {lane: len(rows) for lane, rows in self._store.outbox.items()}
        written = []
        for output in outputs:
            last[output.lane] += 1
            written.append(Written(last[output.lane], output))
        self._writes.append(lambda: self._publish(outputs))
        return written

    def _publish(self, outputs: Sequence[OutputRow]) -> None:
        for output in outputs:
            self._store.outbox[output.lane].append(output)
            if output.order_id is None:
                continue
            self._store.outputs_of[output.order_id].append(PastOutput(output.order_id, output.value, output.timed))
