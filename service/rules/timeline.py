"""The timeline: applies an order's facts once, in the order in which they happened (F3).

The clauses' modules define which facts have a place on it and what these do (`registry.py`). This module has the state
that they share: units, quotes, purchases, requests, the state of the agreement, and the order's ending.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from service.rules.money import sums_of
from service.rules.quotes import Quote, plan_of
from service.rules.requests import settle_pending
from service.rules.units import BOUGHT, OPEN, VOID, State, Units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from purchasing_contracts.events.seller_response import PurchaseConfirmed

    from service.rules.assessment import Assessment, Grounds
    from service.rules.facts import Fact
    from service.rules.ledger import PassedDeadline
    from service.rules.order_view import OrderView
    from service.rules.quotes import Plan
    from service.rules.requests import Request
    from service.rules.unclear import Unclear
    from service.rules.units import Lot


class Rank:
    """The order of facts of one instant (F3). Whole numbers, because access to a member of an enum is slow."""

    QUOTE: Final = 2
    PURCHASE: Final = 3
    RECEIPT: Final = 4
    UNAVAILABLE: Final = 5
    REFUSED: Final = 6
    PAYMENT: Final = 7
    REQUEST: Final = 8
    ANSWER: Final = 9
    REQUEST_WITHDRAWN: Final = 10
    # The order of deadlines with the same last instant.
    ACCEPTANCE_ENDS: Final = 11
    BALANCE_IS_DUE: Final = 12
    RECEIPT_IS_DEEMED: Final = 13


Step = tuple[int, int, tuple[Any, ...], Callable[["Timeline", Any], None], Any]
"""A fact's place on the timeline: its instant; its rank; its place within the rank (requests and answers by
`request_id`, then all in fact order); the function that applies it; the function's argument besides the timeline."""

_PLACE = itemgetter(0, 1, 2)


class Place(NamedTuple):
    """The place of facts that are applied at their own time, whatever else is known of the order."""

    message: type[Any]
    rank: int
    apply: Callable[[Timeline, Any], None]
    """Applies the fact; its arguments are the timeline and the fact."""
    repeats: bool
    """Whether messages that repeat an identity are applied too."""


class Deadline(NamedTuple):
    """A deadline, which takes effect after all facts of its last instant and before each later fact."""

    rank: int
    outcome: str
    """The outcome of the decision that it leads to."""
    stands: Callable[[Timeline, int], bool]
    """Returns whether the period with this last instant still runs, by the state of the timeline."""
    pass_by: Callable[[Timeline], None]
    """The effect of its passing; none while the order is unclear (F5)."""


class Ending:
    """The cause by which units, or the order, ended."""

    __slots__ = ("at", "by_answer", "by_deadline", "cite", "grounds", "is_final", "kind", "number", "request")

    def __init__(
        self,
        kind: str,
        grounds: Grounds,
        at: int,
        request: Request | None = None,
        *,
        by_answer: bool = False,
        by_deadline: bool = False,
        is_final: bool = False,
        cite: Callable[[Assessment, Ending], Grounds] | None = None,
    ) -> None:
        """See the attributes."""
        self.kind = kind
        """The outcome of `closing` if it ends the order."""
        self.grounds = grounds
        """The grounds of a refund for units that ended by it (R6)."""
        self.at = at
        self.request = request
        """The request that caused it."""
        self.by_answer = by_answer
        """Whether the seller's answer caused it, so that a later answer can undo it."""
        self.by_deadline = by_deadline
        """Whether a deadline caused it; `at` is then its last instant."""
        self.is_final = is_final
        """Whether it ends the order for good, so that later purchases don't concern the buyer."""
        self.cite = cite or _own_grounds
        """Returns what `closing` cites if it ends the order."""
        self.number = 0
        """Number of the ending, in the order in which endings took effect."""


def _own_grounds(_: Assessment, ending: Ending) -> Grounds:
    return ending.grounds


class Purchase:
    """A purchase that counts. Minor units."""

    __slots__ = ("at", "deposit", "goods", "id", "is_read", "shipping")

    def __init__(self, fact: Fact[PurchaseConfirmed], at: int, *, is_read: bool) -> None:
        """Read the message that counts; `is_read` is false if its amounts can't be read."""
        self.id: str = fact.data.purchase_id
        self.at = at
        self.goods, self.shipping, self.deposit = fact.worked_out(_charged)
        self.is_read = is_read

    @property
    def price(self) -> int:
        """Goods and shipping."""
        return self.goods + self.shipping


