"""The clock and the state of the input as the rules are given them: they never read one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class QuarantinedRecord(NamedTuple):
    """A record of the order that lies in quarantine: it may say something that the rules don't know."""

    topic: str
    since: int
    """When it was quarantined, in microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When something is decided, and how far the input had been read. Instants in microseconds since the epoch."""

    now: int
    """What is decided is decided at this instant."""
    watermark: int
    """Deadlines strictly before it have passed: the clock or the watermark of the input, whichever is less."""
    quarantined: tuple[QuarantinedRecord, ...] = ()
    """The order's records in quarantine: while they lie there, what they may bear on waits (`unclear.py`)."""
    published: Mapping[int, int] | None = None
    """When outputs were published, by their version; None where deciding is publishing (simulate)."""

    def published_at(self, version: int, decided_at: int) -> int | None:
        """Return when an output was published; None while it wasn't."""
        return decided_at if self.published is None else self.published.get(version)
