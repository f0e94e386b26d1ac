"""A quarantined record's row, which keeps it byte for byte, and the notice about it."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from purchasing_contracts.binding import binary_attributes, size_of, unframed
from purchasing_contracts.envelope import Publication, encode_structured
from purchasing_contracts.quarantine import RecordQuarantined
from purchasing_contracts.topics import topic_of
from pydantic_core import from_json

from service.orders.candidate_ids import candidate_ids
from service.store.lanes import lane_of
from service.store.order_hash import order_hash
from service.store.rows import OutputRow, QuarantineRow

if TYPE_CHECKING:
    from datetime import datetime

    from purchasing_contracts.envelope import Refusal

    from service.orders.inbound_record import InboundRecord
    from service.store.rows import Installation

SOURCE_LENGTH_MAX = 512
"""As of a message that is taken."""

_NAMESPACE = UUID("0f0d5c1a-7d0e-5f0c-9a39-5a1d7f1b4b52")
"""Never change this: the ids of notices depend on it."""


def quarantine_row(record: InboundRecord, refusal: Refusal, at: datetime) -> QuarantineRow:
    """Return the row for this record. `at`: when it was quarantined."""
    value = record.value or b""
    return QuarantineRow(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        digest=record_digest(record),
        sha256=sha256(value).digest(),
        reason=refusal.reason,
        place=refusal.place,
        size=size_of(record.key, record.value, record.headers),
        order_id=refusal.order_id,
        type=refusal.type,
        key=record.key,
        value=record.value,
        headers=_headers(record),
        at=at,
        source=_sender(record),
        candidates=tuple(
            order_hash(one) for one in candidate_ids(refusal.order_id, record.key, record.value, record.headers)
        ),
    )


def notice(row: QuarantineRow, installation: Installation) -> OutputRow | None:
    """Return the notice about a newly quarantined record; None if another cell, which has the record too, gives it.

    Its key is the order id if that could be read, else `topic/partition/offset`. The notice is not an output of the
    order: it has no order version, and its id is derived from the record. Without an order id, the record's own key
    decides on its lane, as it does for a record that can be read.
    """
    where = f"{row.topic}/{row.partition}/{row.offset}"
    key = row.order_id or where
    lane = lane_of(row.order_id or (row.key or b"").decode(errors="replace") or where, installation.lanes)
    if lane not in installation.own:
        return None
    identity = str(uuid5(_NAMESPACE, f"{where}/{row.digest.hex()}"))
    data = RecordQuarantined(
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        reason=row.reason,
        place=row.place,
        size=row.size,
        sha256=row.sha256.hex(),
        order_id=row.order_id,
    )
    return OutputRow(
        lane=lane,
        order_id=None,
        order_version=None,
        topic=topic_of(RecordQuarantined).name,
        key=key,
        id=identity,
        value=encode_structured(Publication(identity, key, row.at, data)),
        decided_at=row.at,
        timed=False,
    )


def record_digest(record: InboundRecord) -> bytes:
    """Return the hash of the whole record.

    Each part is hashed with its length, so that different records never give the same bytes.
    """
    digest = sha256()
    for part in _parts(record):
        digest.update(b"-" if part is None else b"%d:" % len(part))
        digest.update(part or b"")
    return digest.digest()


def _parts(record: InboundRecord) -> list[bytes | None]:
    """Return the record's parts. A header's name may be any text, even invalid Unicode."""
    parts = [record.key, record.value]
    for name, value in record.headers:
        parts += [name.encode("utf-8", "surrogatepass"), value]
    return parts


def _sender(record: InboundRecord) -> str | None:
    """Return the record's CloudEvents source; None where it can't be read, or can be no source of a stored message."""
    attributes = binary_attributes(record.headers)
    source: object = None
    if attributes is not None:
        source = attributes.get("source")
    elif (value := unframed(record.value)) is not None:
        with suppress(ValueError):
            event = from_json(value)
            source = event.get("source") if isinstance(event, dict) else None
    if not isinstance(source, str) or not 0 < len(source) <= SOURCE_LENGTH_MAX:
        return None
    return source if source.isprintable() else None


def _headers(record: InboundRecord) -> str:
    return json.dumps([[name, None if value is None else b64encode(value).decode()] for name, value in record.headers])
