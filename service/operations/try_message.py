"""A trial of a message without handling it: the codec's answer, and what the rules would publish.

Nothing is stored and nothing is logged. One thing only a worker can know, which sees private members: whether a known
message came again with others.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.binding import unframed
from purchasing_contracts.privacy import masked
from purchasing_contracts.topics import class_of, topic_of
from pydantic_core import from_json

from service.operations.sentence import Sentence, sentence
from service.operations.what_if import unpublished
from service.store.order_history import OrderHistory, RecordedFact
from service.store.rows import FactRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from purchasing_contracts.envelope import Event

    from service.rules.ledger import Output
    from service.rules.terms import TermsBook
    from service.store.rows import StoreTime

WHAT_TO_DO: Mapping[str, Sentence] = {
    "too_large": sentence("Send less: a record has at most 1,000,000 bytes of key, value and headers."),
    "not_json": sentence("Send JSON in UTF-8, without a byte order mark, NaN and Infinity."),
    "not_cloudevent": sentence("Send a CloudEvent 1.0: an object with specversion 1.0, id, source and type."),
    "unknown_type": sentence("Use a type of the contract; what is new there has to be released first."),
    "wrong_topic": sentence("Send it to the topic that its type belongs to."),
    "schema": sentence("Correct what stands at this place, by the schema of the type."),
    "mixed_currencies": sentence("Use one currency in a message."),
    "key_mismatch": sentence("Let the record's key be the event's subject, byte for byte."),
    "conflict": sentence("Give a message with other content another id."),
    "in_the_future": sentence("Give the time when it happened, by a clock that is right, with its offset."),
    "too_many_facts": sentence("Send no more messages of this type for this order; look for a loop at the sender."),
}
"""The sender's remedy for each reason to refuse a record."""


class Preview(NamedTuple):
    """The result that a worker would reach for a valid message now."""

    refused: str | None
    """The reason for which it would be quarantined all the same: `conflict` or `in_the_future`."""
    is_known: bool
    """A message of this source and id was received for the order: this one would add nothing."""
    outputs: Sequence[Output] | None
    """The outputs that would be published; None: nothing now, because the order is held, stuck or can't be read."""


CONFLICT = Preview("conflict", is_known=False, outputs=())
"""The preview of a message whose source and id were received for another order."""


def topic_for(value: bytes, type_header: bytes | None) -> str | None:
    """Return the topic that a message's type belongs to; None where it names no type that the service reads.

    `type_header`: the type of a message in binary mode.
    """
    type_: object = None
    if type_header is not None:
        type_ = type_header.decode("utf-8", "replace")
    else:
        with suppress(ValueError):
            event = from_json(unframed(value) or b"")
            type_ = event.get("type") if isinstance(event, dict) else None
    message = class_of(type_) if isinstance(type_, str) else None
    topic = None if message is None else topic_of(message)
    return topic.name if topic is not None and topic.direction == "in" else None


def empty_history(order_id: str) -> OrderHistory:
    """Return the history of an order without facts."""
    return OrderHistory(order_id, None, None, None, False, [], [], [], [])


def preview(event: Event, history: OrderHistory, book: TermsBook, clock: StoreTime, tolerance: timedelta) -> Preview:
    """Return what would follow from a message now, by the masked members alone. `history` is the order's."""
    data = masked(event.data).model_dump_json(exclude_none=True)
    known = next((one.row for one in history.facts if (one.row.source, one.row.id) == (event.source, event.id)), None)
    if known is not None:
        is_same = known.type == event.type and known.at == event.time and json.loads(known.data) == json.loads(data)
        return Preview(None if is_same else "conflict", is_known=is_same, outputs=())
    if event.time > clock.now + tolerance:
        return Preview("in_the_future", is_known=False, outputs=())
    if history.held or history.stuck is not None:
        return Preview(None, is_known=False, outputs=None)
    row = FactRow(event.subject, event.source, event.id, 0, len(history.facts) + 1, event.time, event.type, data)
    extended = history._replace(facts=[*history.facts, RecordedFact(row, clock.now)])
    return Preview(None, is_known=False, outputs=unpublished(extended, book, clock))
