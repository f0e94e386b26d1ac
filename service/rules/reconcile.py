"""Reconciliation of money: what is due on each line, less what was commanded on it (22, "No one is paid twice")."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.rules.assessment import Due, Route, StandingAmount
from service.rules.clause_06 import NOTHING_DUE
from service.rules.clause_12 import OWED
from service.rules.clause_19 import LINE as BROKERAGE
from service.rules.clause_22 import WITHHELD
from service.rules.ledger import LineTotals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds
    from service.rules.ledger import Ledger

OWED_LINE = "owed"
"""The line on which a buyer pays what it owes (`buyer_owes`)."""

_UNTOUCHED = LineTotals()


class Payout(NamedTuple):
    """Money to command now. Minor units; `payment_id` where it goes back on a payment."""

    line: str
    amount: int
    destination: str
    payment_id: str | None
    grounds: Grounds


class Balance(NamedTuple):
    """How one line stands. Minor units."""

    due: Due
    """What the clauses say is due."""
    gross: int
    """What is due less what just chargebacks took."""
    commanded: int
    """All that was ever commanded on the line."""
    failed: int
    """What came back of it because the payment it went to took no more."""
    repaid: int
    """What was paid back on the line."""
    pay: int
    """What is to be commanded now."""
    withheld: int
    """What is due and kept back while an unjust chargeback has the money."""
    demanded: int
    """What was commanded beyond what is due."""
    undeliverable: int
    """What failed without a payment: people solve this."""


class Reconciled(NamedTuple):
    """What follows for all lines."""

    balances: list[Balance]
    payouts: list[Payout]
    brokerage: int
    brokerage_grounds: Grounds
    amounts: list[StandingAmount]
    withheld: dict[str, int]


class _Returned(NamedTuple):
    """What came back of what was commanded."""

    repaid: dict[str, int]
    failed_on: dict[tuple[str, str], int]
    """Failed refunds by line and payment."""
    failed_elsewhere: dict[str, int]
    """Failed refunds without a payment, by line."""
    closed_payments: frozenset[str]
    """A payment on which a refund failed takes no more."""


def reconcile(case: Assessment, ledger: Ledger) -> Reconciled:
    """Return what is to be commanded, withheld and demanded on every line that is due or was touched."""
    came_back = _came_back(case)
    charged_back: dict[str, int] = {}
    for charge in case.charges:
        charged_back[charge.payment_id] = charged_back.get(charge.payment_id, 0) + charge.amount
    result = Reconciled([], [], 0, (), [], {})
    for due in _lines(case, ledger, came_back):
        totals = ledger.lines.get(due.line, _UNTOUCHED)
        balance = _balance(case, due, totals, came_back)
        result.balances.append(balance)
        undeliverable = balance.undeliverable
        if balance.pay and due.line == BROKERAGE:
            if case.reading.placed.promotion is None:
                undeliverable += balance.pay  # nobody to transfer it to: people solve this
            else:
                result = result._replace(brokerage=balance.pay, brokerage_grounds=due.grounds)
        elif balance.pay:
            payouts = list(_routed(due, balance.pay, totals, came_back, charged_back))
            result.payouts.extend(payouts)
            elsewhere = sum([payout.amount for payout in payouts if payout.payment_id is None])
            undeliverable = _undeliverable(due.line, totals, came_back, elsewhere)
        if balance.withheld:
            result.withheld[due.line] = balance.withheld
        result.amounts.extend(_standing(due, balance, undeliverable))
    owed = case.settlement.owed - came_back.repaid.get(OWED_LINE, 0)
    if owed > 0:
        result.amounts.append(StandingAmount("buyer_owes", case.reading.order_id, owed, case.settlement.owed_grounds))
    return result


def _standing(due: Due, balance: Balance, undeliverable: int) -> Iterator[StandingAmount]:
    if balance.withheld:
        yield StandingAmount("refund_withheld", due.line, balance.withheld, (WITHHELD,))
    if balance.demanded:
        yield StandingAmount("repayment_demand", due.line, balance.demanded, due.grounds)
    if undeliverable:
        yield StandingAmount("refund_undeliverable", due.line, undeliverable, due.grounds)


def _came_back(case: Assessment) -> _Returned:
    reading = case.reading
    failed_on: dict[tuple[str, str], int] = {}
    failed_elsewhere: dict[str, int] = {}
    for line, payment_id, amount in reading.failed():
        if payment_id is None:
            failed_elsewhere[line] = failed_elsewhere.get(line, 0) + amount
        else:
            failed_on[line, payment_id] = failed_on.get((line, payment_id), 0) + amount
    closed = frozenset([payment_id for _, payment_id in failed_on])
    return _Returned(reading.repaid(), failed_on, failed_elsewhere, closed)


def _lines(case: Assessment, ledger: Ledger, came_back: _Returned) -> Iterator[Due]:
    """Yield what is due on every line: as the clauses say, then nothing on lines that only money touched."""
    known = set()
    for due in case.dues:
        known.add(due.line)
        yield due
    others = (ledger.lines.keys() | came_back.repaid.keys()) - known
    for line in sorted(others):
        yield Due(line, 0, (OWED,) if line == OWED_LINE else (NOTHING_DUE,))


def _balance(case: Assessment, due: Due, totals: LineTotals, came_back: _Returned) -> Balance:
    """Return how a line stands, with just (J) and unjust (U) chargebacks set off against what is due."""
    line = due.line
    gross = due.amount
    payable = gross
    if case.charges:
        gross = max(0, gross - case.just(line))
        payable = max(0, gross - case.unjust(line))
    repaid = came_back.repaid.get(line, 0)
    if line == OWED_LINE:
        # What was owed is the provider's; only what was paid beyond it is the buyer's again.
        repaid = max(0, repaid - case.settlement.owed)
    failed = 0
    for (failed_line, payment_id), amount in came_back.failed_on.items():
        if failed_line == line:
            failed += min(amount, totals.by_payment.get(payment_id, 0))
    out = totals.commanded - failed - repaid
    return Balance(
        due=due,
        gross=gross,
        commanded=totals.commanded,
        failed=failed,
        repaid=repaid,
        pay=max(0, payable - out),
        withheld=max(0, gross - max(payable, out)),
        demanded=max(0, out - gross),
        undeliverable=_undeliverable(line, totals, came_back, 0),
    )


def _undeliverable(line: str, totals: LineTotals, came_back: _Returned, now: int) -> int:
    """Return what failed without a payment, at most what was commanded that way, `now` included. Minor units."""
    return min(came_back.failed_elsewhere.get(line, 0), totals.to_deposit + totals.to_account + now)


def _routed(
    due: Due, amount: int, totals: LineTotals, came_back: _Returned, charged_back: dict[str, int]
) -> Iterator[Payout]:
    """Yield where an amount goes: along the line's routes, each up to its room, the rest to the buyer's account."""
    for route in due.routes:
        room = _room(route, totals, came_back, charged_back)
        part = min(amount, room)
        if part > 0:
            amount -= part
            yield Payout(due.line, part, route.destination, route.payment_id, due.grounds)
    if amount:
        yield Payout(due.line, amount, "buyer_account", None, due.grounds)


def _room(route: Route, totals: LineTotals, came_back: _Returned, charged_back: dict[str, int]) -> int:
    """Return how much a route still takes: what it brought in, less what was commanded to it and charged back on it."""
    if route.payment_id is None:
        return route.brought - totals.to_deposit
    if route.payment_id in came_back.closed_payments:
        return 0
    commanded = totals.by_payment.get(route.payment_id, 0)
    return route.brought - commanded - charged_back.get(route.payment_id, 0)
