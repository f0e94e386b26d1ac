"""The units of an order and what becomes of them (F2).

Units of one item that are alike are kept together as a *lot*, so that an order of a million units is as quick as one of
one. A lot is split where a message concerns a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from purchasing_contracts.events.order import OrderPlaced
    from purchasing_contracts.items import ItemRef

    from service.rules.facts import Fact
    from service.rules.requests import Request
    from service.rules.timeline import Ending, Purchase


class State(Enum):
    """What a unit is."""

    OPEN = "open"
    BOUGHT = "bought"
    UNAVAILABLE = "unavailable"
    CANCELLED_BEFORE = "cancelled before purchase"
    CANCELLED_AFTER = "cancelled after purchase"
    RESCINDED = "rescinded"
    DISSOLVED = "dissolved"
    VOID = "void"


# Names of their own, as a member of an enum is slow to get at.
OPEN, BOUGHT, UNAVAILABLE, VOID = State.OPEN, State.BOUGHT, State.UNAVAILABLE, State.VOID
CANCELLED_BEFORE, CANCELLED_AFTER = State.CANCELLED_BEFORE, State.CANCELLED_AFTER
RESCINDED, DISSOLVED = State.RESCINDED, State.DISSOLVED
CANCELLED = (CANCELLED_BEFORE, CANCELLED_AFTER)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the order."""

    id: str
    weight: int
    """Of one unit: its unit price, or 1 where the order is without unit prices. Minor units."""


class Lot:
    """Units of one item, numbered in a row, of which the same is true."""

    __slots__ = (
        "bought_at",
        "cleared",
        "confirmed",
        "count",
        "covered",
        "delivered",
        "ended_by",
        "first",
        "is_live",
        "item",
        "purchase",
        "received",
        "requests",
        "state",
    )

    def __init__(self, item: Item, first: int, count: int) -> None:
        """Begin with open units that the quote of `placed` covers."""
        self.item = item
        self.first = first
        self.count = count
        self.state = OPEN
        self.is_live = True
        """Whether they are open or bought, so have not ended."""
        self.purchase: Purchase | None = None
        """The purchase that covers them; stays when they end."""
        self.bought_at = 0
        self.received = False
        self.delivered = False
        self.cleared = False
        """Whether export customs bars a cancellation (12(7))."""
        self.confirmed = False
        """Whether receipt bars a cancellation and a dissolution (18)."""
        self.covered = 1
        """The quotes that cover them, a bit each: bit 0 is the quote of `placed`."""
        self.requests: tuple[Request, ...] = ()
        """The requests that concern them."""
        self.ended_by: Ending | None = None

    @property
    def weight(self) -> int:
        """Of all of them together. Minor units."""
        return self.count * self.item.weight

    def copy(self) -> Lot:
        """Return a lot of which the same is true."""
        twin = Lot.__new__(Lot)
        for name in Lot.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin


class Units:
    """All units of an order."""

    __slots__ = ("has_prices", "lots")

    def __init__(self, placing: Fact[OrderPlaced]) -> None:
        """Make every unit of the order, open."""
        self.has_prices, items = placing.worked_out(_items_of)
        self.lots = [Lot(item, 1, quantity) for item, quantity in items]

    def in_state(self, state: State) -> list[Lot]:
        """Return the lots in a state."""
        return [lot for lot in self.lots if lot.state is state]

    def live(self) -> list[Lot]:
        """Return the lots that have not ended."""
        return [lot for lot in self.lots if lot.is_live]

    @property
    def have_ended(self) -> bool:
        """Whether none is open or bought."""
        # A loop: this is asked many times per order, and a generator would take twice as long.
        for lot in self.lots:  # noqa: SIM110
            if lot.is_live:
                return False
        return True

    @property
    def are_all_live(self) -> bool:
        """Whether none has ended."""
        for lot in self.lots:  # noqa: SIM110
            if not lot.is_live:
                return False
        return True

    def choose(
        self, items: Iterable[ItemRef], candidates: Callable[[Lot], bool], order: Callable[[Lot], tuple[int, ...]]
    ) -> list[Lot]:
        """Return lots of just the units that a list of items names, splitting lots where it names a part.

        `order` says which lots come first; units come with the highest number first if it ends in a negative number,
        else with the lowest. A quantity beyond the candidates counts as those there are, an unknown item as nothing.
        """
        chosen: list[Lot] = []
        for ref in items:
            found = sorted([lot for lot in self.lots if lot.item.id == ref.item_id and candidates(lot)], key=order)
            chosen += found if ref.quantity is None else self.take(found, ref.quantity, order)
        return chosen

    def take(self, lots: Sequence[Lot], quantity: int, order: Callable[[Lot], tuple[int, ...]]) -> list[Lot]:
        """Return so many units of these lots, which are in order; see `choose`."""
        taken = []
        for lot in lots:
            if quantity <= 0:
                break
            part = lot if lot.count <= quantity else self._split(lot, quantity, highest=order(lot)[-1] < 0)
            taken.append(part)
            quantity -= part.count
        return taken

    def _split(self, lot: Lot, count: int, *, highest: bool) -> Lot:
        """Take `count` units out of a larger lot, and return them as a lot of their own."""
        part = lot.copy()
        part.count = count
        lot.count -= count
        place = self.lots.index(lot)
        if highest:
            part.first = lot.first + lot.count
            self.lots.insert(place + 1, part)
        else:
            lot.first += count
            self.lots.insert(place, part)
        return part


def _items_of(placed: OrderPlaced) -> tuple[bool, list[tuple[Item, int]]]:
    """Return whether the items have prices, and each with its quantity. An empty list is one item of one unit."""
    total = 0
    are_priced = True
    for item in placed.items:
        if item.unit_price is None:
            are_priced = False
        else:
            total += item.unit_price.value * (item.quantity or 1)
    has_prices = are_priced and total > 0
    found: list[tuple[Item, int]] = []
    for place, item in enumerate(placed.items):
        weight = item.unit_price.value if has_prices and item.unit_price is not None else 1
        found.append((Item(item.item_id or str(place + 1), weight), item.quantity or 1))
    return has_prices, found or [(Item("1", 1), 1)]


def lowest_first(lot: Lot) -> tuple[int, ...]:
    """Order units by their numbers."""
    return (lot.first,)


def highest_first(lot: Lot) -> tuple[int, ...]:
    """Order units by their numbers, from the last."""
    return (-lot.first,)


def weights(lots: Iterable[Lot]) -> tuple[int, int]:
    """Return the weight of lots, and the number of their units: the latter where the former would divide by 0."""
    weight = count = 0
    for lot in lots:
        weight += lot.count * lot.item.weight
        count += lot.count
    return weight, count
