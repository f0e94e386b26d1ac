"""Effects of a replay or a drop of quarantined records: what would be refused again, and what would be published."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.binding import unframed
from purchasing_contracts.envelope import Event, Refusal
from purchasing_contracts.privacy import masked

from service.operations.acts.effects import Effect, effect_if_deciding
from service.operations.quarantine.resolution import ELSEWHERE, UNREPAIRED, inbound_record_of
from service.operations.try_message import empty_history
from service.orders.engine import FACTS_PER_TYPE
from service.store.order_history import RecordedFact
from service.store.rows import FactRow, Quarantined

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from service.operations.quarantine.resolution import Repair
    from service.rules.terms import TermsBook
    from service.store.operators.quarantine import Content, OpenRecord, QuarantinedRecord
    from service.store.order_history import OrderHistory
    from service.store.rows import Installation, RecordIdentity, StoreTime


class RefusedAgain(NamedTuple):
    """A record that a replay would leave in quarantine."""

    record: str
    reason: str
    place: str
    because: str


class Decoded(NamedTuple):
    """Records as a replay would take them."""

    events: Mapping[RecordIdentity, Event]
    refused: Sequence[RefusedAgain]

    @property
    def orders(self) -> set[str]:
        """The orders that the events are about."""
        return {event.subject for event in self.events.values()}


class OfOrder(NamedTuple):
    """An order that records concern: its history (None: not known yet), and all open records that hold it up."""

    order_id: str
    history: OrderHistory | None
    held_up_by: Sequence[OpenRecord]


def decoded(
    records: Sequence[QuarantinedRecord],
    contents: Mapping[RecordIdentity, Content],
    installation: Installation,
    repair: Repair = UNREPAIRED,
) -> Decoded:
    """Decode records as a replay would; it leaves those whose orders other cells have."""
    events: dict[RecordIdentity, Event] = {}
    refused = []
    for one in records:
        if one.erased_at is not None and repair.value is None:
            refused.append(RefusedAgain(one.name, "erased", "", "its content was erased"))
            continue
        found = inbound_record_of(one, contents[one.identity], repair).decoded
        if isinstance(found, Refusal):
            refused.append(RefusedAgain(one.name, found.reason, found.place, found.because))
        elif installation.lane_elsewhere(found.subject) is not None:
            refused.append(RefusedAgain(one.name, "elsewhere", "", ELSEWHERE))
        else:
            events[one.identity] = found
    return Decoded(events, refused)


def effects_of_replay(
    records: Sequence[QuarantinedRecord],
    read: Decoded,
    orders: Sequence[OfOrder],
    taken_elsewhere: Collection[tuple[str, str]],
    book: TermsBook,
    clock: StoreTime,
    tolerance: timedelta,
) -> tuple[list[Effect], list[RefusedAgain]]:
    """Return what would follow per order, and which records would be refused although they can be read now.

    `taken_elsewhere`: source and id of messages that another order has.
    """
    names = {one.identity: one.name for one in records}
    effects, refused = [], []
    for order in orders:
        history = order.history or empty_history(order.order_id)
        facts, left = list(history.facts), set()
        for identity, event in read.events.items():
            if event.subject != order.order_id:
                continue
            problem = _problem(event, facts, taken_elsewhere, clock, tolerance)
            if problem == "known":
                continue
            if problem is not None:
                left.add(identity)
                refused.append(RefusedAgain(names[identity], problem, "", ""))
                continue
            facts.append(RecordedFact(_row(event, len(facts) + 1), clock.now))
        resolved = set(read.events) - left
        effects.append(_effect(history._replace(facts=facts), order, resolved, book, clock))
    return effects, refused


def effects_of_drop(
    records: Sequence[QuarantinedRecord], orders: Sequence[OfOrder], book: TermsBook, clock: StoreTime
) -> list[Effect]:
    """Return what would follow per order that these records hold up."""
    resolved = {one.identity for one in records}
    return [_effect(one.history, one, resolved, book, clock) for one in orders if one.history is not None]


def changed_places(original: bytes | None, repaired: bytes | None) -> list[str]:
    """Return at which places of two JSON texts there is something else, as JSON pointers; never what is there."""
    try:
        one, other = json.loads(unframed(original) or b""), json.loads(unframed(repaired) or b"")
    except (ValueError, RecursionError):
        return [] if original == repaired else [""]
    return sorted(_differences(one, other, ""))


def identity_of(value: bytes | None) -> tuple[str, str] | None:
    """Return source and id of a CloudEvent in structured mode; None where they can't be read."""
    try:
        event = json.loads(unframed(value) or b"")
        return (event["source"], event["id"]) if isinstance(event["id"], str) else None
    except (ValueError, RecursionError, TypeError, KeyError):
        return None


def _differences(one: object, other: object, place: str) -> set[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        names = one.keys() | other.keys()
        found = [_differences(one.get(name), other.get(name), f"{place}/{name}") for name in names]
        return set().union(*found)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return set().union(*[_differences(a, b, f"{place}/{n}") for n, (a, b) in pairs])
    return set() if one == other and type(one) is type(other) else {place}


def _problem(
    event: Event,
    facts: Sequence[RecordedFact],
    taken_elsewhere: Collection[tuple[str, str]],
    clock: StoreTime,
    tolerance: timedelta,
) -> str | None:
    """Return why an event would be refused; `known`: it would add nothing; None: it would be taken."""
    if (event.source, event.id) in taken_elsewhere:
        return "conflict"
    row = _row(event, 0)
    before = next((one.row for one in facts if (one.row.source, one.row.id) == (event.source, event.id)), None)
    if before is not None:
        is_same = (before.type, before.at) == (row.type, row.at) and json.loads(before.data) == json.loads(row.data)
        return "known" if is_same else "conflict"
    if event.time > clock.now + tolerance:
        return "in_the_future"
    return "too_many_facts" if Counter(one.row.type for one in facts)[event.type] >= FACTS_PER_TYPE else None


def _row(event: Event, nth: int) -> FactRow:
    data = masked(event.data).model_dump_json(exclude_none=True)
    return FactRow(event.subject, event.source, event.id, 0, nth, event.time, event.type, data)


def _effect(
    history: OrderHistory,
    order: OfOrder,
    resolved: Collection[RecordIdentity],
    book: TermsBook,
    clock: StoreTime,
) -> Effect:
    """Return what would follow once these records hold the order up no longer."""
    left: dict[tuple[str, datetime], Quarantined] = {}
    for one in order.held_up_by:
        if one.identity not in resolved:
            left[one.topic, one.since] = Quarantined(one.topic, one.since)
    return effect_if_deciding(history._replace(quarantined=list(left.values())), book, clock)
