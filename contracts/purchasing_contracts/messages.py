"""Messages as values, decoded or to be encoded; and refusals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from purchasing_contracts.base import EventData, MessageData
from purchasing_contracts.quarantine import Reason

SOURCE = "/purchasing"
"""The CloudEvents `source` of everything that the service publishes."""


class Message(Protocol):
    """A message that can be encoded. Its CloudEvents type is that of the data; `time` is aware, in UTC."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def time(self) -> datetime: ...
    @property
    def data(self) -> MessageData: ...
    @property
    def traceparent(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Event:
    """A message that was read.

    `source` and `id` are its identity, `subject` is the order, `time` when it happened (UTC). `traceparent` is a
    well-formed W3C trace context or None.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: EventData
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to be published: `subject` is also the record's key, `time` (UTC) when it was decided."""

    id: str
    subject: str
    time: datetime
    data: MessageData
    traceparent: str | None = None
    source: str = SOURCE

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return self.data.TYPE


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a record is refused. It never repeats the record's content, which may be private.

    `place` is a JSON pointer (RFC 6901) into the CloudEvent in structured form, also for a record in binary mode;
    empty: the whole record. `order_id` is the subject if it can be read and is an identifier, else the record's key on
    the same conditions. `because` is for people. `type` is the CloudEvents type if it is one of ours.
    """

    reason: Reason
    place: str
    order_id: str | None
    because: str
    type: str | None = None
