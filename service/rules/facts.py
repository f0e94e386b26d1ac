"""One thing that happened to an order, as the rules see it."""

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
"""24 hours; instants and spans are whole microseconds."""

MINUTE = 60 * 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(time: datetime) -> int:
    """Return an aware time as microseconds since 1970-01-01T00:00:00Z, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """Return microseconds since 1970-01-01T00:00:00Z as a time in UTC, exactly."""
    return _EPOCH + timedelta(microseconds=at)


D_co = TypeVar("D_co", covariant=True)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Fact(Generic[D_co]):
    """An event once it is known to be an order's.

    `at` is when it happened, in microseconds since the epoch, never when we heard of it. `source` and `id` together are
    its identity. `data` is the message's data with private members masked (clause 23): the rules need their presence
    and count, nothing else. `currency` is that of the money in it, None where there is none.
    """

    at: int
    source: str
    id: str
    data: D_co
    currency: str | None
    dated: int | None = None
    """The message's own time, where that is before the order was placed: `at` is when it takes effect."""
    _worked_out: dict[Callable[[Any], Any], Any] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def time(self) -> int:
        """The message's own time."""
        return self.at if self.dated is None else self.dated

    @property
    def key(self) -> tuple[int, str, str]:
        """What facts are ordered by: their own time, then source, then id, strings by code point."""
        return (self.at if self.dated is None else self.dated, self.source, self.id)

    def worked_out(self, work: Callable[[D_co], V]) -> V:
        """Return what a function makes of the data; it is asked once as long as the fact is kept."""
        known = self._worked_out
        if known is None:
            known = {}
            object.__setattr__(self, "_worked_out", known)
        if work not in known:
            known[work] = work(self.data)
        found: V = known[work]
        return found

    def __lt__(self, other: Fact[Any]) -> bool:
        """Say whether it comes before another in the fact order."""
        return self.key < other.key


def fact_of(event: Event, data: EventData) -> Fact[EventData]:
    """Return the fact that an event adds to its order; `data` is the event's data, masked."""
    return Fact(micros(event.time), event.source, event.id, data, currency_of(data))
