"""What happens between the begin and the commit of a batch."""

from __future__ import annotations

import asyncio
import os
from collections import Counter as Tally
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from purchasing_contracts.envelope import Event

from service.orders.batch_result import BatchResult, Rejection, Stuck
from service.orders.dedup import DedupResult, IncomingEvent, deduplicate
from service.orders.operator_actions import NOTHING_DONE, Done, Intervention, intervene
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
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from service.orders.cache import Cache
    from service.orders.inbound_record import InboundRecord
    from service.rules.facts import Fact
    from service.rules.ledger import Ledger
    from service.rules.terms import TermsBook
    from service.store.protocol import Batch
    from service.store.rows import Look, QuarantineRow, RecordIdentity


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


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A batch's records apart: events, records that break the contract, and those quarantined by an earlier delivery,
    of which the types are kept to be counted."""

    events: Sequence[IncomingEvent]
    refused: Sequence[Rejection]
    quarantined_before: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Rejections:
    """What the batch does not take: records quarantined now with their rows, replayed ones refused again, and by type
    how many had been in quarantine already."""

    newly: Sequence[Rejection]
    rows: Sequence[QuarantineRow]
    again: Sequence[Rejection]
    known: Tally[str | None]


@dataclass(slots=True)
class _Decision:
    """What the rules said of an order: its journals as they are then, and what is to be written.

    `stuck`: the error's class, where the rules raised.
    """

    facts: tuple[Fact[Any], ...]
    ledger: Ledger
    timed: tuple[int, ...]
    due_at: datetime | None
    stuck: str | None
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
        found = await self._sort(inbound)
        held_up_by = await self._held_up_by(intervention, inbound)
        release = () if intervention is None else intervention.release
        rows = await self._lock({one.event.subject for one in found.events}.union(again, release, *held_up_by.values()))
        # From here on everything is read by later statements than the one that locked.
        look = await self._look(rows, found.events)
        now = look.instant
        states = await self._states(rows)
        dedup = await self._deduplicate(found.events, states, now.now, look_for_foreign=look_for_foreign)
        refused = await self._quarantine([*found.refused, *dedup.refused], now.now)
        done = NOTHING_DONE
        if intervention is not None:
            done = await intervene(self._batch, intervention, inbound, refused.again, held_up_by)
            rows.update({order_id: rows[order_id]._replace(held=False) for order_id in done.released})
            # What it resolved holds nothing up any more.
            look = await self._batch.look(list(rows))
        open_records = with_records(look.quarantined, refused.rows, list(rows))
        self._add_facts(dedup.fresh, states)
        async with self._facts_being_written(now.now):
            for n, order_id in enumerate(dict.fromkeys((*dedup.fresh, *again, *sorted(done.touched)))):
                row, state = rows[order_id], states[order_id]
                clock = self._clock(state, now, open_records.get(order_id, ()))
                self._keep(row, state, self._decide(row, state, dedup.fresh.get(order_id, ()), clock))
                if n % ORDERS_AT_A_STRETCH == 0:
                    await asyncio.sleep(0)
        # Whatever the batch did not touch stays as it was read.
        self.folded = [*states.items(), *self.folded]
        return await self._write(dedup.known + refused.known + Tally(found.quarantined_before), refused, done)

    async def _sort(self, inbound: Sequence[InboundRecord]) -> _Sorted:
        """Tell events from records that break the contract, and from those that lie in quarantine already."""
        before = await quarantined_before(self._batch, inbound)
        new = [one for one in inbound if id(one) not in before]
        return _Sorted(
            events=[IncomingEvent(one, one.decoded) for one in new if isinstance(one.decoded, Event)],
            refused=[Rejection(one, one.decoded) for one in new if not isinstance(one.decoded, Event)],
            quarantined_before=list(before.values()),
        )

    async def _held_up_by(
        self, intervention: Intervention | None, inbound: Sequence[InboundRecord]
    ) -> dict[RecordIdentity, set[str]]:
        """Return the orders that each record which a person deals with holds up: they are locked with the others."""
        records = () if intervention is None else intervention.records(inbound)
        return await self._batch.concerned(records) if records else {}

    async def _lock(self, order_ids: Collection[str]) -> dict[str, OrderRow]:
        """Lock the orders in the order in which everybody does, by id."""
        self._lanes = {order_id: lane_of(order_id, self._context.lanes) for order_id in sorted(order_ids)}
        return await self._batch.lock(list(self._lanes.items())) if order_ids else {}

    async def _look(self, rows: Mapping[str, OrderRow], events: Sequence[IncomingEvent]) -> Look:
        """Read the clock and what holds the orders up. Raises TermsChangedError where the terms in hand are old."""
        look = await self._batch.look(list(rows), max((one.event.time for one in events), default=None))
        if look.terms not in (None, len(self._context.terms.sets)):
            raise TermsChangedError
        return look

    async def _deduplicate(
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

    async def _quarantine(self, refused: Sequence[Rejection], now: datetime) -> _Rejections:
        """Quarantine what was delivered, with a notice for each new row; a replayed record has its row already."""
        again = [one for one in refused if one.record.quarantined_as is not None]
        delivered = [one for one in refused if one.record.quarantined_as is None]
        newly, rows = await quarantine(self._batch, delivered, now)
        self._outputs += [notice(row, self._context.lanes) for row in rows]
        known = Tally(one.refusal.type for one in delivered) - Tally(one.refusal.type for one in newly)
        return _Rejections(newly, rows, again, known)

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

    def _decide(self, row: OrderRow, state: OrderState, fresh: Sequence[IncomingEvent], clock: Clock) -> _Decision:
        """Add an order's news to its facts and ask the rules, unless a person holds it.

        An order on which they raise, or whose journals can't be read, is stuck, alone.
        """
        facts = state.with_facts([incoming.fact for incoming in fresh]) if fresh else state.facts
        if row.held:
            return _Decision(facts, state.ledger, state.timed, row.due_at, row.stuck, row.waits)
        self._assessed += 1
        # Until the rules have said something, nothing is due: what raises publishes nothing and fires nothing.
        said = _Decision(facts, state.ledger, state.timed, None, None, row.waits)

        def note_stuck(error: Exception) -> None:
            # Not the error itself: its frames hold the whole batch, which would be left to Python's collector.
            said.stuck = type(error).__name__
            self._stuck.append(Stuck(row.order_id, said.stuck, tuple(places(error))))

        with catch_unexpected(note_stuck):
            if state.problem:
                raise JournalError(state.problem)
            outputs, deadline, ledger, waits = decide(row.order_id, facts, state.ledger, self._context.terms, clock)
            # A deadline that has passed and did not fire waits for its quarantined record, not for time: whoever
            # resolves that looks at the order again.
            due_at = None if deadline is None or deadline < clock.watermark else instant(deadline)
            traceparent = _traceparent(fresh)
            rows = [output_row(output, self._lanes[row.order_id], traceparent) for output in outputs]
            timed = [one.order_version for one in rows if one.timed and one.order_version is not None]
            stored = stored_waits(waits, row.waits, clock.now)
            said = _Decision(facts, ledger, (*state.timed, *timed), due_at, None, stored, rows)
        return said

    def _keep(self, row: OrderRow, before: OrderState, said: _Decision) -> None:
        """Collect what is to be written of an order, where anything of it is another than it was."""
        after = before
        if said.facts is not before.facts or said.rows:
            self._outputs += said.rows
            after = OrderState(self._token, said.facts, said.ledger, said.timed, before.published, before.problem)
        update = OrderUpdate(row.order_id, after.version, said.due_at, said.stuck, said.waits)
        if update != (row.order_id, row.version, row.due_at, row.stuck, row.waits):
            self._updates.append(update)
        self.folded.append((row.order_id, after))

    def _clock(self, state: OrderState, now: StoreTime, quarantined: Sequence[Quarantined]) -> Clock:
        return Clock(
            now=micros(now.now),
            watermark=0 if now.watermark is None else micros(now.watermark),
            quarantined=tuple([QuarantinedRecord(topic, micros(since)) for topic, since in quarantined]),
            published=None if self._context.deciding_is_publishing else state.published,
        )

    def _add_facts(self, fresh: Mapping[str, Sequence[IncomingEvent]], states: Mapping[str, OrderState]) -> None:
        for order_id, events in fresh.items():
            for nth, incoming in enumerate(events, len(states[order_id].facts) + 1):
                event, data = incoming.event, incoming.fact.data
                self._facts.append(
                    FactRow(
                        order_id,
                        event.source,
                        event.id,
                        self._lanes[order_id],
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

    async def _write(self, known: Tally[str | None], refused: _Rejections, done: Done) -> BatchResult:
        """Write what was decided; the facts are there already."""
        if self._updates:
            await self._batch.update_orders(self._updates)
        written = await self._batch.publish(self._outputs) if self._outputs else []
        return BatchResult(
            facts=len(self._facts),
            known=known,
            assessed=self._assessed,
            outputs=tuple(written),
            quarantined=tuple(refused.newly),
            stuck=tuple(self._stuck),
            resolved=done.resolved,
            rejected_again=tuple(refused.again),
            released=done.released,
        )


def _traceparent(fresh: Sequence[IncomingEvent]) -> str | None:
    """The trace that what is decided now belongs to: that of the last message that has one."""
    return next((found for one in reversed(fresh) if (found := one.record.traceparent)), None)
