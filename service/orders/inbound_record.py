"""A record of an event topic, and its decoded event or refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.attributes import trace_context
from purchasing_contracts.envelope import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from purchasing_contracts.envelope import Refusal

    from service.store.rows import RecordIdentity


class QuarantineRef(NamedTuple):
    """A row in quarantine. `repaired`: the replayed bytes differ from the quarantined ones."""

    record: RecordIdentity
    repaired: bool = False


class InboundRecord(NamedTuple):
    """A record of an event topic with its decoded event, or the reason why it breaks the contract."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    decoded: Event | Refusal
    quarantined_as: QuarantineRef | None = None
    """The quarantine row of a replayed record; None for a record from Kafka."""

    @property
    def traceparent(self) -> str | None:
        """The record's W3C trace context: its header, as instrumented clients write it, or else the CloudEvent's
        attribute.
        """
        for name, value in self.headers:
            if (
                name == "traceparent"
                and value is not None
                and (found := trace_context(value.decode("ascii", "replace")))
            ):
                return found
        return self.decoded.traceparent if isinstance(self.decoded, Event) else None
