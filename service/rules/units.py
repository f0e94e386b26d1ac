"""The units of an order and their states (F2).

Equal units of one item are kept together as a *lot*, so that an order of a million units is as fast as an order of one.
A lot is split if a message concerns a part of it.
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
    """The state of a unit."""

    OPEN = "open"
    BOUGHT = "bought"
    UNAVAILABLE = "unavailable"
    CANCELLED_BEFORE = "cancelled before purchase"
    CANCELLED_AFTER = "cancelled after purchase"
    RESCINDED = "rescinded"
    DISSOLVED = "dissolved"
    VOID = "void"


# Module-level names, because access to a member of an enum is slow.
OPEN, BOUGHT, UNAVAILABLE, VOID = State.OPEN, State.BOUGHT, State.UNAVAILABLE, State.VOID
CANCELLED_BEFORE, CANCELLED_AFTER = State.CANCELLED_BEFORE, State.CANCELLED_AFTER
RESCINDED, DISSOLVED = State.RESCINDED, State.DISSOLVED
CANCELLED = (CANCELLED_BEFORE, CANCELLED_AFTER)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the order."""

    id: str
    weight: int
    """Weight of one unit: its unit price, or 1 if the order has no unit prices. Minor units."""


class Lot:
    """Consecutively numbered units of one item in the same state."""

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
        "missed_by",
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
        """The quotes that cover them, one bit each: bit 0 is the quote of `placed`."""
        self.requests: tuple[Request, ...] = ()
        """The requests that concern them."""
        self.missed_by: tuple[Request, ...] = ()
        """The requests that asked for them, but that a bar kept from them."""
        self.ended_by: Ending | None = None

    @property
    def weight(self) -> int:
        """Weight of the whole lot. Minor units."""
        return self.count * self.item.weight

    def copy(self) -> Lot:
        """Return a copy of the lot."""
        twin = Lot.__new__(Lot)
        for name in Lot.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin


class Units:
    """All units of an order."""

    __slots__ = ("has_prices", "lots")

    def __init__(self, placing: Fact[OrderPlaced]) -> None:
        """Create the units of the order, open."""
        self.has_prices, items = placing.worked_out(_items_of)
        self.lots = [Lot(item, 1, quantity) for item, quantity in items]

    def in_state(self, state: State) -> list[Lot]:
        """Return the lots in a state."""
        return [lot for lot in self.lots if lot.state is state]

    def live(self) -> list[Lot]:
        """Return the lots that have not ended."""
        return [lot for lot in self.lots if lot.is_live]

    def has(self, state: State) -> bool:
        """Return whether there is a lot in a state."""
        for lot in self.lots:  # noqa: SIM110  # as below
            if lot.state is state:
                return True
        return False

    @property
    def have_ended(self) -> bool:
        """Whether all units have ended."""
        # A loop, because this is called many times per order and a generator would take twice as long.
        for lot in self.lots:  # noqa: SIM110
            if lot.is_live:
                return False
        return True

    @property
    def are_all_live(self) -> bool:
        """Whether no unit has ended."""
        for lot in self.lots:  # noqa: SIM110
            if not lot.is_live:
                return False
        return True

    def choose(
        self, items: Iterable[ItemRef], candidates: Callable[[Lot], bool], order: Callable[[Lot], tuple[int, ...]]
    ) -> list[Lot]:
        """Return lots of exactly the named units, splitting lots if a part is named.

        `order` is the sort key of lots. If it ends in a negative number, the highest-numbered units come first, else
        the lowest. A quantity beyond the candidates means all of them; an unknown item means none.
        """
        chosen: list[Lot] = []
        for ref in items:
            found = sorted([lot for lot in self.lots if lot.item.id == ref.item_id and candidates(lot)], key=order)
            chosen += found if ref.quantity is None else self.take(found, ref.quantity, order)
        return chosen

    def take(self, lots: Sequence[Lot], quantity: int, order: Callable[[Lot], tuple[int, ...]]) -> list[Lot]:
        """Return this number of units from sorted lots; see `choose`."""
        taken = []
        for lot in lots:
            if quantity <= 0:
                break
            part = lot if lot.count <= quantity else self._split(lot, quantity, highest=order(lot)[-1] < 0)
            taken.append(part)
            quantity -= part.count
        return taken

    def _split(self, lot: Lot, count: int, *, highest: bool) -> Lot:
        """Split `count` units off a larger lot and return them as a lot of their own."""
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
    """Return whether the items have prices, and each item with its quantity. No items means one item of one unit."""
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
    """Sort units by number."""
    return (lot.first,)


def highest_first(lot: Lot) -> tuple[int, ...]:
    """Sort units by number, the highest first."""
    return (-lot.first,)


def weights(lots: Iterable[Lot]) -> tuple[int, int]:
    """Return the weight of lots and the number of units, for use if the weight is 0."""
    weight = count = 0
    for lot in lots:
        weight += lot.count * lot.item.weight
        count += lot.count
    return weight, count
