"""The result of an assessment: decisions and amounts due, which the clauses exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
"""The clauses that something rests on, each with words that a support agent can read out."""


@dataclass(slots=True)
class Route:
    """A destination of a line's refunds: a payment or the deposit, and what it brought in on this line. Minor units."""

    destination: str
    payment_id: str | None
    brought: int


@dataclass(slots=True)
class Due:
    """The amount due on a line by the clauses, before chargebacks are set off. Minor units."""

    line: str
    amount: int
    grounds: Grounds
    routes: tuple[Route, ...] = ()


@dataclass(slots=True)
class StandingOutcome:
    """A standing decision without an amount, by the facts. Its key is `kind` and `ref`."""

    kind: str
    ref: str
    outcome: str
    grounds: Grounds
    ground: str | None = None
    """The reason why a fact changes nothing."""
    passed: int | None = None
    """The last instant of the period whose passing led to it, in microseconds."""


@dataclass(slots=True)
class StandingAmount:
    """A decision with an amount. At 0 it gets its second outcome. Minor units."""

    kind: str
    ref: str
    amount: int
    grounds: Grounds
    outcome: str
    due_at: int | None = None
    """The last instant to pay it, in microseconds."""
    demand: tuple[int, int] | None = None
    """For a payment demand: its number, and the number of rounds known when it began (`ids.demand_id`)."""
    is_new: bool = False
    """Whether to publish it although outcome and amount are unchanged, because it is a new demand."""
    plan_dates: Sequence[int] = ()
    """For a missing part of the order amount: all last instants of the plan in force, in microseconds."""
    foreign: Money | None = None
    """The amount if it is in another currency than the order's."""


class Assessment:
    """The entitlements by facts, terms and clock, independent of what was published.

    The exception is `remaining` of chargebacks: money given back on their lines no longer covers them (R13).
    """

    __slots__ = (
        "chargebacks",
        "dues",
        "line_adds",
        "outcomes",
        "recovered",
        "settlement",
        "timeline",
        "unclear",
        "unused_proceeds",
        "view",
    )

    def __init__(self, view: OrderView, timeline: Timeline, unclear: Unclear) -> None:
        """Begin after all facts were applied to the timeline."""
        self.view = view
        self.timeline = timeline
        self.unclear = unclear
        self.chargebacks: list[Chargeback] = []
        self.recovered: Mapping[str, Recovered] = {}
        self.unused_proceeds: list[Fact[GoodsDisposed]] = []
        """Disposals whose proceeds are for no chargeback."""
        self.settlement: Settlement
        self.line_adds: Grounds = ()
        """The clauses that the line `purchase` cites besides the endings of its units (R6)."""
        self.dues: list[Due] = []
        self.outcomes: list[StandingOutcome] = []

    def accepted(self, line: str) -> int:
        """Return what chargebacks took from a line and nobody reclaims: `J`."""
        if not self.chargebacks:
            return 0
        is_tip = line.startswith("tip:")
        return sum([one.share(line) for one in self.chargebacks if is_tip or not one.is_unjust])

    def claimed(self, line: str) -> int:
        """Return what is left on a line of unjust chargebacks: `U`."""
        return sum([part.brought for one in self.chargebacks for part in one.remaining if part.line == line])
