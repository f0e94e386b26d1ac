"""The way of a batch: one transaction, and then (only then) the cache."""

from __future__ import annotations

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
"""Facts of one type on one order; more are quarantined (`too_many_facts`)."""

FUTURE_TOLERANCE = timedelta(seconds=FUTURE_TOLERANCE_SECONDS)
"""A message dated further ahead of the database's clock is quarantined (in_the_future)."""

DUE_AT_ONCE = 500

TERMS_READINGS = 5
"""How often a batch may find that sets of terms were imported since they were read."""


class _Work(NamedTuple):
    """What one transaction is to do: take records in, look again at orders, at `due` orders at most whose time has
    come, and what a person does."""

    inbound: Sequence[InboundRecord]
    again: Sequence[str]
    due: int
    intervention: Intervention | None


class Engine:
    """Takes batches of news in. One engine a process; its methods may run side by side.

    `terms` is asked once a batch, and read anew when the batch sees that sets were imported meanwhile.
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
        """Take a batch in: all of it, or none of it and an exception.

        `by` says who brings it, where it is a person with records out of quarantine.

        One transaction, except where PostgreSQL refuses a value: then the batch is halved until the culprit stands
        alone, and that one is quarantined (reason `schema`). Raises StoreUnavailableError (the same batch again,
        later); anything else it raises is a bug.
        """
        try:
            return await self._transact(inbound, intervention=by)
        except ValueRefusedError:
            if len(inbound) == 1:
                return await self._give_up(inbound[0], by)
            middle = len(inbound) // 2
            first = await self.handle(inbound[:middle], by)
            return first.and_then(await self.handle(inbound[middle:], by))

    async def look_again(self, order_ids: Sequence[str]) -> BatchResult:
        """Ask the rules about these orders although nothing new was heard. Raises StoreUnavailableError."""
        return await self._transact((), order_ids)

    async def fire_due(self, limit: int = DUE_AT_ONCE) -> BatchResult:
        """Look again at orders whose deadline the input was read past and that no other worker has in hand.

        Nothing assessed: none is due. Raises StoreUnavailableError.
        """
        return await self._transact((), due=limit)

    async def intervene(self, intervention: Intervention) -> BatchResult:
        """Drop quarantined records and release orders, and look again at the orders it is about.

        Raises StoreUnavailableError.
        """
        return await self._transact((), intervention=intervention)

    async def _give_up(self, record: InboundRecord, by: Intervention | None) -> BatchResult:
        """Quarantine what the database refuses; where it refuses the order's id itself, without one."""
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
        """Attempt it until it is not disturbed: by terms imported meanwhile, by the same message on another order."""
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
                    raise StoreUnavailableError("another worker adds the same message to another order now") from error
                look_for_foreign = True

    async def _attempt(self, work: _Work, *, look_for_foreign: bool) -> BatchResult:
        inbound, again, due, intervention = work
        unit_of_work: UnitOfWork | None = None
        committed = False
        try:
            async with self._store.batch() as batch:
                self._mind_reconnects()
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
                # Whether a lost COMMIT took effect isn't known; the row's token will tell.
                self.cache.drop(one.decoded.subject for one in inbound if isinstance(one.decoded, Event))
                self.cache.drop(again)
        self.cache.fill((order_id, state) for order_id, state in unit_of_work.folded if state.facts)
        return handled

    def _context(self) -> BatchContext:
        return BatchContext(
            cache=self.cache,
            terms=self._terms.book,
            lanes=self._store.installation.lanes,
            facts_per_type=self._facts_per_type,
            future_tolerance=self._future_tolerance,
            deciding_is_publishing=self._deciding_is_publishing,
        )

    def _mind_reconnects(self) -> None:
        if self._store.epoch != self._epoch:
            self._epoch = self._store.epoch
            self.cache.clear()
