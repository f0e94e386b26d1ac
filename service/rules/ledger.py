"""What was already published for an order, folded from its journal of outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade

from service.rules.facts import micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from purchasing_contracts.basis import Basis
    from purchasing_contracts.published import PublishedData


@dataclass(frozen=True, slots=True)
class Output:
    """One command or decision. `version` counts the order's outputs from 1; `at` is when, in microseconds."""

    id: str
    version: int
    at: int
    data: PublishedData


@dataclass(frozen=True, slots=True)
class Standing:
    """The last decision of a key (kind, ref)."""

    id: str
    outcome: str
    amount: int | None
    grounds: tuple[Basis, ...]
    due_at: int | None = None
    """Of a payment demand: by when, as it said, in microseconds."""
    since_version: int = 0
    """Of a payment demand: the version of the output from whose publication its days run."""
    since_at: int = 0
    """When that output (of another kind: this decision) was decided, in microseconds."""


@dataclass(frozen=True, slots=True)
class LineTotals:
    """What was commanded on a line, in minor units."""

    commanded: int = 0
    by_payment: Mapping[str, int] = field(default_factory=dict)
    to_deposit: int = 0
    to_account: int = 0
    last_id: str = ""
    """The id of the line's last command, so that no two steps share an id."""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """The holds placed for one chargeback: the one that stands (None if none) and how many there were."""

    hold_id: str | None
    amount: int
    placed: int
    last_id: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """An immutable fold of an order's outputs."""

    version: int = 0
    standing: Mapping[tuple[str, str], Standing] = field(default_factory=dict)
    lines: Mapping[str, LineTotals] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    deducted: frozenset[str] = frozenset()
    """The chargebacks for which the deposit was asked: once each (22)."""
    currency: str | None = None
    """Of what was commanded on lines; None while nothing was."""

    EMPTY: ClassVar[Ledger]

    def after(self, outputs: Iterable[Output]) -> Ledger:
        """Return the ledger with these outputs too, in order of version; kinds it doesn't know only count."""
        fold = _Fold(self)
        for output in outputs:
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
        self._deducted = ledger.deducted
        self._currency = ledger.currency

    def ledger(self) -> Ledger:
        return Ledger(self._version, self._standing, self._lines, self._holds, self._deducted, self._currency)

    def add(self, output: Output) -> None:
        self._version = output.version
        data: Any = output.data
        if isinstance(data, DecisionMade):
            self._decision(output, data)
        elif isinstance(data, RefundIssue):
            self._refund(output.id, data)
        elif isinstance(data, DeductionExecute):
            self._deduction(output.id, data)
        elif isinstance(data, FreezePlace):
            known = self._holds.get(data.ref)
            placed = known.placed + 1 if known is not None else 1
            self._holds[data.ref] = Hold(data.hold_id, data.amount.value, placed, output.id)
        elif isinstance(data, FreezeRelease):
            placed_before = self._holds[data.ref]
            # A hold is replaced by placing the new one first: releasing the old one must not end the new.
            stands = placed_before.hold_id if placed_before.hold_id != data.hold_id else None
            self._holds[data.ref] = replace(placed_before, hold_id=stands, last_id=output.id)

    def _decision(self, output: Output, data: DecisionMade) -> None:
        key = (data.kind, data.ref)
        amount = None if data.amount is None else data.amount.value
        since_version, since_at, due_at = output.version, output.at, None
        if data.due_at is not None:
            due_at = micros(data.due_at)
            before = self._standing.get(key)
            falls = before is not None and amount is not None and (before.amount or 0) >= amount
            if before is not None and falls and before.due_at == due_at:
                since_version, since_at = before.since_version, before.since_at
        self._standing[key] = Standing(output.id, data.outcome, amount, data.basis, due_at, since_version, since_at)

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
            totals.commanded + amount, by_payment, to_deposit, to_account, command_id, totals.count + 1
        )

    def _deduction(self, command_id: str, data: DeductionExecute) -> None:
        if data.purpose == "chargeback_recovery":
            self._deducted |= {data.ref}
            return
        self._currency = data.amount.currency
        totals = self._lines.get(data.line) or LineTotals()
        self._lines[data.line] = replace(
            totals, commanded=totals.commanded + data.amount.value, last_id=command_id, count=totals.count + 1
        )
