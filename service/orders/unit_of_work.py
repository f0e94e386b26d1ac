"""What happens between the begin and the commit of a batch."""

from __future__ import annotations

import asyncio
import os
from collections import Counter as Tally
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from purchasing_contracts.envelope import Event

from service.orders.batch_result import BatchResult, Rejection, Stuck
from service.orders.dedup import DedupResult, IncomingEvent, deduplicate
from service.orders.operator_actions import NOTHING_DONE, Intervention, intervene
from service.orders.quarantine import quarantine, quarantined_before, with_records
from service.orders.quarantine_row import notice
from service.orders.state import NEW, JournalError, OrderState, note_publications, output_row, read_back
from service.orders.stored_waits import stored_waits
from service.rules.clock import Clock, QuarantinedRecord
from service.rules.decide import decide
from service.rules.facts import instant, micros
from service.runtime.errors import catch_unexpected, places
from service.store.lanes import lane_of
from service.store.rows import (
    FactRow,
    OrderRow,
    OrderUpdate,
    OutputRow,
    PrivateRow,
    Quarantined,
    StoreTime,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime, timedelta

    from service.orders.cache import Cache
    from service.orders.inbound_record import InboundRecord
    from service.rules.facts import Fact
    from service.rules.ledger import Ledger
    from service.rules.terms import TermsBook
    from service.store.protocol import Batch


ORDERS_AT_A_STRETCH = 50
"""So many orders are decided before others may go on: the relay, the heartbeat, what is being written."""


class TermsChangedError(Exception):
    """Sets of terms were imported meanwhile: read them, and take the batch in again."""


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What a batch transaction works with. `deciding_is_publishing`: there is no relay to wait for (simulate)."""

    cache: Cache
    terms: TermsBook
    lanes: int
    facts_per_type: int
    future_tolerance: timedelta
    deciding_is_publishing: bool


@dataclass(slots=True)
class _Decision:
    """What the rules said of an order: its ledger and timed outputs with the new ones, and what is to be written."""

    ledger: Ledger
    timed: tuple[int, ...]
    due_at: datetime | None
    waits: str | None
    """What the order waits for, as its row stores it."""
    rows: Sequence[OutputRow] = ()


class UnitOfWork:
    """One batch, from locking its orders to its last statement."""

    def __init__(self, batch: Batch, context: BatchContext) -> None:
        self._batch = batch
        self._context = context
        self._facts: list[FactRow] = []
        self._private: list[PrivateRow] = []
        self._updates: list[OrderUpdate] = []
        self._outputs: list[OutputRow] = []
        self._stuck: list[Stuck] = []
        self._assessed = 0
        self._lanes: dict[str, int] = {}
        # One for all orders of the transaction: each order's is another than it was, and that is all it says.
        self._token = UUID(bytes=os.urandom(16))
        self.folded: list[tuple[str, OrderState]] = []
        """The states of the batch's orders as they are once it is committed."""

    async def take_in(
        self,
        inbound: Sequence[InboundRecord],
        again: Sequence[str] = (),
        *,
        look_for_foreign: bool = False,
        intervention: Intervention | None = None,
    ) -> BatchResult:
        """Take the records in, and look again at the orders `again`; return what was written, not yet committed."""
        quarantined = await quarantined_before(self._batch, inbound)
        news_of = [one for one in inbound if id(one) not in quarantined]
        incoming = [IncomingEvent(one, one.decoded) for one in news_of if isinstance(one.decoded, Event)]
        refused = [Rejection(one, one.decoded) for one in news_of if not isinstance(one.decoded, Event)]
        meant = () if intervention is None else intervention.release
        records = () if intervention is None else intervention.records(inbound)
        concerned = await self._batch.concerned(records) if records else {}
        order_ids = sorted({one.event.subject for one in incoming}.union(again, meant, *concerned.values()))
        self._lanes = {order_id: lane_of(order_id, self._context.lanes) for order_id in order_ids}
        rows = await self._batch.lock(list(self._lanes.items())) if order_ids else {}
        # From here on everything is read by later statements than the one that locked.
        look = await self._batch.look(order_ids, max((one.event.time for one in incoming), default=None))
        if look.terms not in (None, len(self._context.terms.sets)):
            raise TermsChangedError
        states = await self._states(rows)
        dedup = await self._news(incoming, states, look.instant.now, look_for_foreign=look_for_foreign)
        refused += dedup.refused
        rejected_again = [one for one in refused if one.record.quarantined_as is not None]
        first_time = [one for one in refused if one.record.quarantined_as is None]
        newly_quarantined, quarantine_rows = await quarantine(self._batch, first_time, look.instant.now)
        self._outputs += [notice(row, self._context.lanes) for row in quarantine_rows]
        known = dedup.known + Tally(one.refusal.type for one in first_time) + Tally(quarantined.values())
        known -= Tally(one.refusal.type for one in newly_quarantined)
        done, open_records = NOTHING_DONE, look.quarantined
        if intervention is not None:
            done = await intervene(self._batch, intervention, inbound, rejected_again, concerned)
            rows.update({order_id: rows[order_id]._replace(held=False) for order_id in done.released})
            open_records = (await self._batch.look(order_ids)).quarantined
        open_records = with_records(open_records, quarantine_rows, order_ids)
        for order_id, fresh in dedup.fresh.items():
            self._add_facts(order_id, len(states[order_id].facts), fresh)
        async with self._facts_being_written(look.instant.now):
            for n, order_id in enumerate(dict.fromkeys((*dedup.fresh, *again, *sorted(done.touched)))):
                self._hear(rows[order_id], states[order_id], dedup, look.instant, open_records.get(order_id, ()))
                if n % ORDERS_AT_A_STRETCH == 0:
                    await asyncio.sleep(0)
        # Whatever the batch did not touch stays as it was read.
        self.folded = [*states.items(), *self.folded]
        written = await self._write()
        return BatchResult(
            facts=len(self._facts),
            known=known,
            assessed=self._assessed,
            outputs=tuple(written),
            quarantined=tuple(newly_quarantined),
            stuck=tuple(self._stuck),
            resolved=done.resolved,
            rejected_again=tuple(rejected_again),
            released=done.released,
        )

    async def _news(
        self, incoming: Sequence[IncomingEvent], states: dict[str, OrderState], now: datetime, *, look_for_foreign: bool
    ) -> DedupResult:
        """Sort out what was heard, with what is known of it elsewhere."""
        foreign = await self._batch.foreign([one.key for one in incoming]) if look_for_foreign and incoming else ()
        dedup = deduplicate(
            incoming, states, self._context.facts_per_type, now + self._context.future_tolerance, foreign
        )
        if dedup.doubtful:
            dedup.compare_private(await self._batch.private_members([one.key for one in dedup.doubtful]))
        return dedup

    async def _states(self, rows: dict[str, OrderRow]) -> dict[str, OrderState]:
        states: dict[str, OrderState] = {}
        missing: list[str] = []
        for order_id, row in rows.items():
            if row.version is None:
                states[order_id] = NEW
            elif (cached := self._context.cache.get(order_id, row.version)) is not None:
                states[order_id] = cached
            else:
                missing.append(order_id)
        if missing:
            facts, outputs = defaultdict(list), defaultdict(list)
            for fact in await self._batch.facts(missing):
                facts[fact.order_id].append(fact)
            for output in await self._batch.outputs(missing):
                outputs[output.order_id].append(output)
            for order_id in missing:
                states[order_id] = read_back(rows[order_id].version, facts[order_id], outputs[order_id])
        awaiting = [order_id for order_id, state in states.items() if state.awaits_publication]
        if awaiting and not self._context.deciding_is_publishing:
            note_publications(states, await self._batch.publications(awaiting))
        return states

    def _hear(
        self, row: OrderRow, state: OrderState, dedup: DedupResult, now: StoreTime, quarantined: Sequence[Quarantined]
    ) -> None:
        """Add an order's news to its journals, and what the rules make of it."""
        order_id = row.order_id
        fresh = dedup.fresh.get(order_id, ())
        facts = state.facts
        if fresh:
            facts = state.with_facts([incoming.fact for incoming in fresh])
        said = _Decision(state.ledger, state.timed, row.due_at, row.waits)
        stuck = row.stuck
        if not row.held:
            self._assessed += 1
            # Until the rules have said something, nothing is due: what raises publishes nothing and fires nothing.
            said.due_at, stuck = None, None
            failed = len(self._stuck)
            with catch_unexpected(partial(self._note_stuck, order_id)):
                clock = self._clock(state, now, quarantined)
                said = self._ask(row, facts, state, clock, _traceparent(fresh))
            for one in self._stuck[failed:]:
                stuck = one.error
        after = state
        if fresh or said.rows:
            self._outputs += said.rows
            after = OrderState(self._token, facts, said.ledger, said.timed, state.published, state.problem)
        update = OrderUpdate(order_id, after.version, said.due_at, stuck, said.waits)
        if update != (order_id, row.version, row.due_at, row.stuck, row.waits):
            self._updates.append(update)
        self.folded.append((order_id, after))

    def _note_stuck(self, order_id: str, error: Exception) -> None:
        # Not the error itself: its frames hold the whole batch, which would be left to Python's collector.
        self._stuck.append(Stuck(order_id, type(error).__name__, tuple(places(error))))

    def _ask(
        self,
        row: OrderRow,
        facts: tuple[Fact[Any], ...],
        state: OrderState,
        clock: Clock,
        traceparent: str | None,
    ) -> _Decision:
        """Ask the rules. Raises whatever they raise, and JournalError."""
        if state.problem:
            raise JournalError(state.problem)
        outputs, deadline, ledger, waits = decide(row.order_id, facts, state.ledger, self._context.terms, clock)
        # A deadline that has passed and did not fire waits for its quarantined record, not for time: whoever resolves
        # that looks at the order again.
        due_at = None if deadline is None or deadline < clock.watermark else instant(deadline)
        stored = stored_waits(waits, row.waits, clock.now)
        if not outputs:
            return _Decision(state.ledger, state.timed, due_at, stored)
        lane = self._lanes[row.order_id]
        rows = [output_row(output, lane, traceparent) for output in outputs]
        timed = [one.order_version for one in rows if one.timed and one.order_version is not None]
        return _Decision(ledger, (*state.timed, *timed), due_at, stored, rows)

    def _clock(self, state: OrderState, now: StoreTime, quarantined: Sequence[Quarantined]) -> Clock:
        return Clock(
            now=micros(now.now),
            watermark=0 if now.watermark is None else micros(now.watermark),
            quarantined=tuple([QuarantinedRecord(topic, micros(since)) for topic, since in quarantined]),
            published=None if self._context.deciding_is_publishing else state.published,
        )

    def _add_facts(self, order_id: str, known: int, fresh: Sequence[IncomingEvent]) -> None:
        lane = self._lanes[order_id]
        for nth, incoming in enumerate(fresh, known + 1):
            event, data = incoming.event, incoming.fact.data
            self._facts.append(
                FactRow(
                    order_id,
                    event.source,
                    event.id,
                    lane,
                    nth,
                    event.time,
                    event.type,
                    data.model_dump_json(exclude_none=True),
                )
            )
            if incoming.private is not None:
                self._private.append(PrivateRow(order_id, event.source, event.id, incoming.private_json()))

    @asynccontextmanager
    async def _facts_being_written(self, now: datetime) -> AsyncIterator[None]:
        """While the rules think, the database writes the facts: they stay, whatever the rules say. Nothing else may be
        asked of the batch meanwhile."""
        if not self._facts:
            yield
            return
        writing = asyncio.ensure_future(self._batch.add_facts(self._facts, self._private, now))
        try:
            yield
        except BaseException:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            raise
        await writing

    async def _write(self) -> list[Any]:
        if self._updates:
            await self._batch.update_orders(self._updates)
        return await self._batch.publish(self._outputs) if self._outputs else []


def _traceparent(fresh: Sequence[IncomingEvent]) -> str | None:
    """The trace that what is decided now belongs to: that of the last message that has one."""
    return next((found for one in reversed(fresh) if (found := one.record.traceparent)), None)
