"""The ledger: what was published for an order, folded from its journal of outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade

from service.rules.facts import micros
from service.rules.ids import deadline_id, demand_id, name_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from purchasing_contracts.basis import Basis
    from purchasing_contracts.published import PublishedData

_BEFORE_PURCHASE = "12(1)A"
"""The clause that a cancellation cites if a part was cancelled before the purchase."""
_BY_THE_SELLER = "12(1)B"
"""The clause that a cancellation cites if a part is pending or was answered by the seller."""

ROUNDS_MAX = 200
"""More rounds than a dispute can have: four stages, and at most 300 messages of a type."""


class UnknownOutputError(ValueError):
    """The journal has an output of a type that these rules don't know. Ignoring it would command its money again."""


class Output(NamedTuple):
    """One command or decision. `version`: number of the output in the order, from 1. `at`: when, in microseconds."""

    id: str
    version: int
    at: int
    data: PublishedData


@dataclass(slots=True)
class StandingDecision:
    """The last decision of a key (kind, ref)."""

    id: str
    outcome: str
    amount: int | None
    grounds: tuple[Basis, ...]
    ground: str | None = None
    since_at: int = 0
    """The instant of the decision, in microseconds; of a cancellation that ended open units, since it did so."""
    due_at: int | None = None
    """The last instant that it names, in microseconds."""
    previous: str = ""
    """The id of the decision before it."""

    @property
    def ended_open_units(self) -> bool:
        """Whether a cancellation ended units that were not bought."""
        return self.outcome == "withdrawn" or _BEFORE_PURCHASE in parts_of(self.outcome, self.grounds)

    @property
    def was_answered(self) -> bool:
        """Whether the seller agreed to a part of a cancellation."""
        return self.outcome != "pending" and _BY_THE_SELLER in parts_of(self.outcome, self.grounds)


BY_DEADLINE = {"deemed_confirmed": "receipt", "lapsed": "closing", "balance_unpaid": "closing"}
"""The outcomes that a passed deadline leads to, with the kinds of their decisions on the order."""


class PassedDeadline(NamedTuple):
    """A decision on the order that stands because a deadline passed.

    The deadline stays passed, even if the input's watermark is lower now: all input up to it had been read.
    """

    order_id: str
    outcome: str
    decision: StandingDecision

    def is_at(self, last: int) -> bool:
        """Return whether the deadline was that of a period with this last instant (microseconds)."""
        kind, id_, previous = BY_DEADLINE[self.outcome], self.decision.id, self.decision.previous
        if id_ == deadline_id(self.order_id, kind, self.outcome, last, previous):
            return True
        # Until version 0.2, the id did not contain the last instant.
        is_undated = id_ == name_id(self.order_id, DecisionMade.TYPE, kind, self.order_id, self.outcome, "", previous)
        return is_undated and last <= self.decision.since_at


def parts_of(outcome: str, grounds: Iterable[Basis]) -> frozenset[str]:
    """Return which of 12(1)A and 12(1)B the decision on a cancellation cites for parts of the request."""
    if outcome not in ("pending", "agreed", "partly_agreed"):
        return frozenset()
    return frozenset([basis.clause for basis in grounds]) & {_BEFORE_PURCHASE, _BY_THE_SELLER}


@dataclass(frozen=True, slots=True)
class LineTotals:
    """The sums commanded on a line, in minor units."""

    commanded: int = 0
    by_payment: Mapping[str, int] = field(default_factory=dict)
    to_deposit: int = 0
    to_account: int = 0
    last_id: str = ""
    """The id of the line's last command; it is part of the next one's id, so that no two steps share an id."""
    count: int = 0
    command_ids: tuple[str, ...] = ()
    amounts: tuple[int, ...] = ()
    """The amounts of these commands."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The holds placed for one chargeback."""

    placed: int
    """Number of holds placed."""
    chain: tuple[tuple[str, int], ...]
    """Id and amount of the holds placed since the last release. Each replaced the previous one, unless it was refused.
    """
    last_amount: int
    """The amount of the last command; 0 after a release."""
    last_id: str
    ids: tuple[str, ...] = ()
    """Ids of all holds ever placed."""
    replaces: bool = False
    """Whether the last command named the hold that it replaces."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The last payment demand on one chargeback."""

    number: int
    rounds: int
    """Number of rounds of the dispute known when it began."""
    is_open: bool
    since_version: int
    """Version of the output whose publication starts its period."""
    since_at: int
    """The instant of that output's decision, in microseconds."""
    due_at: int
    """Its last instant as published, in microseconds."""
    highest: int
    """The highest amount that it named."""


