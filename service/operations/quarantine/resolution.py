"""Replay and drop, a page at a time: each page is one batch of the engine, so it may be broken off and begun again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from purchasing_contracts.envelope import Refusal, decode

from service.kafka.compat.compressed_batches import is_batch
from service.orders.inbound_record import InboundRecord, QuarantineRef
from service.store.operators.quarantine import Content, QuarantinedRecord, QuarantineFilter, contents, page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg
    from purchasing_contracts.envelope import Event
    from purchasing_contracts.quarantine import Reason

    from service.orders.engine import Engine
    from service.orders.operator_actions import Intervention

PAGE = 200
BYTES_AT_ONCE = 16_000_000
A_BATCH = "it is a whole compressed batch, no message: have its records sent again in smaller batches, and drop it"


class Repair(NamedTuple):
    """What takes the place of a record's parts; None: the part as it lies there."""

    value: bytes | None = None
    key: bytes | None = None
    without_headers: bool = False

    def of(self, content: Content) -> Content:
        """Return the record to be replayed."""
        return Content(
            content.key if self.key is None else self.key,
            content.value if self.value is None else self.value,
            () if self.without_headers else content.headers,
        )


UNREPAIRED = Repair()


class QuarantineOutcome(NamedTuple):
    """What became of one record. `outcome` is resolved, known (somebody resolved it meanwhile), refused or erased."""

    record: QuarantinedRecord
    outcome: str
    reason: str | None = None
    place: str | None = None
    because: str | None = None


async def replay(
    connection: asyncpg.Connection[asyncpg.Record],
    engine: Engine,
    which: QuarantineFilter,
    intervention: Intervention,
    repair: Repair = UNREPAIRED,
) -> AsyncIterator[list[QuarantineOutcome]]:
    """Put records through the engine's door as if they were delivered now; yield a page's outcomes at a time.

    The records keep their identity, so that a replay done twice does nothing twice. What breaks the contract still
    stays where it is. What was erased can only be replayed with a value. Raises StoreUnavailableError: what was
    yielded is done, and it may be begun again.
    """
    async for records in _pages(connection, which):
        contents_of = await contents(connection, [one.identity for one in records])
        inbound_records, outcomes = [], []
        for one in records:
            if one.erased_at is not None and repair.value is None:
                outcomes.append(
                    QuarantineOutcome(one, "erased", because="its content was erased: give it a value, or drop it")
                )
            else:
                inbound_records.append(inbound_record_of(one, contents_of[one.identity], repair))
        handled = await engine.handle(inbound_records, intervention)
        refusals = {
            one.record.quarantined_as.record: one.refusal for one in handled.rejected_again if one.record.quarantined_as
        }
        for one in records:
            refusal = refusals.get(one.identity)
            if refusal is not None:
                outcomes.append(QuarantineOutcome(one, "refused", refusal.reason, refusal.place, refusal.because))
            elif one.erased_at is None or repair.value is not None:
                outcomes.append(QuarantineOutcome(one, "resolved" if one.identity in handled.resolved else "known"))
        yield outcomes


async def drop(
    connection: asyncpg.Connection[asyncpg.Record], engine: Engine, which: QuarantineFilter, intervention: Intervention
) -> AsyncIterator[list[QuarantineOutcome]]:
    """Resolve records without replaying them; yield a page's outcomes at a time. Raises StoreUnavailableError."""
    async for records in _pages(connection, which):
        refs = tuple(QuarantineRef(one.identity) for one in records)
        handled = await engine.intervene(intervention._replace(drop=refs))
        yield [QuarantineOutcome(one, "resolved" if one.identity in handled.resolved else "known") for one in records]


def inbound_record_of(record: QuarantinedRecord, content: Content, repair: Repair = UNREPAIRED) -> InboundRecord:
    """Return the record as if it were delivered now, decoded anew. It says nothing of how far its partition is read."""
    sent = repair.of(content)
    ref = QuarantineRef(record.identity, repaired=sent != content)
    if is_batch(sent.value):
        decoded: Event | Refusal = Refusal(cast("Reason", record.reason), "", None, A_BATCH)
    else:
        decoded = decode(record.topic, sent.key, sent.value, sent.headers)
    return InboundRecord(record.topic, record.partition, record.offset, *sent, decoded, ref)


async def _pages(
    connection: asyncpg.Connection[asyncpg.Record], which: QuarantineFilter
) -> AsyncIterator[Sequence[QuarantinedRecord]]:
    """Yield the records, as many at once as a batch may hold. What is resolved meanwhile is passed by, not repeated."""
    after = None
    while records := _no_more_than(BYTES_AT_ONCE, await page(connection, which, after, PAGE)):
        yield records
        after = records[-1].identity


def _no_more_than(size: int, records: list[QuarantinedRecord]) -> list[QuarantinedRecord]:
    """Return the first of them, at least one, whose content is not more than so many bytes."""
    left = size
    for number, one in enumerate(records):
        left -= one.size
        if left < 0 and number:
            return records[:number]
    return records
