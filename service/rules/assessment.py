"""What is said of an order and what is due on it: the values that the clauses hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from purchasing_contracts.basis import Basis
    from purchasing_contracts.events.warehouse_receipt import GoodsDisposed
    from purchasing_contracts.money import Money

    from service.rules.chargebacks import Chargeback, Recovered
    from service.rules.facts import Fact
    from service.rules.order_view import OrderView
    from service.rules.settlement import Settlement
    from service.rules.timeline import Timeline
    from service.rules.unclear import Unclear

Grounds = tuple["Basis", ...]
"""The clauses something rests on, each with words that a support agent can read out."""


@dataclass(slots=True)
class Route:
    """Where a line's refunds may go: a payment or the deposit, with what it brought in on this line. Minor units."""

    destination: str
    payment_id: str | None
    brought: int


@dataclass(slots=True)
class Due:
    """What is due on a line according to the clauses, before chargebacks are set off. Minor units."""

    line: str
    amount: int
    grounds: Grounds
    routes: tuple[Route, ...] = ()


@dataclass(slots=True)
class Said:
    """A decision without amount as it stands by the facts: its key is `kind` and `ref`."""

    kind: str
    ref: str
    outcome: str
    grounds: Grounds
    ground: str | None = None
    """Why a fact changes nothing."""


@dataclass(slots=True)
class StandingAmount:
    """A decision that is an amount; at 0 it ends in its second outcome. Minor units."""

    kind: str
    ref: str
    amount: int
    grounds: Grounds
    outcome: str
    due_at: int | None = None
    """By when it is to be paid, in microseconds."""
    demand: tuple[int, int] | None = None
    """Of a payment demand: its number, and the rounds that were known when it began (`ids.demand_id`)."""
    is_new: bool = False
    """Whether it is published although outcome and amount are as before: a new demand of the same amount."""
    foreign: Money | None = None
    """The amount, where it is in another currency than the order's."""


class Assessment:
    """What the facts entitle people to, by terms and clock alone: no word of it depends on what was published.

    Except for `remaining` of chargebacks: what was given back on their lines covers them no more (R13).
    """

    __slots__ = (
        "chargebacks",
        "dues",
        "line_adds",
        "recovered",
        "said",
        "settlement",
        "timeline",
        "unclear",
        "unused_proceeds",
        "view",
    )

    def __init__(self, view: OrderView, timeline: Timeline, unclear: Unclear) -> None:
        """Begin with the timeline gone through."""
        self.view = view
        self.timeline = timeline
        self.unclear = unclear
        self.chargebacks: list[Chargeback] = []
        self.recovered: Mapping[str, Recovered] = {}
        self.unused_proceeds: list[Fact[GoodsDisposed]] = []
        """The disposals whose proceeds are for no chargeback."""
        self.settlement: Settlement
        self.line_adds: Grounds = ()
        """What the line `purchase` cites besides the endings of its units (R6)."""
        self.dues: list[Due] = []
        self.said: list[Said] = []

    def accepted(self, line: str) -> int:
        """Return what chargebacks took from a line that nobody claims again: `J`."""
        if not self.chargebacks:
            return 0
        is_tip = line.startswith("tip:")
        return sum([one.share(line) for one in self.chargebacks if is_tip or not one.is_unjust])

    def claimed(self, line: str) -> int:
        """Return what is left on a line of unjust chargebacks: `U`."""
        return sum([part.brought for one in self.chargebacks for part in one.remaining if part.line == line])
