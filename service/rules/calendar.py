"""Periods of days by the Civil Code, or in hours (28, R14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from service.rules.facts import DAY, MINUTE

CIVIL_CODE = "civil_code"
HOURS = "hours"
PERIOD_COUNTINGS = (CIVIL_CODE, HOURS)
"""What the term `period_counting` may say: by the calendar, or days of 24 hours."""

_SATURDAY = 5

DAYS_KEPT = 10_000
"""So many days' ends a calendar keeps at most; real orders are about a few years."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are working days. Days are numbered from 1970-01-01, which is day 0."""

    utc_offset: int = 8 * 60
    """Minutes that local time is ahead of UTC."""
    days_off: frozenset[int] = frozenset()
    """Days off besides Saturdays and Sundays."""
    working_days: frozenset[int] = frozenset()
    """Working days although they are Saturdays, Sundays or listed as off."""
    _ends: dict[int, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By day: the first working day from it on, as far as it was asked for."""

    def working_day_from(self, day: int) -> int:
        """Return the first working day that is not before a day."""
        found = self._ends.get(day)
        if found is None:
            if len(self._ends) >= DAYS_KEPT:
                self._ends.clear()
            found = day
            while not self.is_working_day(found):
                found += 1
            self._ends[day] = found
        return found

    def is_working_day(self, day: int) -> bool:
        """Say whether people work on a day."""
        if day in self.working_days:
            return True
        weekday = (day + 3) % 7  # day 0 was a Thursday
        return weekday < _SATURDAY and day not in self.days_off


class CountsPeriods(Protocol):
    """What of an order's terms says how its periods are counted."""

    @property
    def period_counting(self) -> str:
        """One of PERIOD_COUNTINGS."""

    @property
    def calendar(self) -> Calendar:
        """Which days are working days."""


def last_instant(terms: CountsPeriods, start: int, days: int) -> int:
    """Return the last instant of a period of days from an instant, in microseconds.

    The day of the start isn't counted; a period that would end on a day off ends on the next working day, at 24:00
    local time.
    """
    if terms.period_counting == HOURS:
        return start + days * DAY
    calendar = terms.calendar
    offset = calendar.utc_offset * MINUTE
    return (calendar.working_day_from((start + offset) // DAY + days) + 1) * DAY - offset
