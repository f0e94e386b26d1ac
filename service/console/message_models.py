"""Answers of the read API about single messages: quarantined, received and tried ones."""

from __future__ import annotations

from purchasing_contracts.base import Instant
from pydantic import Field

from service.console.models import Model, OutputModel


class SumModel(Model):
    """Money in one currency."""

    amount: int = Field(description="Minor units of `currency`.")
    currency: str | None


class GroupModel(Model):
    """Open quarantined records that share topic, reason, place and sender."""

    topic: str
    reason: str
    place: str = Field(description="JSON pointer into the event, with `*` for numbers; empty: the whole record.")
    source: str | None = Field(description="The sender, by the CloudEvents attribute; null: it could not be read.")
    records: int
    first: Instant
    last: Instant
    orders: int = Field(description="Existing orders that the records may concern.")
    behind: list[SumModel] = Field(description="Money behind what these orders wait for.")


class RecordModel(Model):
    """A quarantined record, without its content."""

    topic: str
    partition: int
    offset: int
    digest: str = Field(description="Hash of the whole record, hexadecimal.")
    sha256: str = Field(description="Hash of its value, hexadecimal.")
    reason: str
    place: str
    source: str | None
    type: str | None = Field(description="Type of the message, if it is one of ours.")
    order_id: str | None = Field(description="The order, where it could be read.")
    size: int = Field(description="Bytes of key, value and headers.")
    at: Instant
    resolved_at: Instant | None
    resolution: str | None = Field(description="`replay` or `drop`.")
    erased_at: Instant | None
    holds_up: list[str] = Field(description="Existing orders that wait until it is resolved.")


class GroupsModel(Model):
    """Quarantine in groups, the largest first."""

    is_current: bool = Field(description="False: the database can't be read; what was known last is shown.")
    known_at: Instant
    groups: list[GroupModel]
    has_more: bool
    watermark: Instant | None


class RecordsModel(Model):
    """Records of one group."""

    records: list[RecordModel]
    next: str | None = Field(description="Address of the next page.")


class PastActionModel(Model):
    """An action that somebody took on a record."""

    at: Instant
    by: str
    what: str
    outcome: str
    why: str | None


class RecordPageModel(Model):
    """The records that were quarantined from one place of a topic: more than one only if the topic was made again."""

    records: list[RecordModel]
    actions: list[PastActionModel]


class ReceivedModel(Model):
    """A message that was received."""

    order_id: str
    source: str
    id: str
    type: str
    nth: int = Field(description="Its place in the order in which the order's messages were received, from 1.")
    at: Instant = Field(description="When it happened.")
    received_at: Instant
    led_to: list[OutputModel] | None = Field(
        description="What was decided with it; null: whoever asks may not see orders."
    )


class WhereModel(Model):
    """The place of a message."""

    received: list[ReceivedModel]
    in_quarantine: list[RecordModel]
    place: str | None = Field(
        description="What stands at the place asked for: `known`, `no_message`, `nothing`, `unreadable`, or "
        "`not_asked` where the console knows no broker."
    )
    watermark: Instant | None = Field(description="Up to when all input was read.")
    partition_watermark: Instant | None = Field(description="Up to when the partition asked for was read.")


class TrialRequest(Model):
    """A message to be tried."""

    value: str = Field(description="The record's value.")
    key: str = Field(default="", description="The record's key; empty: none.")
    headers: list[tuple[str, str]] = Field(default=[], description="Names and values.")
    topic: str = Field(default="", description="Empty: the one that the message's type belongs to.")


class SupposedModel(Model):
    """A message about an order that did not come."""

    types: list[str] = Field(description="The types of what can happen to an order.")
    value: str = Field(description="A message of the type that was asked for, with the order's ids; empty: none was.")


class TrialModel(Model):
    """The result of trying a message."""

    is_valid: bool
    topic: str
    reason: str | None = Field(description="Why it would be quarantined.")
    place: str | None = Field(description="Where: a JSON pointer into the event; empty: the whole record.")
    because: str | None
    todo: str | None = Field(description="What its sender does about it.")
    fact: str | None = Field(description="Of a valid message, one sentence without private members.")
    order_id: str | None
    is_known: bool | None = Field(description="Whether it was received already and would add nothing.")
    outputs: list[str] | None = Field(
        description="What would be published; null: nothing is known, or whoever asks may not see orders."
    )
