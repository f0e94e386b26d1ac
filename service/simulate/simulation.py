"""The service without a broker and a database: events in, outputs out, with a virtual clock.

It runs the same batch transaction on the store in memory. The clock is the latest event time seen so far. Before each
event, deadlines strictly before the clock fire in order of due time, each decided at its due instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from purchasing_contracts.envelope import Event, decode
from purchasing_contracts.topics import class_of, topic_of
from pydantic_core import from_json

from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.rules.facts import instant, micros
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.memory import MemoryStore
from service.store.rows import StoreTime
from service.terms.source import FixedTerms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service.orders.batch_result import BatchResult
    from service.rules.terms import TermsBook
    from service.store.protocol import Store

START = micros(datetime(2000, 1, 1, tzinfo=UTC))
"""The clock before the first event: the earliest instant that a message may name."""

NOWHERE = "simulate"
"""The topic of input that is no event of ours, and so has no topic."""


@dataclass
class VirtualClock:
    """The time for the batch transaction, in microseconds."""

    now: int = START
    watermark: int = START

    def __call__(self) -> StoreTime:
        """Return both like a store."""
        return StoreTime(instant(self.now), instant(self.watermark))


class Simulation:
    """Handle events one by one. Orders may be mixed.

    `store_with` creates the store from the clock; the worked examples use it to run on PostgreSQL.
    """

    def __init__(
        self,
        terms: TermsBook = TERMS_OF_THE_AGREEMENT,
        store_with: Callable[[VirtualClock], Store] = lambda clock: MemoryStore(clock=clock),
    ) -> None:
        self._seen = START
        self._received = 0
        self._clock = VirtualClock()
        self._store = store_with(self._clock)
        self._engine = Engine(self._store, FixedTerms(terms), deciding_is_publishing=True)
        self._fired: dict[str, int] = {}

    async def receive(self, value: bytes) -> AsyncIterator[BatchResult]:
        """Handle one CloudEvent, given as its JSON text; yield the results of earlier deadlines, then its own."""
        inbound_record = self._inbound_record(value)
        event = inbound_record.decoded
        order_id = event.subject if isinstance(event, Event) else event.order_id
        if isinstance(event, Event):
            self._seen = max(self._seen, micros(event.time))
        async for handled in self._fire():
            yield handled
        # A deadline that this event sets in the past fires on its own, at its due instant. So only deadlines that
        # fired have passed for this order.
        self._clock.now, self._clock.watermark = self._seen, self._fired.get(order_id or "", START)
        yield await self._engine.handle([inbound_record])

    @property
    def seen(self) -> int:
        """The clock: the latest event time so far, in microseconds."""
        return self._seen

    async def go_on(self, until: datetime) -> AsyncIterator[BatchResult]:
        """Move the clock without an event; yield the results of deadlines strictly before it."""
        self._seen = max(self._seen, micros(until))
        async for handled in self._fire():
            yield handled

    async def end(self) -> AsyncIterator[BatchResult]:
        """Yield the results of deadlines strictly before the clock, without moving it."""
        async for handled in self._fire():
            yield handled

    async def _fire(self) -> AsyncIterator[BatchResult]:
        while (due := await self._store.earliest_due()) is not None and micros(due[0]) < self._seen:
            at, order_id = micros(due[0]), due[1]
            self._clock.now = at
            self._clock.watermark = self._fired[order_id] = max(at + 1, self._fired.get(order_id, START))
            yield await self._engine.look_again([order_id])

    def _inbound_record(self, value: bytes) -> InboundRecord:
        """Return the event as a record of its topic, with the right key."""
        type_, subject = _type_and_subject(value)
        message = class_of(type_) if isinstance(type_, str) else None
        topic = NOWHERE if message is None else topic_of(message).name
        key = subject.encode() if isinstance(subject, str) else None
        offset, self._received = self._received, self._received + 1
        return InboundRecord(topic, 0, offset, key, value, (), decode(topic, key, value, ()))


def _type_and_subject(value: bytes) -> tuple[object, object]:
    try:
        event = from_json(value)
    except ValueError:
        return None, None
    return (event.get("type"), event.get("subject")) if isinstance(event, dict) else (None, None)
