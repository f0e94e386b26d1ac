"""Replay and drop records. Each page is one batch of the engine, so the work may be stopped and repeated."""

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
ELSEWHERE = "its order is in another cell: replay it there, then drop it here"
A_BATCH = "it is a whole compressed batch, not a message: have its records sent again in smaller batches, and drop it"


class Repair(NamedTuple):
    """Replacements for the parts of a record. None keeps the part."""

    value: bytes | None = None
    key: bytes | None = None
    without_headers: bool = False

    def of(self, content: Content) -> Content:
        """Return the content to replay."""
        return Content(
            content.key if self.key is None else self.key,
            content.value if self.value is None else self.value,
            () if self.without_headers else content.headers,
        )


UNREPAIRED = Repair()


class QuarantineOutcome(NamedTuple):
    """The outcome for one record: resolved, known (somebody resolved it before), refused or erased."""

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
    """Handle records as if they were delivered now; yield the outcomes page by page.

    The records keep their identity, so a second replay has no effect. A record that still breaks the contract stays in
    quarantine, and so does one whose order is in another cell. An erased record can only be replayed with a new value.
    Raises StoreUnavailableError: the pages yielded so far are done, and the replay may be repeated.
    """
    async for records in _pages(connection, which):
        contents_of = await contents(connection, [one.identity for one in records])
        inbound_records, outcomes, elsewhere = [], [], set()
        for one in records:
            if one.erased_at is not None and repair.value is None:
                outcomes.append(
                    QuarantineOutcome(
                        one, "erased", because="its content was erased: replay it with a value, or drop it"
                    )
                )
            else:
                inbound = inbound_record_of(one, contents_of[one.identity], repair)
                if engine.is_elsewhere(inbound):
                    elsewhere.add(one.identity)
                    outcomes.append(QuarantineOutcome(one, "refused", because=ELSEWHERE))
                else:
                    inbound_records.append(inbound)
        handled = await engine.handle(inbound_records, intervention)
        refusals = {
            one.record.quarantined_as.record: one.refusal for one in handled.rejected_again if one.record.quarantined_as
        }
        for one in records:
            refusal = refusals.get(one.identity)
            if refusal is not None:
                outcomes.append(QuarantineOutcome(one, "refused", refusal.reason, refusal.place, refusal.because))
            elif one.identity not in elsewhere and (one.erased_at is None or repair.value is not None):
                outcomes.append(QuarantineOutcome(one, "resolved" if one.identity in handled.resolved else "known"))
        yield outcomes


async def drop(
    connection: asyncpg.Connection[asyncpg.Record], engine: Engine, which: QuarantineFilter, intervention: Intervention
) -> AsyncIterator[list[QuarantineOutcome]]:
    """Resolve records without replaying them; yield the outcomes page by page. Raises StoreUnavailableError."""
    async for records in _pages(connection, which):
        refs = tuple(QuarantineRef(one.identity) for one in records)
        handled = await engine.intervene(intervention._replace(drop=refs))
        yield [QuarantineOutcome(one, "resolved" if one.identity in handled.resolved else "known") for one in records]


def inbound_record_of(record: QuarantinedRecord, content: Content, repair: Repair = UNREPAIRED) -> InboundRecord:
    """Return the record as if it were delivered now, decoded again. It does not move its partition's watermark."""
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
    """Yield pages of records, each as large as a batch may be. Skips records that were resolved meanwhile."""
    after = None
    while records := _no_more_than(BYTES_AT_ONCE, await page(connection, which, after, PAGE)):
        yield records
        after = records[-1].identity


def _no_more_than(size: int, records: list[QuarantinedRecord]) -> list[QuarantinedRecord]:
    """Return the first records, at least one, whose content together has at most `size` bytes."""
    left = size
    for number, one in enumerate(records):
        left -= one.size
        if left < 0 and number:
            return records[:number]
    return records
