"""Terms files: declared by a provider or the platform, read and checked.

A file is TOML, or (named *.json) JSON of the same shape: a list `terms` of sets, each with `version`, `provider_id`
(`*` for the platform), `effective_from` (a time with offset) and any of the terms of docs/rules.md, R24, by name.

`calendar` is a table of `utc_offset` ("+08:00"), `days_off` and `working_days` (lists of dates). `tip_limit` is a table
of minor units by currency. A rate is a string or a decimal ("0.002"). Days and minor units are whole numbers. If
`effective_until` is given, it must be the `effective_from` of the provider's next set.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import instant_of, text_of

from service.rules.calendar import PERIOD_COUNTINGS
from service.rules.facts import instant, micros
from service.rules.terms import ONLY_LONGER, PLATFORM, PLATFORM_ONLY, STANDARD, Terms, TermsBook, TermsSet
from service.terms.calendars import calendar_value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_DAYS = 3_650
MAX_MONEY = 10**15
MAX_SETS = 10_000
NAMES = frozenset(field.name for field in fields(Terms)) - {"version"}
"""The names of all terms."""
_CURRENCY = re.compile(r"[A-Z]{3}")
_IDENTITY = ("version", "provider_id", "effective_from", "effective_until")


class TermsError(Exception):
    """The terms file is wrong. The text says what and where, one sentence per line."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A set in a file. `until` is its end in microseconds, None if the file states none."""

    terms: TermsSet
    until: int | None


def read_terms(path: Path) -> tuple[Declared, ...]:
    """Read and check a terms file by itself. Raises TermsError, and OSError if it can't be read."""
    return terms_of(path.read_bytes(), path.name)


def terms_of(raw: bytes, name: str) -> tuple[Declared, ...]:
    """Check what a terms file of this name has in it by itself. Raises TermsError."""
    try:
        loaded = _loaded(raw, ".json" if name.lower().endswith(".json") else "")
    except (ValueError, UnicodeDecodeError) as error:
        raise TermsError(f"{name} is neither TOML nor JSON: {error}") from None
    entries = loaded.get("terms") if isinstance(loaded, dict) else loaded
    if not isinstance(entries, list) or not entries or len(entries) > MAX_SETS:
        raise TermsError(f"{name} has no list `terms` of 1 to {MAX_SETS} sets.")
    problems: list[str] = []
    found = [one for nth, entry in enumerate(entries, 1) if (one := _declared(nth, entry, problems)) is not None]
    if problems:
        raise TermsError("\n".join(problems))
    check_succession(found)
    return tuple(found)


def check_succession(declared: Iterable[Declared]) -> None:
    """Refuse sets that contradict each other: a version or an instant twice, an end with a gap or an overlap.

    Raises TermsError.
    """
    problems = []
    by_provider: dict[str, list[Declared]] = {}
    for one in declared:
        by_provider.setdefault(one.terms.provider_id, []).append(one)
    for provider, own in sorted(by_provider.items()):
        versions = Counter(one.terms.version for one in own)
        problems += [
            f"{provider}: version {v} is there twice: give one of the two sets another version."
            for v, times in versions.items()
            if times > 1
        ]
        own.sort(key=lambda one: one.terms.effective_from)
        for one, following in pairwise(own):
            problems += _meeting(provider, one, following.terms)
        if own[-1].until is not None:
            problems.append(
                f"{provider}: {own[-1].terms.version} ends and nothing follows: a gap. Leave out its "
                "effective_until, or add the set that follows."
            )
    if problems:
        raise TermsError("\n".join(problems))


def check_against_platform(book: TermsBook) -> None:
    """Refuse periods that a provider shortens but may only lengthen (21, 22). Raises TermsError."""
    problems = []
    for one in book.sets:
        if one.provider_id == PLATFORM:
            continue
        floor = book.in_force(PLATFORM, one.effective_from)
        for name, value in one.values:
            if name in ONLY_LONGER and isinstance(value, int) and value < getattr(floor, name):
                problems.append(
                    f"{one.provider_id}: {one.version}: {name} is {value}, but a provider may only lengthen the "
                    f"platform's {getattr(floor, name)} days: state more, or leave it out."
                )
    if problems:
        raise TermsError("\n".join(problems))


def new_sets(declared: Iterable[Declared], book: TermsBook, now: int) -> list[TermsSet]:
    """Return the sets that are not in the book yet.

    `now` in microseconds. Raises TermsError if a set would come into force in the past, or if its version exists with
    different content.
    """
    known = {(one.provider_id, one.version): one for one in book.sets}
    problems, found = [], []
    for one in (each.terms for each in declared):
        before = known.get((one.provider_id, one.version))
        if before == one:
            continue
        if before is not None:
            problems.append(
                f"{one.provider_id}: version {one.version} is there already, with other content. What bound an order "
                "stays: give the changed set a version of its own."
            )
        elif one.effective_from <= now:
            problems.append(
                f"{one.provider_id}: {one.version} would be in force from {text_of(instant(one.effective_from))}, "
                "which has passed. Terms come into force in the future only, so that what bound an order stays: "
                "set a later effective_from."
            )
        found.append(one)
    if problems:
        raise TermsError("\n".join(problems))
    return found


