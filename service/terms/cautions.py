"""Warnings about valid terms: a calendar that ends soon, a set that leaves out a term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.rules.calendar import CIVIL_CODE
from service.rules.facts import DAY
from service.rules.terms import PLATFORM
from service.terms.calendars import calendar_end, year_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from service.rules.terms import Terms, TermsBook, TermsSet

AHEAD_DAYS = 60
"""The warning comes this long before the calendar ends: periods take 30 days, and people have to check it."""


def calendar_caution(book: TermsBook, now: int) -> str | None:
    """Return a sentence if the calendar in force ends within 60 days and no later set continues it.

    `now` in microseconds. Returns None if the book has nothing for the platform, or periods are counted in hours.
    """
    terms = _last_of_the_calendars(book, now)
    if terms is None:
        return None
    end = calendar_end(terms.calendar)
    if end is None:
        return (
            f"The platform's terms {terms.version} list no days off: periods may end on a statutory holiday. "
            "`terms calendar --years YEAR` writes the announced days."
        )
    if end > now + AHEAD_DAYS * DAY:
        return None
    year = year_of(terms.calendar, end)
    ends = f"ended with {year - 1}" if end <= now else f"ends with {year - 1}, in {-(-(end - now) // DAY)} days"
    return (
        f"The calendar of the platform's terms {terms.version} {ends}. Afterwards only Saturdays and Sundays are "
        f"off: import the days of {year} (`terms calendar --years {year}` writes them once they are announced)."
    )


def dropped_terms(book: TermsBook, sets: Iterable[TermsSet]) -> Iterator[str]:
    """Yield a sentence for each set that leaves out a term which the provider's set before it states."""
    for one in sets:
        before = [s for s in book.sets if s.provider_id == one.provider_id and s.effective_from < one.effective_from]
        if not before:
            continue
        last = max(before, key=lambda each: each.effective_from)
        stated = {name for name, _ in one.values}
        missing = [name for name, _ in last.values if name not in stated]
        if missing:
            follows = "the defaults" if one.provider_id == PLATFORM else "the platform's terms"
            yield (
                f"{one.provider_id}: {one.version} doesn't state {', '.join(missing)}, which {last.version} does: "
                f"from its start {follows} count there. State them again if they are to go on."
            )


def _last_of_the_calendars(book: TermsBook, now: int) -> Terms | None:
    """Return the platform's terms whose listed days end first, following its sets from now on."""
    starts = sorted(one.effective_from for one in book.sets if one.provider_id == PLATFORM)
    found = None
    for start in starts:
        if found is not None and start > now:
            end = calendar_end(found.calendar)
            if found.period_counting == CIVIL_CODE and (end is None or end < start):
                return found
        found = book.in_force(PLATFORM, start)
    return found if found is not None and found.period_counting == CIVIL_CODE else None
