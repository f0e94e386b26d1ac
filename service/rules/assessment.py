"""What is said of an order and what is due on it: the values that the clauses hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from purchasing_contracts.basis import Basis

    from service.rules.reading import Reading

Grounds = tuple["Basis", ...]
"""The clauses something rests on, each with words a buyer's support agent can read out."""


class Rank(IntEnum):
    """What closes an order, in the order that decides a tie."""

    NOT_REACHED = 0
    UNAVAILABLE = 1
    WITHDRAWN = 2
    CANCELLED = 3
    CANCELLED_AFTER_PURCHASE = 4
    DISSOLVED = 5


class Obstacle(NamedTuple):
    """Why an order can't be reached or was refused, as of `at` (1, 2, 3, 5, 14, 15)."""

    at: int
    precedence: int
    """Between obstacles of one instant, the lower counts."""
    outcome: str
    """Of the decision `agreement`: `invalid` or `refused`."""
    grounds: Grounds
    keeps_costs: bool = False
    """Whether the costs incurred are the buyer's (14 and 15(5))."""


class Settlement(NamedTuple):
    """What a closing (or none) leaves due on the line `purchase`, in minor units."""

    due: int
    grounds: Grounds
    """The clauses of the closing, as its decision cites them."""
    line_grounds: Grounds
    """The clauses that the money on the line cites."""
    owed: int = 0
    """What costs and penalty took beyond the money there was: the buyer owes it (12(4), 12(5))."""
    owed_grounds: Grounds = ()


class Closing(NamedTuple):
    """Something that ended the order, as of `at`; of several the earliest counts, then the lower rank, then the id."""

    at: int
    rank: Rank
    request_id: str
    """The request that brought it about; empty where none did."""
    settle: Callable[[Reading], Settlement]


class Request(NamedTuple):
    """A cancellation or dissolution request, judged on its own facts."""

    kind: str
    id: str
    outcome: str
    grounds: Grounds
    """What its decision cites; empty: the clauses of what it brings about (12: what was kept depends on that)."""
    closing: Closing | None = None
    """What it brings about if no other closing came before; None where it was refused or is pending."""
    adds: Grounds = ()
    """What its decision cites besides the closing's clauses (16)."""


class Route(NamedTuple):
    """Where a line's refunds may go: a payment or the deposit, with what it brought in on this line."""

    destination: str
    payment_id: str | None
    brought: int


class Due(NamedTuple):
    """What is due on a line according to the clauses, before chargebacks are set off. Minor units."""

    line: str
    amount: int
    grounds: Grounds
    routes: tuple[Route, ...] = ()


class Charge(NamedTuple):
    """A chargeback: what it took, from which line, and whether it was just (22). Minor units."""

    id: str
    line: str
    payment_id: str
    amount: int
    """What it took as far as we know: 0 once restored, and never beyond what the payment brought in."""
    unjust: bool
    owed_still: int
    """`remaining` of an unjust one: what was neither paid, nor recovered from the deposit, nor brought in by goods."""
    grounds: Grounds


class Said(NamedTuple):
    """A decision as it stands by the facts: its key is `kind` and `ref`."""

    kind: str
    ref: str
    outcome: str
    grounds: Grounds


class StandingAmount(NamedTuple):
    """A decision that is an amount; at nothing it ends in its second outcome. Minor units."""

    kind: str
    ref: str
    amount: int
    grounds: Grounds
    due_at: int | None = None
    """By when it is to be paid, in microseconds; only payment demands have one (22)."""


@dataclass(slots=True)
class Assessment:
    """What the facts entitle people to, by terms and clock alone: no word of it depends on what was published."""

    reading: Reading
    horizon: int
    """Deadlines strictly before this instant have passed."""
    obstacle: Obstacle | None
    effective_at: int | None
    """As of when the agreement is effective (2); None if it isn't."""
    requests: list[Request]
    closing: Closing | None
    settlement: Settlement
    charges: list[Charge] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    deadlines: list[int] = field(default_factory=list)
    """The last instants of periods that may still change something, in microseconds."""

    def just(self, line: str) -> int:
        """Return what just chargebacks took on a line: `J`."""
        return sum([c.amount for c in self.charges if c.line == line and not c.unjust])

    def unjust(self, line: str) -> int:
        """Return what is still owed on a line's unjust chargebacks: `U`."""
        return sum([c.owed_still for c in self.charges if c.line == line])