def _charged(data: PurchaseConfirmed) -> tuple[int, int, int]:
    return data.goods.value, data.to_warehouse_shipping.value, 0 if data.deposit is None else data.deposit.value


class Ignored(NamedTuple):
    """A fact that changes nothing (8(3))."""

    fact: Fact[Any]
    ground: str
    because_of: Ending | Request | None = None
    """The ending or request that its decision cites besides 8(3)."""


class Objection:
    """A buyer's objection and its state at a point of the timeline."""

    __slots__ = ("is_withdrawn", "scope", "verdict")

    def __init__(self, scope: str) -> None:
        """Begin unverified."""
        self.scope = scope
        self.verdict: str | None = None
        """The party that caused it, by the latest verification."""
        self.is_withdrawn = False

    @property
    def stands(self) -> bool:
        """Whether it is neither cleared nor withdrawn (R12)."""
        return not self.is_withdrawn and self.verdict not in ("none", "logistics")


class Receipt:
    """A receipt or a delivery in parts, by its messages so far."""

    __slots__ = ("has_objections", "named")

    def __init__(self) -> None:
        """Begin with nothing named."""
        self.has_objections = False
        self.named: dict[str, int] = {}
        """Units named so far, per item; for a message without a quantity, the units that it brought."""


class Period:
    """The period after which receipt is deemed confirmed (R12)."""

    __slots__ = ("last", "starts_at")

    def __init__(self) -> None:
        """Begin before the delivery is complete."""
        self.starts_at: int | None = None
        """None while it doesn't run."""
        self.last: int | None = None


