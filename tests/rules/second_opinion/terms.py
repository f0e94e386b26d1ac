"""The terms of an order (R24) and the periods that they count (R14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000


def micros(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 instant; what is finer is cut off."""
    stamp = text.strip().upper().replace("Z", "+00:00")
    head, sep, rest = stamp.partition(".")
    if sep:
        digits = rest[: next(i for i, c in enumerate(rest) if not c.isdigit())]
        stamp = f"{head}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"
    return (datetime.fromisoformat(stamp) - EPOCH) // timedelta(microseconds=1)


def instant_text(at: int) -> str:
    """RFC 3339 in UTC."""
    return (EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Calendar:
    """The working days, and the time zone of days."""

    utc_offset: int = 8 * 60
    days_off: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()

    def works(self, day: date) -> bool:
        return day in self.working_days or (day.weekday() < 5 and day not in self.days_off)


@dataclass(frozen=True)
class Terms:
    """One order's terms, defaults as in R24."""

    service_fee_rate: Fraction = Fraction(1, 1000)
    refund_fee_on_cancellation: bool = False
    refuse_prohibited: bool = True
    acceptance_days: int | None = None
    deemed_confirmation_days: int = 10
    tip_limit: dict[str, int] = field(default_factory=lambda: {"CNY": 20000})
    tip_refund_days: int = 30
    payment_demand_days: int = 3
    claim_floor: int = 0
    quarantine_days: int | None = None
    period_counting: str = "civil_code"
    calendar: Calendar = Calendar()

    def last_instant(self, start: int, days: int) -> int:
        """The last instant of a period of so many days from an instant (R14)."""
        if self.period_counting == "hours":
            return start + days * DAY
        offset = self.calendar.utc_offset * 60_000_000
        day = (EPOCH + timedelta(microseconds=start + offset)).date() + timedelta(days=days)
        while not self.calendar.works(day):
            day += timedelta(days=1)
        return (day.toordinal() + 1 - EPOCH.date().toordinal()) * DAY - offset


PLATFORM_ONLY = (
    "deemed_confirmation_days",
    "tip_limit",
    "claim_floor",
    "quarantine_days",
    "period_counting",
    "calendar",
)
ONLY_LONGER = ("tip_refund_days", "payment_demand_days")
PROVIDER = ("service_fee_rate", "refund_fee_on_cancellation", "refuse_prohibited", "acceptance_days")


def _value(name: str, given: Any) -> Any:
    if name == "service_fee_rate":
        return Fraction(str(given))
    if name == "tip_limit":
        return given if isinstance(given, dict) else {"CNY": given}
    if name == "calendar":
        text = given.get("utc_offset", "+08:00")
        minutes = int(text[1:3]) * 60 + int(text[4:6])
        return Calendar(
            -minutes if text[0] == "-" else minutes,
            frozenset(date.fromisoformat(d) for d in given.get("days_off", ())),
            frozenset(date.fromisoformat(d) for d in given.get("working_days", ())),
        )
    return given


def binding(sets: list[dict[str, Any]], provider_id: str, at: int) -> Terms:
    """The terms that bind an order of the provider whose mandate was agreed at the instant."""

    def in_force(who: str) -> dict[str, Any]:
        mine = [s for s in sets if s.get("provider_id", "*") == who and micros(s["effective_from"]) <= at]
        return max(mine, key=lambda s: micros(s["effective_from"])) if mine else {}

    general, own = in_force("*"), in_force(provider_id)
    found: dict[str, Any] = {}
    for name in PLATFORM_ONLY + ONLY_LONGER + PROVIDER:
        common = general.get(name)
        if common is not None:
            found[name] = _value(name, common)
        mine = own.get(name)
        if mine is None or name in PLATFORM_ONLY:
            continue
        if name in ONLY_LONGER:
            found[name] = max(mine, found.get(name, getattr(Terms(), name)))
        else:
            found[name] = _value(name, mine)
    return Terms(**found)
