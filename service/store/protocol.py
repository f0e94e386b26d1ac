"""What the batch transaction asks of a store.

`PostgresStore` and `MemoryStore` keep the same promises; one suite of tests (tests/store) runs against both.
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
    """One transaction. Whatever it wrote is there once its context has ended without an exception, else none of it is.

    Every method takes all of a batch at once: the number of statements doesn't grow with the batch. Locks are taken in
    one order by everyone, so batches never deadlock: orders by id, then lanes by number.
    Any method may raise StoreUnavailableError or ValueRefusedError; the transaction is over then.
    """

    async def lock(self, orders: Sequence[tuple[str, int]]) -> dict[str, OrderRow]:
        """Make the rows of these (order, lane) that are missing, lock all until the end, return them as they are."""

    async def concerned(self, records: Collection[RecordIdentity]) -> dict[RecordIdentity, set[str]]:
        """Return the orders there are that these records hold up. Before `lock`: what it returns is to be locked."""

    async def claim_due(self, before: datetime, limit: int) -> list[str]:
        """Lock at most `limit` orders with a deadline before this instant that nobody else has locked."""

    async def look(self, order_ids: Collection[str], heard: datetime | None = None) -> Look:
        """Read the clock, how many sets of terms there are, and which of these orders a record in quarantine holds up.

        Only after `lock`: it is the later statement that sees what was committed while `lock` waited. `decoded`, the
        latest event time at hand, moves a clock for tests.
        """

    async def facts(self, order_ids: Collection[str]) -> Sequence[FactRow]:
        """Return all facts of these orders, in no order. Only after `lock`, like all that follow."""

    async def outputs(self, order_ids: Collection[str]) -> Sequence[PastOutput]:
        """Return all outputs of these orders, each order's by version."""

    async def publications(self, order_ids: Collection[str]) -> Sequence[PublicationRow]:
        """Return when the timed outputs of these orders were published, as far as they were."""

    async def private_members(self, keys: Collection[FactKey]) -> dict[FactKey, str]:
        """Return the private members of these facts, without those that have none or were erased."""

    async def foreign(self, keys: Collection[FactKey]) -> set[FactKey]:
        """Return those keys whose source and id are another order's fact."""

    async def add_facts(self, facts: Sequence[FactRow], private: Sequence[PrivateRow], heard_at: datetime) -> None:
        """Append facts that are not there, and their private members. Raises ForeignFactError."""

    async def update_orders(self, updates: Sequence[OrderUpdate]) -> None:
        """Say how orders that this batch locked now stand."""

    async def progress(self, rows: Sequence[ProgressRow]) -> None:
        """Note how far partitions were read; what was noted never goes back."""

    async def quarantine(self, rows: Sequence[QuarantineRow]) -> set[RecordIdentity]:
        """Quarantine records that are not there yet, with the orders they may concern; return the identities of those
        that were added."""

    async def quarantined(self, ranges: Collection[tuple[str, int, int, int]]) -> set[RecordIdentity]:
        """Return the quarantined records, dealt with or not, in these ranges: topic, partition, first and last
        offset."""

    async def resolve(self, records: Collection[RecordIdentity], resolution: str) -> set[RecordIdentity]:
        """Say of quarantined records that they are dealt with; return those that were not yet. Before `publish`."""

    async def refuse_again(self, records: Collection[tuple[RecordIdentity, str, str]]) -> None:
        """Say of what, by now, quarantined records are refused for (reason and place), as far as they are
        unresolved."""

    async def note_actions(self, actions: Sequence[QuarantineAction]) -> None:
        """Append to what was done about quarantined records."""

    async def release(self, order_ids: Collection[str], by: str, why: str | None) -> set[str]:
        """Hold these locked orders no longer, and note who does it; return those that were held."""

    async def publish(self, outputs: Sequence[OutputRow]) -> list[Written]:
        """Append to the journal of outputs, in this order, and wake the relay at commit. The last thing a batch does:
        from here to the commit everybody else who wants these lanes waits."""


class Store(Protocol):
    """Where the journals are."""

    @property
    def installation(self) -> Installation:
        """What was made at migration."""

    @property
    def epoch(self) -> int:
        """Changes whenever a connection was made anew: what was read over an earlier one may not be trusted."""

    def batch(self) -> AbstractAsyncContextManager[Batch]:
        """Begin a transaction; its end commits it, an exception undoes it."""

    async def clock(self) -> StoreTime:
        """Return what the clock says now."""

    async def note_progress(self, rows: Sequence[ProgressRow]) -> None:
        """Note how far partitions were read, without a batch (an idle partition whose end was seen)."""

    async def earliest_due(self) -> tuple[datetime, str] | None:
        """Return the earliest deadline and its order (of several, the lowest id); None if nothing waits."""

    async def stuck(self, limit: int, after: str = "") -> list[str]:
        """Return at most `limit` orders behind the id `after` whose rules raised, by id."""
