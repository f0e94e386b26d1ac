"""The terms a provider or the platform declares, and which of them bind an order (R24)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from service.rules.calendar import CIVIL_CODE, Calendar

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORM = "*"
"""The `provider_id` of the sets that hold for every provider without one of its own."""

PLATFORM_ONLY = frozenset(
    {"deemed_confirmation_days", "tip_limit", "claim_floor", "quarantine_days", "period_counting", "calendar"}
)
"""What only `*` may set (clauses 18, 21, 22 and 28)."""

ONLY_LONGER = frozenset({"tip_refund_days", "payment_demand_days"})
"""What a provider may lengthen, but never shorten (clauses 21 and 22)."""

TIP_LIMIT_CURRENCY = "CNY"
"""The currency that a `tip_limit` given as a bare number is in."""


CHINA = Calendar()
"""Beijing time; Saturdays and Sundays are off. Holidays are for the terms to list."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that bind one order. Money is minor units, periods are days counted by `calendar.last_instant`."""

    version: str = "standard"
    service_fee_rate: Fraction = Fraction(1, 1000)
    refund_fee_on_cancellation: bool = False
    refuse_prohibited: bool = True
    acceptance_days: int | None = None
    """How long the provider may take to accept; None: without limit (2)."""
    deemed_confirmation_days: int = 10
    tip_limit: Mapping[str, int] | int = field(default_factory=lambda: {TIP_LIMIT_CURRENCY: 20_000})
    """By currency; a currency that isn't listed has no limit (21). A bare number is for CNY."""
    tip_refund_days: int = 30
    payment_demand_days: int = 3
    claim_floor: int = 0
    quarantine_days: int | None = None
    """How long a record in quarantine holds anything up; None: until it is dealt with."""
    period_counting: str = CIVIL_CODE
    calendar: Calendar = CHINA

    def tip_limit_in(self, currency: str) -> int | None:
        """Return the limit of a tip in a currency, in minor units; None where there is none."""
        limits = self.tip_limit
        if isinstance(limits, int):
            return limits if currency == TIP_LIMIT_CURRENCY else None
        return limits.get(currency)


STANDARD = Terms()
"""What the agreement itself says; in force where nobody declared anything."""


@dataclass(frozen=True, slots=True)
class TermsSet:
    """What one provider (or `*`, the platform) declared from an instant on: only the named values differ."""

    version: str
    provider_id: str
    effective_from: int
    values: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class TermsBook:
    """Every set ever declared. Append-only; sets come into force in the future only, so what bound an order stays."""

    sets: tuple[TermsSet, ...] = ()
    _successions: dict[str, tuple[list[int], list[TermsSet]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Order each provider's sets by the instant from which they are in force."""
        successions: dict[str, tuple[list[int], list[TermsSet]]] = {}
        for one in sorted(self.sets, key=lambda s: (s.provider_id, s.effective_from)):
            starts, sets = successions.setdefault(one.provider_id, ([], []))
            starts.append(one.effective_from)
            sets.append(one)
        object.__setattr__(self, "_successions", successions)

    def in_force(self, provider_id: str, at: int) -> Terms:
        """Return the terms that bind an order of this provider agreed at this instant.

        The provider's own set comes before the platform's; what it does not declare, and what only the platform may
        declare, is taken from the platform's set in force at that instant, else from the agreement.
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
    """Return what a provider's set changes: nothing that is the platform's to set, and no period shortened."""
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
"""A book in which nobody declared anything."""