def _meeting(provider: str, declared: Declared, following: TermsSet) -> list[str]:
    one, end = declared.terms, declared.until
    if one.effective_from == following.effective_from:
        both = f"{one.version} and {following.version}"
        return [f"{provider}: {both} come into force at the same instant: they overlap. Change one's effective_from."]
    if end is None or end == following.effective_from:
        return []
    word = "a gap" if end < following.effective_from else "an overlap"
    starts = text_of(instant(following.effective_from))
    ends = f"{one.version} ends at {text_of(instant(end))}"
    return [f"{provider}: {ends}, {following.version} starts at {starts}: {word}. Leave out effective_until."]


def _loaded(raw: bytes, suffix: str) -> Any:
    text = raw.decode("utf-8")
    if suffix.lower() == ".json":
        return json.loads(text, parse_float=Decimal)
    return tomllib.loads(text, parse_float=Decimal)


def _declared(nth: int, entry: Any, problems: list[str]) -> Declared | None:
    """Return one entry of a file as a set, or add its problems."""
    if not isinstance(entry, dict):
        problems.append(f"Set {nth} is no table of terms.")
        return None
    version, provider = entry.get("version"), entry.get("provider_id")
    where = f"Set {nth}" if not isinstance(version, str) else f"Set {nth} ({version})"
    wrong = [
        f"{where}: {name} must be 1 to 128 characters."
        for name, value in (("version", version), ("provider_id", provider))
        if not isinstance(value, str) or not 1 <= len(value) <= 128 or "\0" in value
    ]
    start = _time(where, "effective_from", entry.get("effective_from"), wrong)
    end = _time(where, "effective_until", entry["effective_until"], wrong) if "effective_until" in entry else None
    if start is not None and end is not None and end <= start:
        wrong.append(f"{where}: effective_until must be after effective_from.")
    values = tuple(
        (name, value)
        for name, raw in entry.items()
        if name not in _IDENTITY and (value := _value(where, name, raw, provider, wrong)) is not None
    )
    if wrong or start is None:
        problems.extend(wrong)
        return None
    return Declared(TermsSet(str(version), str(provider), start, tuple(sorted(values, key=itemgetter(0)))), end)


def _value(where: str, name: str, raw: Any, provider: Any, wrong: list[str]) -> Any:
    """Return the value of a term, or add its problem to `wrong`."""
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        meant = f"did you mean {near[0]}?" if near else f"the terms are {', '.join(sorted(NAMES))}."
        wrong.append(f"{where}: there is no term {name}: {meant}")
        return None
    if name in PLATFORM_ONLY and provider != PLATFORM:
        wrong.append(
            f"{where}: {name} is the platform's to set, not a provider's: leave it out here, or put it into a set of "
            'provider_id = "*".'
        )
        return None
    if name == "calendar":
        return calendar_value(where, raw, wrong)
    if name == "tip_limit":
        return _tip_limit(where, raw, wrong)
    if name == "period_counting":
        if raw in PERIOD_COUNTINGS:
            return raw
        wrong.append(f"{where}: period_counting must be one of {', '.join(PERIOD_COUNTINGS)}.")
        return None
    standard = getattr(STANDARD, name)
    if isinstance(standard, Fraction):
        return _rate(where, name, raw, wrong)
    if isinstance(standard, bool):
        if isinstance(raw, bool):
            return raw
        wrong.append(f"{where}: {name} must be true or false.")
        return None
    return _whole(where, name, raw, MAX_MONEY if name == "claim_floor" else MAX_DAYS, wrong)


def _whole(where: str, name: str, raw: Any, top: int, wrong: list[str]) -> int | None:
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= top:
        return raw
    wrong.append(f"{where}: {name} must be a whole number from 0 to {top}.")
    return None


def _tip_limit(where: str, raw: Any, wrong: list[str]) -> dict[str, int] | int | None:
    """Return the limits of a tip by currency, in minor units. A bare number is for CNY."""
    if not isinstance(raw, dict):
        return _whole(where, "tip_limit", raw, MAX_MONEY, wrong)
    limits: dict[str, int] = {}
    for currency, limit in raw.items():
        if not _CURRENCY.fullmatch(currency):
            wrong.append(f"{where}: tip_limit names {currency!r}, which is no ISO 4217 code such as CNY.")
            continue
        value = _whole(where, f"tip_limit of {currency}", limit, MAX_MONEY, wrong)
        if value is not None:
            limits[currency] = value
    return limits


def _rate(where: str, name: str, raw: Any, wrong: list[str]) -> Fraction | None:
    try:
        rate = Decimal(raw) if isinstance(raw, str | Decimal | int) and not isinstance(raw, bool) else None
    except InvalidOperation:
        rate = None
    if rate is None or not rate.is_finite() or not 0 <= rate <= 1 or rate.as_tuple().exponent < -9:  # type: ignore[operator]
        wrong.append(f'{where}: {name} must be a decimal from 0 to 1 with at most nine places, such as "0.001".')
        return None
    return Fraction(rate)


def _time(where: str, name: str, raw: Any, wrong: list[str]) -> int | None:
    if isinstance(raw, datetime) and raw.tzinfo is not None:
        return micros(raw.astimezone(UTC))
    if isinstance(raw, str):
        try:
            return micros(instant_of(raw))
        except ValueError:
            pass
    wrong.append(f"{where}: {name} must be a time with an offset, such as 2026-05-01T00:00:00Z.")
    return None
