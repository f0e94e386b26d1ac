"""The engine: handles a batch in one transaction, and fills the cache after the commit."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.checking import FUTURE_TOLERANCE_SECONDS
from purchasing_contracts.envelope import Event

from service.orders.batch_result import BatchResult
from service.orders.cache import FACTS_MAX, Cache
from service.orders.dedup import refusal
from service.orders.unit_of_work import BatchContext, TermsChangedError, UnitOfWork
from service.runtime.failpoints import failpoint
from service.store.errors import ForeignFactError, StoreUnavailableError, ValueRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.orders.inbound_record import InboundRecord
    from service.orders.operator_actions import Intervention
    from service.store.protocol import Store
    from service.terms.source import TermsSource

FACTS_PER_TYPE = 300
"""Most facts of one type on one order; further ones are quarantined (`too_many_facts`)."""

FUTURE_TOLERANCE = timedelta(seconds=FUTURE_TOLERANCE_SECONDS)
"""A message dated further ahead of the database's clock is quarantined (`in_the_future`)."""

DUE_AT_ONCE = 500

TERMS_READINGS = 5
"""Most times that a batch reads the terms again because sets were imported meanwhile."""


class _Work(NamedTuple):
    """The work of one transaction: records to handle, orders to look at `again`, at most `due` orders whose deadline
    has passed, and a person's intervention."""

    inbound: Sequence[InboundRecord]
    again: Sequence[str]
    due: int
    intervention: Intervention | None


class Engine:
    """Handler of batches. One engine per process; its methods may run concurrently.

    The engine asks `terms` once per batch, and reads them again if sets were imported meanwhile.
    """

    def __init__(
        self,
        store: Store,
        terms: TermsSource,
        *,
        cache_facts: int = FACTS_MAX,
        facts_per_type: int = FACTS_PER_TYPE,
        future_tolerance: timedelta = FUTURE_TOLERANCE,
        deciding_is_publishing: bool = False,
    ) -> None:
        self.cache = Cache(cache_facts)
        self._store = store
        self._terms = terms
        self._facts_per_type = facts_per_type
        self._future_tolerance = future_tolerance
        self._deciding_is_publishing = deciding_is_publishing
        self._epoch = store.epoch

    async def handle(self, inbound: Sequence[InboundRecord], by: Intervention | None = None) -> BatchResult:
        """Handle a batch: all of it, or none of it and an exception.

        In a cell, events of other cells' orders are counted and left to them. `by`: the person who replays quarantined
        records, if this batch is a replay. The batch is one transaction. If PostgreSQL refuses a value, the batch is
        halved until one record is left, and that record is quarantined (reason `schema`). Raises StoreUnavailableError:
        handle the same batch again later. Any other exception is a bug.
        """
        elsewhere = [one for one in inbound if self.is_elsewhere(one)]
        if not elsewhere:
            return await self._handle(inbound, by)
        left = BatchResult(elsewhere=Tally(one.decoded.type for one in elsewhere))
        here = [one for one in inbound if not self.is_elsewhere(one)]
        return left.and_then(await self._handle(here, by)) if here else left

    def is_elsewhere(self, record: InboundRecord) -> bool:
        """Return whether this is an event of an order that another cell has.

        A record that breaks the contract is nobody's for certain, so each cell takes it: it may concern an order here.
        """
        decoded = record.decoded
        return isinstance(decoded, Event) and self._store.installation.lane_elsewhere(decoded.subject) is not None

    async def look_again(self, order_ids: Sequence[str]) -> BatchResult:
        """Run the rules for these orders without new records. Raises StoreUnavailableError."""
        return await self._transact((), order_ids)

    async def fire_due(self, limit: int = DUE_AT_ONCE) -> BatchResult:
        """Run the rules for at most `limit` orders whose deadline the watermark has passed and that no other worker has
        locked.

        If the result's `assessed` is 0, no order is due. Raises StoreUnavailableError.
        """
        return await self._transact((), due=limit)

    async def intervene(self, intervention: Intervention) -> BatchResult:
        """Drop quarantined records, release orders, and run the rules for the orders concerned.

        Raises StoreUnavailableError.
        """
        return await self._transact((), intervention=intervention)

    async def _handle(self, inbound: Sequence[InboundRecord], by: Intervention | None) -> BatchResult:
        try:
            return await self._transact(inbound, intervention=by)
        except ValueRefusedError:
            if len(inbound) == 1:
                return await self._quarantine_refused_value(inbound[0], by)
            middle = len(inbound) // 2
            first = await self._handle(inbound[:middle], by)
            return first.and_then(await self._handle(inbound[middle:], by))

    async def _quarantine_refused_value(self, record: InboundRecord, by: Intervention | None) -> BatchResult:
        """Quarantine the record that the database refuses, without its order id if the database refuses that too."""
        decoded = record.decoded
        if isinstance(decoded, Event):
            decoded = refusal("schema", "", decoded)
        try:
            return await self._transact([record._replace(decoded=decoded)], intervention=by)
        except ValueRefusedError:
            decoded = replace(decoded, order_id=None, place="")
            return await self._transact([record._replace(decoded=decoded)], intervention=by)

    async def _transact(
        self,
        inbound: Sequence[InboundRecord],
        again: Sequence[str] = (),
        *,
        due: int = 0,
        intervention: Intervention | None = None,
    ) -> BatchResult:
        """Attempt the transaction until neither imported terms nor another worker's message disturbs it."""
        work = _Work(inbound, again, due, intervention)
        readings, look_for_foreign = 0, False
        while True:
            try:
                return await self._attempt(work, look_for_foreign=look_for_foreign)
            except TermsChangedError:
                await self._terms.refresh()
                readings += 1
                if readings == TERMS_READINGS:
                    raise StoreUnavailableError("terms are imported faster than they can be read") from None
            except ForeignFactError as error:
                if look_for_foreign:
                    raise StoreUnavailableError("another worker is adding the same message to another order") from error
                look_for_foreign = True

    async def _attempt(self, work: _Work, *, look_for_foreign: bool) -> BatchResult:
        inbound, again, due, intervention = work
        unit_of_work: UnitOfWork | None = None
        committed = False
        try:
            async with self._store.batch() as batch:
                self._clear_cache_after_reconnect()
                if due:
                    watermark = (await batch.look(())).instant.watermark
                    again = [] if watermark is None else await batch.claim_due(watermark, due)
                    if not again:
                        return BatchResult()
                    await failpoint("deadlines.claimed")
                unit_of_work = UnitOfWork(batch, self._context())
                handled = await unit_of_work.take_in(
                    inbound, again, look_for_foreign=look_for_foreign, intervention=intervention
                )
                await failpoint("batch.before_commit")
            committed = True
        finally:
            if not committed:
                # After a lost COMMIT nobody knows whether it took effect, so forget the states and read them back.
                self.cache.drop(one.decoded.subject for one in inbound if isinstance(one.decoded, Event))
                self.cache.drop(again)
        self.cache.fill((order_id, state) for order_id, state in unit_of_work.folded if state.facts)
        return handled

    def _context(self) -> BatchContext:
        return BatchContext(
            cache=self.cache,
            terms=self._terms.book,
            installation=self._store.installation,
            facts_per_type=self._facts_per_type,
            future_tolerance=self._future_tolerance,
            deciding_is_publishing=self._deciding_is_publishing,
        )

    def _clear_cache_after_reconnect(self) -> None:
        if self._store.epoch != self._epoch:
            self._epoch = self._store.epoch
            self.cache.clear()
