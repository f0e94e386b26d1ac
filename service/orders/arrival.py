"""One record as it arrived, and what it turned out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from purchasing_contracts.envelope import Event, Refusal

    from service.store.rows import RecordIdentity


class Aside(NamedTuple):
    """A row in quarantine: its record, and the order whose deposit it bars (None where that could not be read).

    `repaired`: what is replayed for it are other bytes than those that lie there.
    """

    record: RecordIdentity
    order_id: str | None
    repaired: bool = False


class Arrival(NamedTuple):
    """A record of an event topic with its decoded event, or why it is none."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    heard: Event | Refusal
    aside: Aside | None = None
    """The row in quarantine that it is replayed from; None for what Kafka delivers."""
