"""The unit of work: everything that one batch does in its database transaction."""

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
from pydantic_core import to_json

from service.orders.batch_result import BatchResult, Rejection, Stuck
from service.orders.dedup import DedupResult, IncomingEvent, deduplicate
from service.orders.operator_actions import NOTHING_DONE, Done, Intervention, intervene
from service.orders.quarantine import offset_ranges, quarantine, quarantined_before, with_records
from service.orders.quarantine_row import notice
from service.orders.state import JournalError, OrderState, note_publications, output_row, read_back
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
    from service.rules.ledger import Ledger, Output
    from service.rules.terms import TermsBook
    from service.store.protocol import Batch
    from service.store.rows import Installation, Look, QuarantineRow, RecordIdentity, Written


ORDERS_AT_A_STRETCH = 50
"""Orders decided before the event loop runs other tasks: the relay, the heartbeat, pending writes."""


class TermsChangedError(Exception):
    """Sets of terms were imported meanwhile: read them and handle the batch again."""


@dataclass(frozen=True, slots=True)
class BatchContext:
    """The parts that a unit of work needs beside the batch. `deciding_is_publishing`: there is no relay (simulate)."""

    cache: Cache
    terms: TermsBook
    installation: Installation
    facts_per_type: int
    future_tolerance: timedelta
    deciding_is_publishing: bool


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A batch's records: events, records that break the contract, and the types of those quarantined by an earlier
    delivery."""

    events: Sequence[IncomingEvent]
    refused: Sequence[Rejection]
    quarantined_before: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Rejections:
    """Refused records: newly quarantined ones with their rows, replayed ones refused again, and the number per type of
    those that were in quarantine already."""

    newly: Sequence[Rejection]
    rows: Sequence[QuarantineRow]
    again: Sequence[Rejection]
    known: Tally[str | None]


@dataclass(slots=True)
class _Decision:
    """The rules' result for an order: its journals after it, and the rows to write.

    `stuck`: the error's class, if the rules raised one.
    """

    facts: tuple[Fact[Any], ...]
    ledger: Ledger
    timed: tuple[int, ...]
    due_at: datetime | None
    stuck: str | None
    waits: str | None
    """The order's waits, as stored in its row."""
    rows: Sequence[OutputRow] = ()