@dataclass(frozen=True, slots=True)
class BrokerageTotals:
    """The promoter's brokerage: deducted and transferred (19). Minor units."""

    deductions: tuple[str, ...] = ()
    """Ids of the deductions."""
    deducted: int = 0
    transferred: int = 0
    last_id: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """An immutable fold of an order's outputs."""

    version: int = 0
    standing: Mapping[tuple[str, str], StandingDecision] = field(default_factory=dict)
    lines: Mapping[str, LineTotals] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    demands: Mapping[str, Demand] = field(default_factory=dict)
    deductions: frozenset[str] = frozenset()
    """Ids of the deductions from the deposit; each is made once (22)."""
    brokerage: BrokerageTotals = BrokerageTotals()
    currency: str | None = None
    """The currency of commands on lines; None before the first."""

    EMPTY: ClassVar[Ledger]

    def passed_deadlines(self, order_id: str) -> Mapping[str, PassedDeadline]:
        """Return the deadlines by which decisions on the order stand, by outcome."""
        found: dict[str, PassedDeadline] = {}
        if not self.standing:
            return found
        for kind in ("receipt", "closing"):
            decision = self.standing.get((kind, order_id))
            if decision is not None and decision.outcome in BY_DEADLINE:
                found[decision.outcome] = PassedDeadline(order_id, decision.outcome, decision)
        return found

    def after(self, outputs: Iterable[Output]) -> Ledger:
        """Return the ledger including these outputs, sorted by version. Raises UnknownOutputError."""
        added = tuple(outputs)
        if not added:
            return self
        fold = _Fold(self)
        for output in added:
            fold.add(output)
        return fold.ledger()


Ledger.EMPTY = Ledger()


