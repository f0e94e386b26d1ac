"""One record as it arrived, and what it turned out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from purchasing_contracts.envelope import Event, Refusal


class Arrival(NamedTuple):
    """A record of an event topic with its decoded event, or why it is none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    """When the broker appended it, milliseconds since the epoch; None where the broker doesn't say (`CreateTime`)."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    heard: Event | Refusal
