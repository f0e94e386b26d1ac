"""The rows exchanged between `service.orders` and a store. Times are aware datetimes in UTC, JSON is text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.store.lanes import lane_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


INSTALLATION = """
select outbox_id, lanes, (select min(lane) from lanes) as first_lane, (select max(lane) from lanes) as last_lane
from installation
"""
"""The statement that reads the members of an Installation."""


class Installation(NamedTuple):
    """Created by the migration: the outbox id, which identifies this database to Kafka, the number of lanes, and those
    that are in this database: all of them, or those of a cell."""

    outbox_id: UUID
    lanes: int
    """Number of lanes of all cells."""
    first_lane: int
    last_lane: int

    @property
    def own(self) -> range:
        """The lanes that are in this database."""
        return range(self.first_lane, self.last_lane + 1)

    @property
    def is_cell(self) -> bool:
        """Whether other databases have other lanes."""
        return len(self.own) < self.lanes

    def lane_elsewhere(self, order_id: str) -> int | None:
        """Return an order's lane if another database has it."""
        if not self.is_cell:
            return None
        lane = lane_of(order_id, self.lanes)
        return None if lane in self.own else lane


class OrderRow(NamedTuple):
    """An order's row under its lock."""

    order_id: str
    version: UUID | None
    """Random token, new each time a journal of the order grows; None while the order has no fact."""
    due_at: datetime | None
    stuck: str | None
    held: bool
    waits: str | None = None
    """The order's waits in the format of `service.orders.stored_waits`; None: no waits."""


class OrderUpdate(NamedTuple):
    """An order's new values after a batch."""

    order_id: str
    version: UUID | None
    due_at: datetime | None
    stuck: str | None
    waits: str | None


class FactRow(NamedTuple):
    """One fact of an order. `data`: the message's data with private members masked. `nth`: number of the fact from 1,
    in the order in which the order's facts were received."""

    order_id: str
    source: str
    id: str
    lane: int
    nth: int
    at: datetime
    type: str
    data: str


class PrivateRow(NamedTuple):
    """The private members of one fact."""

    order_id: str
    source: str
    id: str
    data: str


class OutputRow(NamedTuple):
    """One output before it has a position. `value` is the CloudEvent in structured mode.

    `order_id` and `order_version` are None for an output of no order (quarantine notices). `timed`: a period runs from
    its publication.
    """

    lane: int
    order_id: str | None
    order_version: int | None
    topic: str
    key: str
    id: str
    value: bytes
    decided_at: datetime
    timed: bool


class Written(NamedTuple):
    """One output with its position in the journal of outputs."""

    position: int
    output: OutputRow


class PastOutput(NamedTuple):
    """One output read back from the journal."""

    order_id: str
    value: bytes
    timed: bool


class PublicationRow(NamedTuple):
    """The publication time of a timed output."""

    order_id: str
    order_version: int
    published_at: datetime


class ProgressRow(NamedTuple):
    """A partition's watermark: everything older in the partition was handled."""

    topic: str
    partition: int
    watermark: datetime | None
    """None: the partition exists, and its watermark is not known yet."""


RecordIdentity = tuple[str, int, int, bytes]
"""Topic, partition, offset and digest of a record."""


class QuarantineRow(NamedTuple):
    """One quarantined record, byte for byte. `headers` is JSON: pairs of name and base64 of the value, or null.

    `digest`: the hash of the whole record (two records may differ in headers only). `sha256`: that of the value alone.
    """

    topic: str
    partition: int
    offset: int
    digest: bytes
    sha256: bytes
    reason: str
    place: str
    size: int
    order_id: str | None
    type: str | None
    key: bytes | None
    value: bytes | None
    headers: str
    at: datetime
    source: str | None = None
    """The sender, by the CloudEvents attribute, where it can be read."""
    candidates: tuple[int, ...] = ()
    """The orders that it may concern, by `order_hash`."""

    @property
    def identity(self) -> RecordIdentity:
        """The values that identify the record in each delivery."""
        return (self.topic, self.partition, self.offset, self.digest)


FactKey = tuple[str, str, str]
"""Order, source and id."""


class StoreTime(NamedTuple):
    """The clock's time: the instant for decisions, and the watermark for deadlines."""

    now: datetime
    watermark: datetime | None
    """Deadlines strictly before it have passed; None: none has, because a partition has no watermark yet."""


class Quarantined(NamedTuple):
    """A quarantined record that may concern an order."""

    topic: str
    since: datetime


class Look(NamedTuple):
    """The rows that the batch reads after it locked its orders."""

    instant: StoreTime
    quarantined: Mapping[str, Sequence[Quarantined]]
    """The open quarantined records that may concern the batch's orders, per order; orders without any are left out."""
    terms: int | None = None
    """Number of sets of terms; None if the store keeps no terms."""
    before: Collection[RecordIdentity] = ()
    """The quarantined records, resolved or not, in the ranges that were asked for."""


class QuarantineAction(NamedTuple):
    """A person's action on a quarantined record and its outcome, without content."""

    record: RecordIdentity
    what: str
    """show, replay, drop or erase."""
    outcome: str
    """resolved, known (resolved before), shown, erased; or refused, with reason and place."""
    by: str
    why: str | None
