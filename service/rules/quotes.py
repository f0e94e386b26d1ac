"""Quotes in force, the units they cover, and the units' values by them (R4); payment plans (R5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from service.rules.facts import micros
from service.rules.money import round_half_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from purchasing_contracts.items import ItemRef
    from purchasing_contracts.plan import PlanPart

    from service.rules.money import Sums
    from service.rules.units import Lot


@dataclass(slots=True)
class Quote:
    """An order amount that was in force. Its index in the order's list of quotes is its bit in `Lot.covered`."""

    at: int
    """From when it was in force: when it was given and the buyer had agreed to it."""
    sums: Sums
    bit: int
    items: Sequence[ItemRef] | None
    """The items it covers; None: all units that had not ended."""

    def value(self, lots: Iterable[Lot], all_lots: Iterable[Lot]) -> int:
        """Return the quoted value `v` of those lots that it covers, in minor units."""
        bit = self.bit
        weight = count = 0
        for lot in lots:
            if lot.covered & bit:
                weight += lot.count * lot.item.weight
                count += lot.count
        if not count:
            return 0
        whole = units = 0
        for lot in all_lots:
            if lot.covered & bit:
                whole += lot.count * lot.item.weight
                units += lot.count
        return (
            round_half_up(self.sums.goods * weight, whole) if whole else round_half_up(self.sums.goods * count, units)
        )


def last_value(
    quotes: Sequence[Quote], lots: Iterable[Lot], all_lots: Sequence[Lot], before: Quote | None = None
) -> int:
    """Return the value of the lots, each by the last quote that covered it, in minor units; `before`: only quotes
    before that one.
    """
    bits = -1 if before is None else before.bit - 1
    by_quote: dict[int, list[Lot]] = {}
    for lot in lots:
        by_quote.setdefault((lot.covered & bits).bit_length() - 1, []).append(lot)
    return sum([quotes[nth].value(some, all_lots) for nth, some in by_quote.items()])


class Plan(NamedTuple):
    """A payment plan: a deposit, and balances with or without a last instant (15(2)). Minor units."""

    deposit: int
    balances: tuple[tuple[int | None, int], ...]
    """Last instant in microseconds, and amount."""

    def due_by(self, at: int) -> int:
        """Return what must have been paid at an instant: the deposit, and the balances due by then."""
        return self.deposit + sum([amount for due_at, amount in self.balances if due_at is not None and due_at <= at])

    def due_from(self, at: int) -> list[int]:
        """Return the last instants of balances at or after an instant, the earliest first."""
        return sorted([due_at for due_at, _ in self.balances if due_at is not None and due_at >= at])


def plan_of(parts: Sequence[PlanPart]) -> Plan:
    """Return the plan in a message."""
    deposit = sum([part.amount.value for part in parts if part.part == "deposit"])
    balances = tuple(
        [
            (None if part.due_at is None else micros(part.due_at), part.amount.value)
            for part in parts
            if part.part == "balance"
        ]
    )
    return Plan(deposit, balances)
