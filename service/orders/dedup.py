"""Deduplication of a batch: tells new facts from repetitions and contradictions."""

from __future__ import annotations

import json
from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from purchasing_contracts.envelope import Event, Refusal
from purchasing_contracts.privacy import masked, private_of

from service.orders.batch_result import Rejection
from service.rules.facts import Fact, fact_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from purchasing_contracts.quarantine import Reason

    from service.orders.inbound_record import InboundRecord
    from service.orders.state import OrderState
    from service.store.rows import FactKey


class IncomingEvent:
    """One event of the batch, the fact it would add (with masked data), and `private`: the masked members, or None."""

    __slots__ = ("event", "fact", "private", "record")

    def __init__(self, record: InboundRecord, event: Event) -> None:
        self.record = record
        self.event = event
        data: Any = event.data
        self.fact: Fact[Any] = fact_of(event, masked(data))
        self.private = private_of(data)

    @property
    def key(self) -> FactKey:
        """Order, source and id."""
        return (self.event.subject, self.event.source, self.event.id)

    def private_json(self) -> str:
        """Return the private members as stored JSON."""
        return json.dumps(self.private)


@dataclass(slots=True)
class DedupResult:
    """The batch's events, sorted by outcome."""

    fresh: dict[str, list[IncomingEvent]] = field(default_factory=dict)
    """New events per order, in the order of arrival."""
    known: Tally[str | None] = field(default_factory=Tally)
    """Number of repeated messages per type."""
    doubtful: list[IncomingEvent] = field(default_factory=list)
    """Repetitions by the journal of facts, whose private members still have to be compared."""
    refused: list[Rejection] = field(default_factory=list)

    def compare_private(self, stored: Mapping[FactKey, str]) -> None:
        """Compare private members of doubtful events. If the stored ones were erased, the event is a repetition."""
        for incoming in self.doubtful:
            known = stored.get(incoming.key)
            if known is None or json.loads(known) == incoming.private:
                self.known[incoming.event.type] += 1
            else:
                self.refused.append(_rejection(incoming, "conflict", "/data"))
        self.doubtful = []


def deduplicate(
    batch: Iterable[IncomingEvent],
    states: Mapping[str, OrderState],
    facts_per_type: int,
    latest: datetime,
    foreign: Collection[FactKey] = (),
) -> DedupResult:
    """Sort the events of a batch by outcome, in the order of arrival.

    `foreign`: keys whose source and id belong to another order's fact, because source and id name one message whatever
    its subject. Of several messages with equal source and id, the first received is kept. `facts_per_type`: most facts
    of one type on an order. An event dated after `latest` can't have happened yet, so it is refused, unless it is a
    repetition of a stored fact.
    """
    dedup = DedupResult()
    brought: dict[tuple[str, str], IncomingEvent] = {}
    known = {order_id: {(fact.source, fact.id): fact for fact in state.facts} for order_id, state in states.items()}
    for incoming in batch:
        event = incoming.event
        identity = (event.source, event.id)
        facts = known[event.subject]
        fact = facts.get(identity)
        if fact is not None:
            _compare(incoming, fact, dedup)
        elif identity in brought:
            if _same_event(brought[identity].event, event):
                dedup.known[event.type] += 1
            else:
                dedup.refused.append(_rejection(incoming, "conflict", ""))
        elif foreign and incoming.key in foreign:
            dedup.refused.append(_rejection(incoming, "conflict", "/subject"))
        elif event.time > latest:
            dedup.refused.append(_rejection(incoming, "in_the_future", "/time"))
        elif _too_many(type(event.data), facts, dedup.fresh.get(event.subject, ()), facts_per_type):
            dedup.refused.append(_rejection(incoming, "too_many_facts", ""))
        else:
            dedup.fresh.setdefault(event.subject, []).append(incoming)
            brought[identity] = incoming
    return dedup


def _too_many(
    data: type, facts: Mapping[Any, Fact[Any]], fresh: Collection[IncomingEvent], facts_per_type: int
) -> bool:
    """Return whether an order has the most facts of one type already, including this batch's."""
    if len(facts) + len(fresh) < facts_per_type:
        return False
    count = sum(type(fact.data) is data for fact in facts.values())
    return count + sum(type(incoming.event.data) is data for incoming in fresh) >= facts_per_type


def _compare(incoming: IncomingEvent, fact: Fact[Any], dedup: DedupResult) -> None:
    mine = incoming.fact
    if fact.at != mine.at:
        dedup.refused.append(_rejection(incoming, "conflict", "/time"))
    elif type(fact.data) is not type(mine.data):
        dedup.refused.append(_rejection(incoming, "conflict", "/type"))
    elif fact.data != mine.data:
        dedup.refused.append(_rejection(incoming, "conflict", "/data"))
    elif incoming.private is not None:
        dedup.doubtful.append(incoming)
    else:
        dedup.known[incoming.event.type] += 1


def _same_event(one: Event, other: Event) -> bool:
    return (one.subject, one.type, one.time, one.data) == (other.subject, other.type, other.time, other.data)


BECAUSE: dict[Reason, str] = {
    "conflict": "an earlier message has the same source and id but other content; the first one is kept",
    "in_the_future": "its time is too far ahead of the database's clock, so it can't have happened yet",
    "too_many_facts": "the order already has the most facts of this type that an order may have",
    "schema": "the database can't hold one of its values",
}


def _rejection(incoming: IncomingEvent, reason: Reason, place: str) -> Rejection:
    return Rejection(incoming.record, refusal(reason, place, incoming.event))


def refusal(reason: Reason, place: str, event: Event) -> Refusal:
    """Return a refusal for a reason that only stored facts or the database show."""
    return Refusal(reason, place, event.subject, BECAUSE[reason], event.type)
