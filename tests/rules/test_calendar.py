"""Periods by the Civil Code (28): the day of the start isn't counted, and a period doesn't end on a day off."""

from datetime import UTC, date, datetime

import pytest

from service.rules.calendar import Calendar, last_instant
from service.rules.facts import DAY, micros
from service.rules.terms import Terms


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


HOLIDAY = Calendar(
    days_off=frozenset({day("2026-10-01"), day("2026-10-02"), day("2026-10-05"), day("2026-10-06"), day("2026-10-07")}),
    working_days=frozenset({day("2026-10-10")}),
)


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).astimezone(UTC))


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        ("2026-03-02T09:00:00Z", 3, "2026-03-05T16:00:00Z"),
        ("2026-03-02T15:59:59.999999Z", 3, "2026-03-05T16:00:00Z"),  # still the second in Beijing
        ("2026-03-02T16:00:00Z", 3, "2026-03-06T16:00:00Z"),  # the third in Beijing
        ("2026-03-04T21:00:00Z", 3, "2026-03-09T16:00:00Z"),  # the eighth is a Sunday
        ("2026-03-02T09:00:00Z", 0, "2026-03-02T16:00:00Z"),
        ("2026-09-28T09:00:00Z", 3, "2026-10-08T16:00:00Z"),  # the holiday, and the weekend in it
        ("2026-10-07T09:00:00Z", 3, "2026-10-10T16:00:00Z"),  # a Saturday that is worked on
        ("2026-10-08T09:00:00Z", 3, "2026-10-12T16:00:00Z"),  # a Sunday that is not
    ],
)
def test_a_period_ends_at_midnight_of_its_last_working_day(start: str, days: int, last: str) -> None:
    assert last_instant(Terms(calendar=HOLIDAY), at(start), days) == at(last)


def test_counted_in_hours_a_day_is_24_hours() -> None:
    start = at("2026-03-04T21:00:00Z")
    assert last_instant(Terms(period_counting="hours"), start, 3) == start + 3 * DAY


def test_the_offset_of_the_calendar_determines_when_a_day_ends() -> None:
    terms = Terms(calendar=Calendar(utc_offset=-5 * 60))
    assert last_instant(terms, at("2026-03-03T04:59:00Z"), 1) == at("2026-03-04T05:00:00Z")
