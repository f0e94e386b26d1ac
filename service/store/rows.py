"""The rows that go between `service.orders` and a store. Times are aware datetimes in UTC, JSON is text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


class Installation(NamedTuple):
    """What was made at migration: who this database is to Kafka, and how many lanes its outbox has."""

    outbox_id: UUID
    lanes: int


class OrderRow(NamedTuple):
    """An order as it stands under its lock."""

    order_id: str
    version: UUID | None
    """Random token, new whenever a journal of the order grew; None while it has no fact."""
    due_at: datetime | None
    stuck: str | None
    held: bool
    waits: str | None = None
    """What the order waits for, as `service.orders.stored_waits` has it; None: for nothing."""


class OrderUpdate(NamedTuple):
    """How an order stands after a batch."""

    order_id: str
    version: UUID | None
    due_at: datetime | None
    stuck: str | None
    waits: str | None


class FactRow(NamedTuple):
    """One fact of an order; `data` is the message's data with private members masked. `nth` counts, from 1, in the
    order in which we heard of the order's facts."""

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
    """One output, before it has a position. `value` is the CloudEvent in structured mode.

    `order_id` and `order_version` are None for what is no order's (quarantine notices). `timed`: a period runs from its
    publication.
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
    """One output as it stands in the journal of outputs."""

    position: int
    output: OutputRow


class PastOutput(NamedTuple):
    """One output read back from the journal."""

    order_id: str
    value: bytes
    timed: bool


class PublicationRow(NamedTuple):
    """When a timed output was published."""

    order_id: str
    order_version: int
    published_at: datetime


class ProgressRow(NamedTuple):
    """Everything in the partition that is older than `watermark` was handled."""

    topic: str
    partition: int
    watermark: datetime | None
    """None: the partition exists, and how far it was read is not known yet."""


RecordIdentity = tuple[str, int, int, bytes]
"""Topic, partition, offset and digest of a record."""


class QuarantineRow(NamedTuple):
    """One record quarantined, byte for byte. `headers` is JSON: pairs of name and base64 of the value, or null.

    `digest` is the hash of all of it (two records may differ in headers only), `sha256` that of the value alone.
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
    candidates: tuple[int, ...] = ()
    """The orders that it may concern, by `order_hash`."""

    @property
    def identity(self) -> RecordIdentity:
        """What makes it the same record however often it is delivered."""
        return (self.topic, self.partition, self.offset, self.digest)


FactKey = tuple[str, str, str]
"""Order, source and id."""


class StoreTime(NamedTuple):
    """What the clock says: the instant at which things are decided, and up to where deadlines have passed."""

    now: datetime
    watermark: datetime | None
    """Deadlines strictly before it have passed; None: none has (the input was not read up to any)."""


class Quarantined(NamedTuple):
    """A record of an order that lies in quarantine."""

    topic: str
    since: datetime


class Look(NamedTuple):
    """What is read once the batch's orders are locked."""

    instant: StoreTime
    quarantined: Mapping[str, Sequence[Quarantined]]
    """The records in quarantine that may concern the batch's orders, by order, of those that have some."""
    terms: int | None = None
    """How many sets of terms there are; None where terms are not kept here."""


class QuarantineAction(NamedTuple):
    """What a person did about a quarantined record, and what came of it. Never content."""

    record: RecordIdentity
    what: str
    """show, replay, drop or erase."""
    outcome: str
    """resolved, known (resolved before), shown, erased; or refused, with the reason and the place."""
    by: str
    why: str | None
