"""Periods of days by the Civil Code, or in hours (28, R14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from service.rules.facts import DAY, MINUTE

CIVIL_CODE = "civil_code"
HOURS = "hours"
PERIOD_COUNTINGS = (CIVIL_CODE, HOURS)
"""Values of the term `period_counting`: by the calendar, or days of 24 hours."""

_SATURDAY = 5

DAYS_KEPT = 10_000
"""Most results that a calendar caches; real orders span a few years."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days and days off. Days are numbered; day 0 is 1970-01-01."""

    utc_offset: int = 8 * 60
    """Local time minus UTC in minutes."""
    days_off: frozenset[int] = frozenset()
    """Days off besides Saturdays and Sundays."""
    working_days: frozenset[int] = frozenset()
    """Working days that are a Saturday, a Sunday or in `days_off`."""
    _ends: dict[int, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Cache: the first working day at or after each day asked for."""

    def working_day_from(self, day: int) -> int:
        """Return the first working day at or after a day."""
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
        """Return whether a day is a working day."""
        if day in self.working_days:
            return True
        weekday = (day + 3) % 7  # day 0 was a Thursday
        return weekday < _SATURDAY and day not in self.days_off


class CountsPeriods(Protocol):
    """The terms that define how periods are counted."""

    @property
    def period_counting(self) -> str:
        """One of PERIOD_COUNTINGS."""

    @property
    def calendar(self) -> Calendar:
        """The working days."""


def last_instant(terms: CountsPeriods, start: int, days: int) -> int:
    """Return the last instant of a period of days after an instant, in microseconds.

    The day of the start isn't counted. A period that would end on a day off ends on the next working day, at 24:00
    local time.
    """
    if terms.period_counting == HOURS:
        return start + days * DAY
    calendar = terms.calendar
    offset = calendar.utc_offset * MINUTE
    return (calendar.working_day_from((start + offset) // DAY + days) + 1) * DAY - offset
