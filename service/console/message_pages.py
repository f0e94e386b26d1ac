"""The page "Where is my message": received, quarantined or not here, and what followed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.envelope import Event, decode

from service.console.access import Right
from service.console.broker import BrokerAwayError
from service.console.message_models import ReceivedModel, WhereModel
from service.console.presentation import output_model
from service.console.quarantine_pages import place_of, record_model
from service.console.stories import Story, TooLargeError
from service.console.visit import Answer, BadRequestError
from service.operations.sentence import sentence
from service.runtime.console_url import record_path
from service.store.messages import messages_of_order, messages_with_id, watermark_of
from service.store.operators.quarantine import QuarantineFilter, page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.explain.explanation import Decided
    from service.store.messages import ReceivedMessage
    from service.store.operators.quarantine import QuarantinedRecord, RecordLocation
    from service.store.rows import StoreTime

RECORDS_MAX = 20
STORIES_MAX = 5
"""Orders of which what a message led to is worked out."""

PLACES = {
    "known": sentence("Kafka has this record: it is the message below."),
    "no_message": sentence("Kafka has a record there that breaks the contract; such a record can become no fact."),
    "nothing": sentence("Kafka has no record there: it was removed, is not there yet, or the place was never one."),
    "unreadable": sentence("Kafka gave no usable answer, so it is not known what stands there."),
    "not_asked": sentence("This console was not told of a broker, so it can't say what stands there."),
}
"""The sentence about a place in a topic."""


class Asked(NamedTuple):
    """The ids to look for; at least one is given."""

    id: str
    source: str | None
    order: str
    place: RecordLocation | None


class Where(NamedTuple):
    """The place of a message."""

    received: Sequence[ReceivedMessage]
    led_to: Mapping[tuple[str, datetime], Sequence[Decided]]
    """By order and when it was received: what was decided with it."""
    records: Sequence[QuarantinedRecord]
    at_place: str | None
    clock: StoreTime
    is_partition_known: bool
    partition_watermark: datetime | None


async def messages(console: Parts, visit: Visit) -> Answer:
    """Return whether a message was received, as which fact, what it led to, or whether it is in quarantine."""
    asked = _asked(visit)
    if asked is None:
        if visit.wants_json:
            raise BadRequestError("Give an id, an order, or a topic with partition and offset.")
        context: dict[str, Any] = {"asked": None, "where": None, "fields": visit.request.query}
        return Answer("messages.html", sentence("Where is my message"), context, lambda _language: _nothing())
    found = await _where(console, visit, asked)
    context = {
        "asked": asked,
        "where": found,
        "fields": visit.request.query,
        "places": PLACES,
        "record_path": lambda one: record_path(one.topic, one.partition, one.offset),
    }
    may_see = visit.may(Right.ORDERS)
    return Answer(
        "messages.html",
        sentence("Where is my message"),
        context,
        lambda language: _model(found, language, may_see_orders=may_see),
        # Of an order or a message that is known; what else was typed is nobody's business.
        known_id=found.received[0].order_id if found.received else None,
    )


def _asked(visit: Visit) -> Asked | None:
    query = {name: visit.request.query.get(name, "").strip() for name in _PARAMETERS}
    if not any(query.values()):
        return None
    place = None
    if query["topic"] or query["partition"] or query["offset"]:
        place = place_of(query)
        if place is None:
            raise BadRequestError("Give a place as topic, partition and offset; the last two are whole numbers.")
    if not (query["id"] or query["order"] or place):
        raise BadRequestError("Give an id, an order, or a topic with partition and offset.")
    return Asked(query["id"], query["source"] or None, query["order"], place)


_PARAMETERS = ("id", "source", "order", "topic", "partition", "offset")


async def _where(console: Parts, visit: Visit, asked: Asked) -> Where:
    at_place, event = (None, None) if asked.place is None else await _in_kafka(console, asked.place)
    async with console.stories.readers.histories() as histories:
        connection = histories.connection
        received: dict[tuple[str, str, str], ReceivedMessage] = {}
        found = []
        if asked.id:
            found += await messages_with_id(connection, asked.id, asked.source)
        if event is not None:
            found += await messages_with_id(connection, event.id, event.source)
        if asked.order:
            found += await messages_of_order(connection, asked.order)
        received = {(one.order_id, one.source, one.id): one for one in found}
        records = []
        if asked.place is not None:
            records += await page(connection, QuarantineFilter(places=(asked.place,), resolved=None), None, RECORDS_MAX)
        if asked.order:
            records += await page(connection, QuarantineFilter(order_id=asked.order, resolved=None), None, RECORDS_MAX)
        is_known, watermark = False, None
        if asked.place is not None:
            is_known, watermark = await watermark_of(connection, asked.place.topic, asked.place.partition)
        clock = await histories.clock()
    led_to = await _led_to(console, list(received.values())) if visit.may(Right.ORDERS) else {}
    return Where(list(received.values()), led_to, records, at_place, clock, is_known, watermark)


async def _in_kafka(console: Parts, place: RecordLocation) -> tuple[str, Event | None]:
    """Return what stands at a place, and the event there. Of a record only its identity is used."""
    broker = console.watch.broker
    if broker is None:
        return "not_asked", None
    try:
        record = await broker.record(place.topic, place.partition, place.offset)
    except BrokerAwayError:
        return "unreadable", None
    if record is None:
        return "nothing", None
    event = decode(place.topic, record.key, record.value, record.headers)
    return ("known", event) if isinstance(event, Event) else ("no_message", None)


async def _led_to(
    console: Parts, received: Sequence[ReceivedMessage]
) -> Mapping[tuple[str, datetime], Sequence[Decided]]:
    """Return what was decided when each message was received, of the first STORIES_MAX orders."""
    found: dict[tuple[str, datetime], list[Decided]] = {}
    for order_id in list(dict.fromkeys(one.order_id for one in received))[:STORIES_MAX]:
        try:
            story = await console.stories.of(order_id)
        except TooLargeError:
            continue
        if isinstance(story, Story):
            for made in story.explanation.decided:
                found.setdefault((order_id, made.at), []).append(made)
    return found


def _nothing() -> WhereModel:
    return WhereModel(received=[], in_quarantine=[], place=None, watermark=None, partition_watermark=None)


def _model(found: Where, language: PlainLanguage, *, may_see_orders: bool) -> WhereModel:
    return WhereModel(
        received=[
            ReceivedModel(
                **one._asdict(),
                led_to=[output_model(made, language) for made in found.led_to.get((one.order_id, one.received_at), ())]
                if may_see_orders
                else None,
            )
            for one in found.received
        ],
        in_quarantine=[record_model(one) for one in found.records],
        place=found.at_place,
        watermark=found.clock.watermark,
        partition_watermark=found.partition_watermark,
    )
