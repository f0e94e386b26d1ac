"""The terms that a provider or the platform declares, and which of them bind an order (R24)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from service.rules.calendar import CIVIL_CODE, Calendar

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORM = "*"
"""The `provider_id` of sets for all providers without one of their own."""

PLATFORM_ONLY = frozenset(
    {"deemed_confirmation_days", "tip_limit", "claim_floor", "quarantine_days", "period_counting", "calendar"}
)
"""Terms that only `*` may set (clauses 18, 21, 22 and 28)."""

ONLY_LONGER = frozenset({"tip_refund_days", "payment_demand_days"})
"""Terms that a provider may lengthen, but not shorten (clauses 21 and 22)."""

TIP_LIMIT_CURRENCY = "CNY"
"""The currency of a `tip_limit` without a currency."""


CHINA = Calendar()
"""Beijing time; Saturdays and Sundays are off. The terms list holidays."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that bind one order. Money in minor units, periods in days counted by `calendar.last_instant`."""

    version: str = "standard"
    service_fee_rate: Fraction = Fraction(1, 1000)
    refund_fee_on_cancellation: bool = False
    refuse_prohibited: bool = True
    acceptance_days: int | None = None
    """The provider's period for accepting; None: no limit (2)."""
    deemed_confirmation_days: int = 10
    tip_limit: Mapping[str, int] | int = field(default_factory=lambda: {TIP_LIMIT_CURRENCY: 20_000})
    """Per currency; a currency that is not listed has no limit (21). A bare number is for CNY."""
    tip_refund_days: int = 30
    payment_demand_days: int = 3
    claim_floor: int = 0
    quarantine_days: int | None = None
    """The days for which a quarantined record holds orders up; None: until it is resolved."""
    period_counting: str = CIVIL_CODE
    calendar: Calendar = CHINA

    def tip_limit_in(self, currency: str) -> int | None:
        """Return the limit of a tip in a currency, in minor units; None if there is none."""
        limits = self.tip_limit
        if isinstance(limits, int):
            return limits if currency == TIP_LIMIT_CURRENCY else None
        return limits.get(currency)


STANDARD = Terms()
"""The agreement's own terms, in force if nothing is declared."""


@dataclass(frozen=True, slots=True)
class TermsSet:
    """The values that one provider (or `*`, the platform) declared from an instant on; other values don't change."""

    version: str
    provider_id: str
    effective_from: int
    values: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class TermsBook:
    """All declared sets. Append-only; sets take effect only in the future, so the terms that bind an order never
    change."""

    sets: tuple[TermsSet, ...] = ()
    _successions: dict[str, tuple[list[int], list[TermsSet]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort each provider's sets by the instant from which they are in force."""
        successions: dict[str, tuple[list[int], list[TermsSet]]] = {}
        for one in sorted(self.sets, key=lambda s: (s.provider_id, s.effective_from)):
            starts, sets = successions.setdefault(one.provider_id, ([], []))
            starts.append(one.effective_from)
            sets.append(one)
        object.__setattr__(self, "_successions", successions)

    def in_force(self, provider_id: str, at: int) -> Terms:
        """Return the terms that bind an order of this provider agreed at this instant.

        The provider's own set has priority. Values that it does not declare, or that only the platform may declare,
        come from the platform's set in force at that instant, else from the agreement.
        """
        if not self._successions:
            return STANDARD
        platform = self._at(PLATFORM, at)
        own = self._at(provider_id, at) if provider_id != PLATFORM else None
        if platform is None and own is None:
            return STANDARD
        values: dict[str, object] = {}
        if platform is not None:
            values.update(platform.values)
        if own is not None:
            values.update(_own_values(own, values))
        bound = own or platform
        assert bound is not None
        return Terms(version=bound.version, **values)  # type: ignore[arg-type]  # values were checked on import

    def _at(self, provider_id: str, at: int) -> TermsSet | None:
        succession = self._successions.get(provider_id)
        if succession is None:
            return None
        position = bisect_right(succession[0], at)
        return succession[1][position - 1] if position else None

    @classmethod
    def of(cls, *sets: TermsSet) -> Self:
        """Return a book of these sets."""
        return cls(sets=sets)


def _own_values(own: TermsSet, platform: dict[str, object]) -> dict[str, object]:
    """Return the values that a provider's set changes: none that only the platform may set, and no shortened period."""
    values: dict[str, object] = {}
    for name, value in own.values:
        if name in PLATFORM_ONLY:
            continue
        if name in ONLY_LONGER:
            floor = platform.get(name, getattr(STANDARD, name))
            values[name] = max(value, floor)  # type: ignore[call-overload]  # days, checked on import
        else:
            values[name] = value
    return values


TERMS_OF_THE_AGREEMENT = TermsBook()
"""A book without declared sets."""
