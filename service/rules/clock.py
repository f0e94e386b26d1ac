"""The clock and the state of the input, passed to the rules, which never read a clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class QuarantinedRecord(NamedTuple):
    """A quarantined record that may concern the order; its content is unknown to the rules."""

    topic: str
    since: int
    """The instant of the quarantine, in microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The instant of a decision and the state of the input. Instants in microseconds since the epoch."""

    now: int
    """The instant of the decisions."""
    watermark: int
    """Deadlines strictly before it have passed: the lesser of the clock and the input's watermark."""
    quarantined: tuple[QuarantinedRecord, ...] = ()
    """The order's open quarantined records. Decisions that they may affect wait (`unclear.py`)."""
    published: Mapping[int, int] | None = None
    """Publication times of outputs by version; None if an output counts as published when decided (simulate)."""

    def published_at(self, version: int, decided_at: int) -> int | None:
        """Return when an output was published; None if it is not published yet."""
        return decided_at if self.published is None else self.published.get(version)
