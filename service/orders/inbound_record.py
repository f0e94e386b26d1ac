"""One record as it arrived, and what it turned out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from purchasing_contracts.attributes import trace_context
from purchasing_contracts.envelope import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from purchasing_contracts.envelope import Refusal

    from service.store.rows import RecordIdentity


class QuarantineRef(NamedTuple):
    """A row in quarantine. `repaired`: what is replayed for it are other bytes than those that lie there."""

    record: RecordIdentity
    repaired: bool = False


class InboundRecord(NamedTuple):
    """A record of an event topic with its decoded event, or why it is none."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    decoded: Event | Refusal
    quarantined_as: QuarantineRef | None = None
    """The row in quarantine that it is replayed from; None for what Kafka delivers."""

    @property
    def traceparent(self) -> str | None:
        """The W3C context it came with: the record's header, as instrumented clients write it, or else the
        CloudEvent's.
        """
        for name, value in self.headers:
            if (
                name == "traceparent"
                and value is not None
                and (found := trace_context(value.decode("ascii", "replace")))
            ):
                return found
        return self.decoded.traceparent if isinstance(self.decoded, Event) else None
