"""The protocol of a store, as used by the batch transaction.

`PostgresStore` and `MemoryStore` keep the same promises; one test suite (tests/store) runs against both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

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
        QuarantineRow,
        RecordIdentity,
        StoreTime,
        Written,
    )


class Batch(Protocol):
    """One transaction. If its context ends without an exception, everything is written, else nothing.

    Each method handles a whole batch, so the number of statements does not grow with the batch. All transactions lock
    in one order, orders by id and then lanes by number, so batches never deadlock. Any method may raise
    StoreUnavailableError or ValueRefusedError; the transaction is then over.
    """

    async def lock(self, orders: Sequence[tuple[str, int]]) -> dict[str, OrderRow]:
        """Create missing rows of these (order, lane) pairs, lock all rows until the end, and return them."""

    async def concerned(self, records: Collection[RecordIdentity]) -> dict[RecordIdentity, set[str]]:
        """Return the existing orders that these records hold up. Call it before `lock`, which must lock them."""

    async def claim_due(self, before: datetime, limit: int) -> list[str]:
        """Lock at most `limit` orders with a deadline before this instant that no other transaction has locked."""

    async def look(
        self,
        order_ids: Collection[str],
        latest_event: datetime | None = None,
        ranges: Collection[tuple[str, int, int, int]] = (),
    ) -> Look:
        """Read the clock, the number of sets of terms, which of these orders a quarantined record holds up, and which
        records are in quarantine in these ranges: topic, partition, first and last offset.

        Call it after `lock`: only a later statement sees what was committed while `lock` waited. `latest_event`, the
        latest event time of the batch, moves a clock for tests.
        """

    async def facts(self, order_ids: Collection[str]) -> Sequence[FactRow]:
        """Return all facts of these orders, in any order. Call this and all methods below only after `lock`."""

    async def outputs(self, order_ids: Collection[str]) -> Sequence[PastOutput]:
        """Return all outputs of these orders, each order's by version."""

    async def publications(self, order_ids: Collection[str]) -> Sequence[PublicationRow]:
        """Return the publication times of these orders' timed outputs, as far as they are published."""

    async def private_members(self, keys: Collection[FactKey]) -> dict[FactKey, str]:
        """Return the private members of these facts, without facts that have none or whose members were erased."""

    async def foreign(self, keys: Collection[FactKey]) -> set[FactKey]:
        """Return the keys whose source and id are another order's fact."""

    async def add_facts(self, facts: Sequence[FactRow], private: Sequence[PrivateRow], received_at: datetime) -> None:
        """Append new facts and their private members. Raises ForeignFactError."""

    async def progress(self, rows: Sequence[ProgressRow]) -> None:
        """Store watermarks of partitions; a watermark never goes back."""

    async def quarantine(self, rows: Sequence[QuarantineRow]) -> set[RecordIdentity]:
        """Quarantine new records with the orders they may concern. Return the identities of the added ones."""

    async def resolve(self, records: Collection[RecordIdentity], resolution: str) -> set[RecordIdentity]:
        """Mark quarantined records as resolved; return those that were not. Call it before `write`."""

    async def refuse_again(self, records: Collection[tuple[RecordIdentity, str, str]]) -> None:
        """Update reason and place of unresolved quarantined records."""

    async def note_actions(self, actions: Sequence[QuarantineAction]) -> None:
        """Record actions on quarantined records."""

    async def release(self, order_ids: Collection[str], by: str, why: str | None) -> set[str]:
        """Release these locked orders and record who did it; return those that were halted."""

    async def write(self, updates: Sequence[OrderUpdate], outputs: Sequence[OutputRow]) -> list[Written]:
        """Update rows of orders that this batch locked, append to the journal of outputs, in this order, and wake the
        relay at commit.

        A batch does this last: from here to the commit, other batches that need these lanes wait.
        """


class Store(Protocol):
    """The storage of the journals."""

    @property
    def installation(self) -> Installation:
        """The installation, created by the migration."""

    @property
    def epoch(self) -> int:
        """Changes with each new connection: data read over an earlier connection can't be trusted any more."""

    def batch(self) -> AbstractAsyncContextManager[Batch]:
        """Begin a transaction. Its end commits it; an exception rolls it back."""

    async def clock(self) -> StoreTime:
        """Return the clock's time."""

    async def note_progress(self, rows: Sequence[ProgressRow]) -> None:
        """Store watermarks of partitions, without a batch (for an idle partition whose end was read)."""

    async def earliest_due(self) -> tuple[datetime, str] | None:
        """Return the earliest deadline and its order (the lowest id of several); None if there is none."""

    async def stuck(self, limit: int, after: str = "") -> list[str]:
        """Return the ids of at most `limit` stuck orders after the id `after`, sorted."""
