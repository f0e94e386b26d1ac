"""A fact: an event of an order, as the rules see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from purchasing_contracts.money import currency_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from purchasing_contracts.base import EventData
    from purchasing_contracts.envelope import Event

DAY = 24 * 60 * 60 * 1_000_000
"""24 hours; instants and durations are whole microseconds."""

MINUTE = 60 * 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(time: datetime) -> int:
    """Convert an aware time to microseconds since 1970-01-01T00:00:00Z, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """Convert microseconds since 1970-01-01T00:00:00Z to a time in UTC, exactly."""
    return _EPOCH + timedelta(microseconds=at)


D_co = TypeVar("D_co", covariant=True)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Fact(Generic[D_co]):
    """An event in an order's journal.

    `at`: when it happened, in microseconds since the epoch, not when it was received. `source` and `id`: its identity.
    `data`: the message's data with private members masked (clause 23), because the rules need only their presence and
    count. `currency`: that of its amounts; None if it has none.
    """

    at: int
    source: str
    id: str
    data: D_co
    currency: str | None
    dated: int | None = None
    """The message's own time if that is before the order was placed; `at` is then when it takes effect."""
    _worked_out: dict[Callable[[Any], Any], Any] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def time(self) -> int:
        """The message's own time."""
        return self.at if self.dated is None else self.dated

    @property
    def key(self) -> tuple[int, str, str]:
        """The sort key of facts: own time, then source, then id, strings by code point."""
        return (self.at if self.dated is None else self.dated, self.source, self.id)

    def worked_out(self, work: Callable[[D_co], V]) -> V:
        """Return `work(data)`, computed once and kept with the fact."""
        known = self._worked_out
        if known is None:
            known = {}
            object.__setattr__(self, "_worked_out", known)
        elif work in known:
            kept: V = known[work]
            return kept
        found = known[work] = work(self.data)
        return found

    def __lt__(self, other: Fact[Any]) -> bool:
        """Return whether it comes before another fact in the fact order."""
        return self.key < other.key


def fact_of(event: Event, data: EventData) -> Fact[EventData]:
    """Return the fact of an event; `data` is the event's masked data."""
    return Fact(micros(event.time), event.source, event.id, data, currency_of(data))
