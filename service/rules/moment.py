"""The clock as the rules are given it: they never read one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Moment:
    """When, and how far the input had been read, as something is decided. Instants in microseconds since the epoch."""

    now: int
    """The clock: what is decided is decided at this instant."""
    horizon: int
    """Deadlines strictly before it have passed: the clock, or how far the input has been read, whichever is less."""
    deposit_barred: bool = False
    """Whether a record of the order lies in quarantine: then no deposit is taken."""
    published: Mapping[int, int] | None = None
    """When outputs were published, by their version; None where deciding is publishing (simulate)."""

    def published_at(self, version: int, decided_at: int) -> int | None:
        """Return when an output was published; None while it wasn't."""
        return decided_at if self.published is None else self.published.get(version)
