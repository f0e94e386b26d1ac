"""The term `calendar`: in files, and in the database."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from service.rules.calendar import Calendar
from service.rules.facts import DAY, MINUTE

_EPOCH = date(1970, 1, 1)
_OFFSET = re.compile(r"([+-])([01][0-9]):([0-5][0-9])")
_MEMBERS = frozenset({"utc_offset", "days_off", "working_days"})
DAYS_MAX = 20_000


def calendar_value(where: str, raw: Any, wrong: list[str]) -> Calendar | None:
    """Return a calendar from a terms file, or add the problems to `wrong`."""
    if not isinstance(raw, dict) or not raw.keys() <= _MEMBERS:
        wrong.append(f"{where}: calendar must be a table of utc_offset, days_off and working_days, and nothing else.")
        return None
    problems = len(wrong)
    offset = _minutes(where, raw.get("utc_offset", "+08:00"), wrong)
    days_off = _days(where, "days_off", raw.get("days_off", []), wrong)
    working_days = _days(where, "working_days", raw.get("working_days", []), wrong)
    both = days_off & working_days
    if both:
        wrong.append(f"{where}: calendar lists {_text(min(both))} both as a day off and as a working day.")
    return Calendar(offset, days_off, working_days) if len(wrong) == problems else None


def plain_calendar(calendar: Calendar) -> dict[str, Any]:
    """Return a calendar as JSON. `calendar_value` reads it."""
    sign, minutes = ("-", -calendar.utc_offset) if calendar.utc_offset < 0 else ("+", calendar.utc_offset)
    return {
        "utc_offset": f"{sign}{minutes // 60:02}:{minutes % 60:02}",
        "days_off": [_text(day) for day in sorted(calendar.days_off)],
        "working_days": [_text(day) for day in sorted(calendar.working_days)],
    }


def calendar_end(calendar: Calendar) -> int | None:
    """Return the end of the last year for which a calendar lists days, in microseconds.

    Days are announced by year. None if it lists no days.
    """
    listed = calendar.days_off | calendar.working_days
    if not listed:
        return None
    following = date(_date_of(max(listed)).year + 1, 1, 1)
    return (following - _EPOCH).days * DAY - calendar.utc_offset * MINUTE


def year_of(calendar: Calendar, instant: int) -> int:
    """Return the calendar year of an instant in microseconds, in the calendar's local time."""
    return _date_of((instant + calendar.utc_offset * MINUTE) // DAY).year


def _minutes(where: str, raw: Any, wrong: list[str]) -> int:
    found = _OFFSET.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        wrong.append(f'{where}: the calendar\'s utc_offset must be an offset from UTC such as "+08:00".')
        return 0
    minutes = int(found[2]) * 60 + int(found[3])
    return -minutes if found[1] == "-" else minutes


def _days(where: str, name: str, raw: Any, wrong: list[str]) -> frozenset[int]:
    """Return days as numbers, from 1970-01-01."""
    if not isinstance(raw, list) or len(raw) > DAYS_MAX:
        wrong.append(f"{where}: the calendar's {name} must be a list of at most {DAYS_MAX} dates.")
        return frozenset()
    found = set()
    for one in raw:
        day = _date(one)
        if day is None:
            wrong.append(f"{where}: the calendar's {name} has {one!r}, which is no date such as 2026-10-01.")
        else:
            found.add((day - _EPOCH).days)
    return frozenset(found)


def _date(raw: Any) -> date | None:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if isinstance(raw, str):
        try:
            return date.fromisoformat(raw)
        except ValueError:
            pass
    return None


def _text(day: int) -> str:
    return _date_of(day).isoformat()


def _date_of(day: int) -> date:
    return date.fromordinal(_EPOCH.toordinal() + day)
