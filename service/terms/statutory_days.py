"""China's statutory holidays and make-up working days as a terms file, for people to check and import.

They come from the package `chinese-calendar`, which has only announced days (decision 0031). It is an optional extra
that only `terms calendar` imports. A worker knows only the days that the terms in force list.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import text_of

from service.terms.files import TermsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date, datetime

PACKAGE, MODULE = "chinese-calendar", "chinese_calendar"


@dataclass(frozen=True, slots=True)
class StatutoryDays:
    """The announced days of some years, each with its holiday."""

    days_off: dict[date, str]
    working_days: dict[date, str]
    announced: tuple[int, ...]
    """The requested years that the package has."""
    unknown: tuple[int, ...]
    """The requested years that the package lacks."""


def statutory_days(years: Collection[int]) -> StatutoryDays:
    """Return the announced days of these years. Raises TermsError if the package is not installed."""
    package = _package()
    known = {day.year for day in package.holidays}
    wanted = sorted(set(years))
    return StatutoryDays(
        {day: str(name) for day, name in sorted(package.holidays.items()) if day.year in wanted},
        {day: str(name) for day, name in sorted(package.workdays.items()) if day.year in wanted},
        tuple(year for year in wanted if year in known),
        tuple(year for year in wanted if year not in known),
    )


def unknown_years(days: StatutoryDays) -> str:
    """Return the sentence about the years that the package lacks; empty if it lacks none."""
    if not days.unknown:
        return ""
    return (
        f"{PACKAGE} {version(PACKAGE)} has no days of {_listed(days.unknown)}. The State Council announces them "
        "in the autumn of the year before: once they are announced, install a newer version of the "
        "package, or add them by hand."
    )


def terms_file(days: StatutoryDays, set_version: str, effective_from: datetime) -> Iterator[str]:
    """Yield the lines of a terms file with one set of the platform that contains only the calendar."""
    yield f"# China's days off and make-up working days of {_listed(days.announced)}, by {PACKAGE} {version(PACKAGE)}."
    if days.unknown:
        yield f"# Days of {_listed(days.unknown)} are missing: the package does not have them."
    yield "# 1. Compare every day with the State Council's announcement."
    yield "# 2. A set of the platform replaces the one before: add everything else that one states (`terms list`)."
    yield "# 3. Set effective_from, then: terms check FILE, terms import FILE."
    yield "[[terms]]"
    yield f"version = {json.dumps(set_version, ensure_ascii=False)}"
    yield 'provider_id = "*"'
    yield f"effective_from = {text_of(effective_from)}"
    yield ""
    yield "[terms.calendar]"
    yield 'utc_offset = "+08:00"'
    yield from _list("days_off", days.days_off)
    yield from _list("working_days", days.working_days)


def _package() -> Any:
    try:
        return import_module(MODULE)
    except ModuleNotFoundError:
        message = f"The package {PACKAGE} isn't installed: install purchasing-service[calendar], or {PACKAGE} itself."
        raise TermsError(message) from None


def _list(name: str, days: dict[date, str]) -> Iterator[str]:
    yield f"{name} = ["
    yield from (f"    {day.isoformat()},  # {day:%a}, {holiday}" for day, holiday in days.items())
    yield "]"


def _listed(years: Collection[int]) -> str:
    return ", ".join(map(str, years))
