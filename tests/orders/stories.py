"""Orders as the records that their events arrive in."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Self

from purchasing_contracts.envelope import Event, decode, encode_structured
from purchasing_contracts.topics import topic_of

from service.orders.inbound_record import InboundRecord, QuarantineRef
from service.orders.operator_actions import Intervention
from service.orders.quarantine_row import record_digest
from tests.rules.happenings import HOUR, Happenings, when

if TYPE_CHECKING:
    from collections.abc import Iterator

ANN = Intervention("ann", "the sender mended it")
OFFSETS = count()


def record(
    value: bytes | None,
    *,
    key: bytes | None = None,
    topic: str = "purchasing.events.order.v1",
    partition: int = 0,
) -> InboundRecord:
    """A record as the inbox hands it on, at an offset of its own."""
    received = decode(topic, key, value, ())
    return InboundRecord(topic, partition, next(OFFSETS), key, value, (), received)


def again(inbound_record: InboundRecord) -> InboundRecord:
    """The same message in another record."""
    return inbound_record._replace(offset=next(OFFSETS))


def quarantine_ref(inbound_record: InboundRecord) -> QuarantineRef:
    """The record as quarantine names it."""
    place = (inbound_record.topic, inbound_record.partition, inbound_record.offset)
    return QuarantineRef((*place, record_digest(inbound_record)))


def replayed(inbound_record: InboundRecord, repaired: InboundRecord | None = None) -> InboundRecord:
    """The record as it is taken out of quarantine, as it lies there or with another message in it."""
    ref = quarantine_ref(inbound_record)
    if repaired is None:
        return inbound_record._replace(quarantined_as=ref)
    return inbound_record._replace(
        value=repaired.value, decoded=repaired.decoded, quarantined_as=ref._replace(repaired=True)
    )


class Story(Happenings):
    """The events of one order, an hour apart unless given otherwise; `inbound_records` are its records, in the order
    added."""

    def __init__(self, order_id: str = "ord-1") -> None:
        self.order_id = order_id
        self.inbound_records: list[InboundRecord] = []

    def __iter__(self) -> Iterator[InboundRecord]:
        return iter(self.inbound_records)

    @property
    def steps(self) -> int:
        return len(self.inbound_records)

    @property
    def last(self) -> InboundRecord:
        return self.inbound_records[-1]

    def add(self, data: Any, at: int | None = None, source: str = "", message: str = "") -> Self:
        event = Event(
            id=message or f"{self.order_id}-e{self.steps}",
            source=source or "/tests",
            type=data.TYPE,
            subject=self.order_id,
            time=when(self.steps * HOUR if at is None else at),
            data=data,
        )
        value = encode_structured(event)
        topic = topic_of(type(data)).name
        key = self.order_id.encode()
        self.inbound_records.append(record(value, key=key, topic=topic))
        return self


def paid_order(order_id: str = "ord-1") -> Story:
    """Placed, accepted and paid in full: effective."""
    return Story(order_id).placed().accepted().paid()


def dissolved() -> Story:
    """Bought for less, then what the seller took off comes back, then cancelled with a penalty."""
    story = paid_order().bought(goods=90_000, at=3_000_000).asks_to_cancel()
    return story.seller_cancels(penalty=5_000).cost(700)