class Timeline:
    """The state of an order after the last applied fact."""

    # Slots, because these attributes are read many times per order.
    __slots__ = (
        "_applied",
        "_deadlines",
        "_led_to",
        "_passed",
        "_skipped",
        "_uncovered",
        "accepted",
        "after_instant",
        "at",
        "bought_when_obligation_ended",
        "cancellations",
        "captured",
        "concerned",
        "confirmed_at",
        "customs_cleared",
        "deemed_at",
        "delivered_at",
        "dissolutions",
        "effective_at",
        "elsewhere",
        "end",
        "ending",
        "final_delivery",
        "final_receipt",
        "has_ended",
        "ignored",
        "is_effective",
        "last_ending",
        "not_counting",
        "objections",
        "obligation_ended_at",
        "obstacle",
        "packages",
        "period",
        "plan",
        "purchases",
        "quote",
        "quotes",
        "reached",
        "receipts",
        "requests",
        "unavailability",
        "unclear",
        "units",
        "verdicts",
        "view",
        "wakes",
        "watermark",
        "withdrawals",
    )

    captured: int
    """All captures so far, in minor units."""
    elsewhere: int
    """Refunded elsewhere on the purchase so far, in minor units."""
    withdrawals: dict[str, tuple[Fact[Any], Request, list[Request]]]
    """Withdrawals of requests, by message id: the first request that each names, and the requests that it changed."""
    bought_when_obligation_ended: dict[str | None, tuple[int, int]]
    """Only if a promoter is named: weight and number of the units bought at that time, per purchase; None: of all
    units."""
    effective_at: int | None
    obligation_ended_at: int | None
    delivered_at: int | None
    """The instant at which the delivery was complete."""
    confirmed_at: int | None
    deemed_at: int | None
    reached: int
    """The instant up to which all facts and deadlines were applied, in microseconds."""
    wakes: list[int]
    """Last instants that have not passed yet, in microseconds."""
    _skipped: list[int]
    """Last instants before an applied fact that the watermark has not passed."""
    _applied: list[Step]

    def __init__(self, view: OrderView, watermark: int, unclear: Unclear, passed: Mapping[str, PassedDeadline]) -> None:
        """Begin when the order was placed; deadlines before `watermark` (microseconds) have passed.

        So have those of `passed`, by the outcome that they led to.
        """
        self.view = view
        self.watermark = watermark
        self.unclear = unclear
        self.concerned = view.concerned
        self.at = view.placed_at
        self.units = Units(view.placing)
        self.quote = Quote(view.placed_at, view.quote, 1, None)
        """The quote in force: the latest."""
        self.quotes = [self.quote]
        self._uncovered: list[Quote] = []
        self.purchases: list[Purchase] = []
        self.not_counting: dict[str, Ignored] = {}
        """Purchases that don't count, by id."""
        self.cancellations: dict[tuple[str, str], Request] = {}
        """By id and channel."""
        self.dissolutions: dict[str, Request] = {}
        self.withdrawals = {}
        self.requests: list[Request] = []
        """All requests made so far."""
        self.objections: dict[str, Objection] = {}
        self.receipts: dict[str, Receipt] = {}
        self.verdicts: dict[str, str] = {}
        """Verdicts on the warehouse's objections, by receipt: who caused them, by the latest verification."""
        self.bought_when_obligation_ended = {}
        self.packages: dict[str, Receipt] = {}
        self.period = Period()
        self.ignored: list[Ignored] = []
        self.unavailability: list[tuple[str, str]] = []
        """Message id and outcome of each unavailability."""
        self.reached = self.at
        self.wakes, self._skipped, self._applied = [], [], []
        self.after_instant: list[Callable[[Timeline], None]] = []
        """Functions to call after all facts of an instant."""
        self._led_to = passed
        self._deadlines: list[tuple[int, int, Deadline]] = []
        """A heap by last instant and rank."""
        self._passed: set[tuple[int, int]] = set()
        self.plan: Plan | None = None
        self.accepted: Fact[Any] | None = None
        self.captured = self.elsewhere = 0
        self.effective_at = None
        self.is_effective = False
        """Whether the agreement is effective (2)."""
        self.obstacle: Ending | None = None
        """The ending by R3, if there is one."""
        self.end: Ending | None = None
        """The ending that ended the order for good."""
        self.last_ending: Ending | None = None
        """The last ending of a unit."""
        self.has_ended = False
        """Whether the order has ended (R20): for good, or because no unit is open or bought."""
        self.ending: Ending | None = None
        """The ending of the order; None if it has not ended."""
        self.final_receipt = self.final_delivery = self.customs_cleared = False
        self.obligation_ended_at = self.delivered_at = self.confirmed_at = self.deemed_at = None

    # For the clauses.

    def take_effect(self) -> None:
        """Make the agreement effective as of now."""
        self.effective_at, self.is_effective = self.at, True

    @property
    def logistics_at_fault(self) -> bool:
        """Whether a package objection was verified as caused by the logistics provider (17)."""
        for one in self.objections.values():
            if one.scope == "package" and one.verdict == "logistics" and not one.is_withdrawn:
                return True
        return False

    def end_lots(self, lots: Iterable[Lot], state: State, ending: Ending) -> None:
        """End units that are open or bought."""
        self._count(ending)
        for lot in lots:
            lot.state, lot.is_live, lot.ended_by = state, False, ending
        self._note_whether_ended()
        settle_pending(self)

    def end_order(self, ending: Ending) -> None:
        """End the order for good, with all units that have not ended."""
        self.end = ending
        self.end_lots(self.units.live(), VOID, ending)

    def restore(self, lots: Iterable[Lot]) -> None:
        """Restore units to bought or open."""
        for lot in lots:
            lot.state = VOID if self.end is not None else OPEN if lot.purchase is None else BOUGHT
            lot.is_live, lot.ended_by = self.end is None, self.end
        self._note_whether_ended()

    def _note_whether_ended(self) -> None:
        self.has_ended = self.end is not None or self.units.have_ended
        self.ending = None
        if self.has_ended:
            self.ending = self.last_ending if self.end is None else self.end

    def ignore(self, fact: Fact[Any], ground: str, because_of: Ending | Request | None = None) -> None:
        """Note that a fact changes nothing."""
        self.ignored.append(Ignored(fact, ground, because_of))

    def revise_quote(self, fact: Fact[Any]) -> None:
        """Put a revised quote in force, unless the order has ended."""
        if self.has_ended:
            self.ignore(fact, "order_ended", self.ending)
            return
        data = fact.data
        quote = Quote(self.at, sums_of(data.quote), 1 << len(self.quotes), data.items)
        self.quote = quote
        self.quotes.append(quote)
        self._uncovered.append(quote)
        if data.payment_plan is not None:
            self._put_in_force(plan_of(data.payment_plan))
        self._cover()

    def set_deadline(self, last: int, deadline: Deadline) -> None:
        """Add a deadline that takes effect after this instant (microseconds), if its period still runs then.

        One that led to a decision that stands has passed, whatever the watermark is now.
        """
        heappush(self._deadlines, (last, deadline.rank, deadline))
        if last >= self.watermark and deadline.outcome in self._led_to and self._led_to[deadline.outcome].is_at(last):
            self.watermark = last + 1

    def _put_in_force(self, plan: Plan) -> None:
        self.plan = plan
        for follow in self.concerned.plan:
            follow(self, plan)

    def _cover(self) -> None:
        """Apply the coverage of this instant's quotes to the units that have not ended."""
        for quote in self._uncovered:
            for lot in self.units.lots:
                lot.covered &= ~quote.bit
            lots = self.units.live() if quote.items is None else self.units.choose(quote.items, _is_live, _bought_first)
            for lot in lots:
                lot.covered |= quote.bit

    def _count(self, ending: Ending) -> None:
        ending.number = 1 if self.last_ending is None else self.last_ending.number + 1
        self.last_ending = ending

    # Application of the facts.

    def run(self) -> Timeline:
        """Apply all facts; return the state after the last one and after the deadlines that have passed."""
        self._begin()
        self._applied = self._steps()
        self._apply(self._applied)
        return self

    def go_on(self, watermark: int, *, has_new_facts: bool) -> Timeline | None:
        """Apply the facts added to the view; return None if those that were applied are no longer the first ones.

        `bookmark.py` says when this may be asked. After None, this timeline is of no more use.
        """
        self.watermark, self.concerned = watermark, self.view.concerned
        new: list[Step] = []
        if has_new_facts:
            steps, applied = self._steps(), self._applied
            if steps[: len(applied)] != applied:
                return None
            new, self._applied = steps[len(applied) :], steps
        self._apply(new)
        return self

    @property
    def can_go_on(self) -> bool:
        """Whether facts that come later can be applied to it."""
        for passed in self._led_to.values():
            if passed.decision.since_at >= self.watermark:
                return False  # a later fact may set that deadline again, which raises the watermark
        return not (self._skipped or self.withdrawals) and self.unclear.is_clear

    def _apply(self, steps: list[Step]) -> None:
        """Apply these facts, then pass the deadlines."""
        now: int | None = None
        tested = False
        deadlines, after_instant, payment = self._deadlines, self.after_instant, Rank.PAYMENT
        for at, rank, _, apply, subject in steps:
            if at != now:
                if now is not None:
                    if not tested and (self.effective_at is None or self._uncovered):
                        self._test()
                    if after_instant or self._uncovered:
                        self._end_instant()
                if deadlines and deadlines[0][0] < at:
                    self._pass_deadlines(at)
                self.at = now = at
                tested = False
            if not tested and rank > payment:
                if self.effective_at is None or self._uncovered:
                    self._test()
                tested = True
            apply(self, subject)
        if now is not None:
            if not tested:
                self._test()
            self._end_instant()
        self.reached = max(self.reached, self.at)
        self.wakes = self._skipped
        if deadlines:
            self._pass_deadlines(self.watermark)
            self.wakes = self._skipped + [last for last, _, deadline in deadlines if deadline.stands(self, last)]

    def _begin(self) -> None:
        for begin in self.concerned.begin:
            begin(self)
        if self.view.placed.payment_plan is not None:
            self._put_in_force(plan_of(self.view.placed.payment_plan))

    def _steps(self) -> list[Step]:
        """Return the facts that have a place on the timeline, in order."""
        view, steps = self.view, list[Step]()
        for message, rank, apply, repeats in self.concerned.places:
            for fact in view.messages(message) if repeats else view.counted(message):
                steps.append((fact.at, rank, (0, "", fact), apply, fact))  # there is usually one
        for give in self.concerned.steps:
            steps += give(self)
        steps.sort(key=_PLACE)
        return steps

    def _test(self) -> None:
        if self._uncovered:
            self._cover()
        if self.effective_at is None and (self.accepted is not None or self.purchases) and not self.has_ended:
            for test in self.concerned.test:
                test(self)

    def _end_instant(self) -> None:
        for follow in self.after_instant.copy():
            follow(self)
        if self._uncovered:
            self._cover()
            self._uncovered = []

    def _pass_deadlines(self, until: int) -> None:
        """Apply the deadlines whose last instant is before an instant. Skip one that the watermark has not passed."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] < until:
            last, rank, deadline = heappop(deadlines)
            self.reached = last
            if (last, rank) in self._passed or not deadline.stands(self, last):
                continue
            self._passed.add((last, rank))
            if last >= self.watermark:
                self._skipped.append(last)
                continue
            self.at = last
            deadline.pass_by(self)
            self._end_instant()


def _is_live(lot: Lot) -> bool:
    return lot.is_live


def _bought_first(lot: Lot) -> tuple[int, ...]:
    return (lot.state is OPEN, lot.first)
