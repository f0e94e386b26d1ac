"""Quarantine within a batch: new records, records quarantined by an earlier delivery, and the orders they hold up."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from purchasing_contracts.envelope import Event

from service.orders.quarantine_row import quarantine_row, record_digest
from service.store.order_hash import order_hash
from service.store.rows import Quarantined

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from service.orders.batch_result import Rejection
    from service.orders.inbound_record import InboundRecord
    from service.store.protocol import Batch
    from service.store.rows import QuarantineRow, RecordIdentity


def offset_ranges(inbound: Sequence[InboundRecord]) -> list[tuple[str, int, int, int]]:
    """Return topic, partition, first and last offset of the delivered events, per partition."""
    offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
    for one, _ in _delivered(inbound):
        offsets[one.topic, one.partition].append(one.offset)
    return [(*partition, min(found), max(found)) for partition, found in offsets.items()]


def quarantined_before(inbound: Sequence[InboundRecord], rows: Collection[RecordIdentity]) -> dict[int, str]:
    """Return the types of the events that were quarantined at an earlier delivery, by `id()` of the record. `rows` are
    the quarantined records among their offsets.

    A refused record stays refused, resolved or not, even if it would be valid now (its time has come, or a newer
    version knows its type). Only a person replays it.
    """
    if not rows:
        return {}
    places = {row[:3] for row in rows}
    return {
        id(one): event.type
        for one, event in _delivered(inbound)
        if (one.topic, one.partition, one.offset) in places
        and (one.topic, one.partition, one.offset, record_digest(one)) in rows
    }


def _delivered(inbound: Sequence[InboundRecord]) -> list[tuple[InboundRecord, Event]]:
    """Return the records that are events and no replays."""
    return [(one, one.decoded) for one in inbound if one.quarantined_as is None and isinstance(one.decoded, Event)]


async def quarantine(
    batch: Batch, refused: Sequence[Rejection], now: datetime
) -> tuple[list[Rejection], list[QuarantineRow]]:
    """Quarantine records. Return the records that were not in quarantine yet, and their rows."""
    if not refused:
        return [], []
    rows = [quarantine_row(record, refusal, now) for record, refusal in refused]
    added = await batch.quarantine(rows)
    new = [(one, row) for one, row in zip(refused, rows, strict=True) if row.identity in added]
    return [one for one, _ in new], [row for _, row in new]


def with_records(
    known: Mapping[str, Sequence[Quarantined]], rows: Sequence[QuarantineRow], order_ids: Sequence[str]
) -> Mapping[str, Sequence[Quarantined]]:
    """Return the quarantined records that may concern these orders, per order, including the rows just added."""
    if not rows:
        return known
    found = {order_id: list(records) for order_id, records in known.items()}
    for order_id in order_ids:
        number = order_hash(order_id)
        new = [Quarantined(row.topic, row.at) for row in rows if number in row.candidates]
        if new:
            found.setdefault(order_id, []).extend(new)
    return found