class UnitOfWork:
    """The processing of one batch, from locking its orders to the last statement."""

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
        # One token for all orders of the transaction: it only has to differ from each order's previous token.
        self._token = UUID(bytes=os.urandom(16))
        self.folded: list[tuple[str, OrderState]] = []
        """The states of the batch's orders after the commit."""

    async def take_in(
        self,
        inbound: Sequence[InboundRecord],
        again: Sequence[str] = (),
        *,
        look_for_foreign: bool = False,
        intervention: Intervention | None = None,
    ) -> BatchResult:
        """Handle the records and run the rules for the orders `again`. Return what was written, before the commit."""
        events = [one.decoded for one in inbound if isinstance(one.decoded, Event)]
        held_up_by = await self._held_up_by(intervention, inbound)
        release = () if intervention is None else intervention.release
        rows = await self._lock({event.subject for event in events}.union(again, release, *held_up_by.values()))
        # Read everything with statements after the one that locked, so that they see what other transactions committed.
        look = await self._look(rows, events, inbound)
        found = _sorted(inbound, look.before)
        now = look.instant
        states = await self._states(rows)
        dedup = await self._deduplicate(found.events, states, now.now, look_for_foreign=look_for_foreign)
        refused = await self._quarantine([*found.refused, *dedup.refused], now.now)
        done = NOTHING_DONE
        if intervention is not None:
            done = await intervene(self._batch, intervention, inbound, refused.again, held_up_by)
            rows.update({order_id: rows[order_id]._replace(held=False) for order_id in done.released})
            # Resolved records no longer hold orders up.
            look = await self._batch.look(list(rows))
        open_records = with_records(look.quarantined, refused.rows, list(rows))
        self._add_facts(dedup.fresh, states)
        # Shared by the orders that no quarantined record concerns and whose outputs start no period: nearly all.
        usual_clock = self._clock(now, (), {})
        async with self._writing_facts(now.now):
            for n, order_id in enumerate(dict.fromkeys((*dedup.fresh, *again, *sorted(done.touched)))):
                row, state, clock = rows[order_id], states[order_id], usual_clock
                if state.published or order_id in open_records:
                    clock = self._clock(now, open_records.get(order_id, ()), state.published)
                self._collect_rows(row, state, self._decide(row, state, dedup.fresh.get(order_id, ()), clock))
                if n % ORDERS_AT_A_STRETCH == 0:
                    await asyncio.sleep(0)
        # Later entries win: orders without changes keep the state that was read.
        self.folded = [*states.items(), *self.folded]
        return await self._write(dedup.known + refused.known + Tally(found.quarantined_before), refused, done)

    async def _held_up_by(
        self, intervention: Intervention | None, inbound: Sequence[InboundRecord]
    ) -> dict[RecordIdentity, set[str]]:
        """Return the orders that each record of the intervention holds up. They are locked with the others."""
        records = () if intervention is None else intervention.records(inbound)
        return await self._batch.concerned(records) if records else {}

    async def _lock(self, order_ids: Collection[str]) -> dict[str, OrderRow]:
        """Lock the orders sorted by id. Every transaction uses this order, so none deadlocks."""
        self._lanes = {order_id: lane_of(order_id, self._context.installation.lanes) for order_id in sorted(order_ids)}
        return await self._batch.lock(list(self._lanes.items())) if order_ids else {}

    async def _look(
        self, rows: Mapping[str, OrderRow], events: Sequence[Event], inbound: Sequence[InboundRecord]
    ) -> Look:
        """Read the clock, the records that hold orders up, and which of these records are in quarantine already.

        Raises TermsChangedError if newer terms are stored.
        """
        latest = max((event.time for event in events), default=None)
        look = await self._batch.look(list(rows), latest, offset_ranges(inbound))
        if look.terms not in (None, len(self._context.terms.sets)):
            raise TermsChangedError
        return look

    async def _deduplicate(
        self, incoming: Sequence[IncomingEvent], states: dict[str, OrderState], now: datetime, *, look_for_foreign: bool
    ) -> DedupResult:
        """Deduplicate the events against stored facts, foreign keys and private members."""
        foreign = await self._batch.foreign([one.key for one in incoming]) if look_for_foreign and incoming else ()
        dedup = deduplicate(
            incoming, states, self._context.facts_per_type, now + self._context.future_tolerance, foreign
        )
        if dedup.doubtful:
            dedup.compare_private(await self._batch.private_members([one.key for one in dedup.doubtful]))
        return dedup

    async def _quarantine(self, refused: Sequence[Rejection], now: datetime) -> _Rejections:
        """Quarantine delivered records and add a notice per new row. A replayed record has a row already."""
        again = [one for one in refused if one.record.quarantined_as is not None]
        delivered = [one for one in refused if one.record.quarantined_as is None]
        newly, rows = await quarantine(self._batch, delivered, now)
        self._outputs += [one for row in rows if (one := notice(row, self._context.installation)) is not None]
        known = Tally(one.refusal.type for one in delivered) - Tally(one.refusal.type for one in newly)
        return _Rejections(newly, rows, again, known)

    async def _states(self, rows: dict[str, OrderRow]) -> dict[str, OrderState]:
        states: dict[str, OrderState] = {}
        missing: list[str] = []
        for order_id, row in rows.items():
            if row.version is None:
                states[order_id] = OrderState()
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
        """Add the order's new facts and run the rules, unless the order is halted.

        If the rules raise or a journal can't be read, only this order is stuck.
        """
        facts = state.with_facts([incoming.fact for incoming in fresh]) if fresh else state.facts
        if row.held:
            return _Decision(facts, state.ledger, state.timed, row.due_at, row.stuck, row.waits)
        self._assessed += 1
        # Used if the rules raise: no outputs and no deadline.
        decision = _Decision(facts, state.ledger, state.timed, None, None, row.waits)

        def mark_stuck(error: Exception) -> None:
            # Don't keep the error itself: its frames reference the whole batch, which only the garbage collector could
            # free.
            decision.stuck = type(error).__name__
            self._stuck.append(Stuck(row.order_id, decision.stuck, tuple(places(error))))

        with catch_unexpected(mark_stuck):
            if state.problem:
                raise JournalError(state.problem)
            outputs, deadline, ledger, waits = decide(
                row.order_id, facts, state.ledger, self._context.terms, clock, state.bookmark
            )
            # A deadline behind the watermark that did not fire waits for a quarantined record, not for time. Resolving
            # the record runs the rules again.
            due_at = None if deadline is None or deadline < clock.watermark else instant(deadline)
            rows = self._output_rows(row.order_id, outputs, fresh) if outputs else ()
            timed = [one.order_version for one in rows if one.timed and one.order_version is not None]
            stored = stored_waits(waits, row.waits, clock.now)
            decision = _Decision(facts, ledger, (*state.timed, *timed), due_at, None, stored, rows)
        return decision

    def _output_rows(self, order_id: str, outputs: Sequence[Output], fresh: Sequence[IncomingEvent]) -> list[OutputRow]:
        lane, traceparent = self._lanes[order_id], _traceparent(fresh)
        return [output_row(output, lane, traceparent) for output in outputs]

    def _collect_rows(self, row: OrderRow, before: OrderState, decision: _Decision) -> None:
        """Collect the order's rows, if anything changed."""
        after = before
        if decision.facts is not before.facts or decision.rows:
            self._outputs += decision.rows
            after = OrderState(
                self._token,
                decision.facts,
                decision.ledger,
                decision.timed,
                before.published,
                before.problem,
                before.bookmark,
            )
        update = OrderUpdate(row.order_id, after.version, decision.due_at, decision.stuck, decision.waits)
        if update != (row.order_id, row.version, row.due_at, row.stuck, row.waits):
            self._updates.append(update)
        self.folded.append((row.order_id, after))

    def _clock(self, now: StoreTime, quarantined: Sequence[Quarantined], published: Mapping[int, int]) -> Clock:
        return Clock(
            now=micros(now.now),
            watermark=0 if now.watermark is None else micros(now.watermark),
            quarantined=tuple([QuarantinedRecord(topic, micros(since)) for topic, since in quarantined]),
            published=None if self._context.deciding_is_publishing else published,
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
                        to_json(data, exclude_none=True).decode(),
                    )
                )
                if incoming.private is not None:
                    self._private.append(PrivateRow(order_id, event.source, event.id, incoming.private_json()))

    @asynccontextmanager
    async def _writing_facts(self, now: datetime) -> AsyncIterator[None]:
        """Write the facts while the rules run: facts are stored whatever the rules decide. Don't use the batch for
        anything else meanwhile."""
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
        """Write the orders and outputs; the facts are written already."""
        written: list[Written] = []
        if self._updates or self._outputs:
            written = await self._batch.write(self._updates, self._outputs)
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


def _sorted(inbound: Sequence[InboundRecord], quarantined: Collection[RecordIdentity]) -> _Sorted:
    """Separate events, records that break the contract, and records that are in quarantine already."""
    before = quarantined_before(inbound, quarantined)
    new = [one for one in inbound if id(one) not in before] if before else inbound
    return _Sorted(
        events=[IncomingEvent(one, one.decoded) for one in new if isinstance(one.decoded, Event)],
        refused=[Rejection(one, one.decoded) for one in new if not isinstance(one.decoded, Event)],
        quarantined_before=list(before.values()),
    )


def _traceparent(fresh: Sequence[IncomingEvent]) -> str | None:
    """Return the trace for the new outputs: that of the last message that has one."""
    return next((found for one in reversed(fresh) if (found := one.record.traceparent)), None)