class _Fold:
    """Folds outputs into copies of a ledger's tables."""

    def __init__(self, ledger: Ledger) -> None:
        self._version = ledger.version
        self._standing = dict(ledger.standing)
        self._lines = dict(ledger.lines)
        self._holds = dict(ledger.holds)
        self._demands = dict(ledger.demands)
        self._deductions = ledger.deductions
        self._brokerage = ledger.brokerage
        self._currency = ledger.currency

    def ledger(self) -> Ledger:
        return Ledger(
            self._version,
            self._standing,
            self._lines,
            self._holds,
            self._demands,
            self._deductions,
            self._brokerage,
            self._currency,
        )

    def add(self, output: Output) -> None:
        self._version = output.version
        data: Any = output.data
        match data:
            case DecisionMade():
                self._decision(output, data)
            case RefundIssue():
                self._refund(output.id, data)
            case DeductionExecute():
                self._deduction(output.id, data)
            case BrokerageTransfer():
                totals = self._brokerage
                self._brokerage = replace(totals, transferred=totals.transferred + data.amount.value, last_id=output.id)
            case FreezePlace():
                self._place(output.id, data)
            case FreezeRelease():
                self._release(output.id, data)
            case _:
                raise UnknownOutputError(f"these rules don't know outputs of type {type(data).__name__}")

    def _decision(self, output: Output, data: DecisionMade) -> None:
        kind = data.kind
        key = (kind, data.ref)
        amount = None if data.amount is None else data.amount.value
        if kind == "payment_demand":
            self._demand(output, data, amount)
        stands = StandingDecision(output.id, data.outcome, amount, data.basis, data.ground, output.at)
        if data.due_at is not None:
            stands.due_at = micros(data.due_at)
        before = self._standing.get(key)
        if before is not None:
            stands.previous = before.id
            if kind == "cancellation" and before.ended_open_units and stands.ended_open_units:
                stands.since_at = before.since_at
        self._standing[key] = stands

    def _demand(self, output: Output, data: DecisionMade, amount: int | None) -> None:
        """Recognise by the decision's id whether it continues the open demand or begins a new one."""
        before = self._demands.get(data.ref)
        if amount is None:
            if before is not None:
                self._demands[data.ref] = replace(before, is_open=False)
            return
        if before is not None and before.is_open:
            goes_on = (before.number, before.rounds)
            if data.due_at is None or output.id == self._demand_id(data, amount, goes_on):
                self._demands[data.ref] = replace(before, highest=max(before.highest, amount))
                return
        number = 1 if before is None else before.number + 1
        rounds = self._rounds(output, data, amount, number)
        if rounds is None:
            # In version 0.1, the period of an open demand began again when its amount rose.
            if before is not None and before.is_open:
                if amount <= before.highest:
                    return
                number = before.number
            rounds = 1
        due_at = output.at if data.due_at is None else micros(data.due_at)
        self._demands[data.ref] = Demand(number, rounds, True, output.version, output.at, due_at, amount)

    def _rounds(self, output: Output, data: DecisionMade, amount: int, number: int) -> int | None:
        for rounds in range(1, ROUNDS_MAX):
            if output.id == self._demand_id(data, amount, (number, rounds)):
                return rounds
        return None

    def _demand_id(self, data: DecisionMade, amount: int, demand: tuple[int, int]) -> str:
        standing = self._standing.get((data.kind, data.ref))
        previous = "" if standing is None else standing.id
        return demand_id(data.order_id, data.ref, data.outcome, amount, demand, previous)

    def _refund(self, command_id: str, data: RefundIssue) -> None:
        totals = self._lines.get(data.line) or LineTotals()
        amount = data.amount.value
        self._currency = data.amount.currency
        by_payment = totals.by_payment
        to_deposit, to_account = totals.to_deposit, totals.to_account
        if data.payment_id is not None:
            by_payment = {**by_payment, data.payment_id: by_payment.get(data.payment_id, 0) + amount}
        elif data.destination == "deposit":
            to_deposit += amount
        else:
            to_account += amount
        self._lines[data.line] = LineTotals(
            totals.commanded + amount,
            by_payment,
            to_deposit,
            to_account,
            command_id,
            totals.count + 1,
            (*totals.command_ids, command_id),
            (*totals.amounts, amount),
        )

    def _deduction(self, command_id: str, data: DeductionExecute) -> None:
        if data.purpose == "chargeback_recovery":
            self._deductions |= {data.deduction_id}
            return
        self._currency = data.amount.currency
        totals = self._brokerage
        self._brokerage = replace(
            totals,
            deductions=(*totals.deductions, data.deduction_id),
            deducted=totals.deducted + data.amount.value,
            last_id=command_id,
        )

    def _place(self, command_id: str, data: FreezePlace) -> None:
        known = self._holds.get(data.ref)
        placed, chain, ids = (0, (), ()) if known is None else (known.placed, known.chain, known.ids)
        amount = data.amount.value
        self._holds[data.ref] = Hold(
            placed + 1,
            (*chain, (data.hold_id, amount)),
            amount,
            command_id,
            (*ids, data.hold_id),
            data.replaces is not None,
        )

    def _release(self, command_id: str, data: FreezeRelease) -> None:
        hold = self._holds[data.ref]
        # Version 0.1 placed a new hold before it released the previous one, so the new one is still in force.
        stands_on = bool(hold.chain) and hold.chain[-1][0] != data.hold_id and not hold.replaces
        chain = hold.chain[-1:] if stands_on else ()
        last_amount = hold.last_amount if stands_on else 0
        self._holds[data.ref] = replace(hold, chain=chain, last_amount=last_amount, last_id=command_id)
