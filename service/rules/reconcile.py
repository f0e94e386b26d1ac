"""Reconciliation of lines: from what is due and what was commanded to the commands that are missing (R16, R22)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.basis import Basis
from purchasing_contracts.events.payment import RefundedElsewhere, RefundFailed, RepaymentReceived

from service.rules.assessment import Due, StandingAmount
from service.rules.chargebacks import PURCHASE, roles_by_payment
from service.rules.ledger import LineTotals
from service.rules.requests import clauses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.rules.assessment import Assessment, Grounds, Route, StandingOutcome
    from service.rules.ledger import Ledger
    from service.rules.order_view import OrderView
    from service.rules.outputs import Command

COMPENSATION = "compensation"
OWED = "owed"
BROKERAGE = "brokerage"
ACCOUNT = "buyer_account"

_UNTOUCHED = LineTotals()
_TURNS = {PURCHASE: 0, COMPENSATION: 1, OWED: 2, "chargeback": 3, "tip": 4}
"""The order of lines, by kind."""
_NOTHING_DUE = Basis(clause="6", because="nothing is due on this line")
_NO_TIP_DUE = Basis(clause="21", because="nothing is due on this tip")
_WITHHELD = Basis(clause="22", because="due, but kept back while a chargeback has the money or a claim stands")


@dataclass(slots=True)
class Followed:
    """Standing amounts and commands that follow from what was published."""

    amounts: tuple[StandingAmount, ...] = ()
    commands: tuple[Command, ...] = ()
    outcomes: tuple[StandingOutcome, ...] = ()
    wake_at: int | None = None
    """The instant at which to look at the order again, unless something happens before; in microseconds."""


class Payout(NamedTuple):
    """Money to command now. Minor units; `payment_id` if it is refunded to a payment."""

    line: str
    amount: int
    destination: str
    payment_id: str | None
    grounds: Grounds


class LineBalance:
    """The balance of one line. Minor units."""

    __slots__ = (
        "commanded",
        "demanded",
        "due",
        "elsewhere",
        "failed",
        "gross",
        "out",
        "pay",
        "payable",
        "repaid",
        "set_off",
        "undeliverable",
        "withheld",
        "withheld_for",
    )

    def __init__(self, due: Due, commanded: int) -> None:
        """Begin with the amount due by the clauses, and the amount commanded."""
        self.due = due
        self.gross = self.payable = due.amount
        """`gross`: the amount due less what accepted chargebacks took. `payable`: the part that nothing on the line
        stops."""
        self.commanded = self.out = commanded
        self.demanded = 0
        """Paid out beyond the amount due, and not set off."""
        self.elsewhere = 0
        """Refunded elsewhere."""
        self.failed = 0
        """Returned because the payment it went to accepted no more."""
        self.repaid = 0
        self.pay = 0
        """To command now."""
        self.withheld = 0
        """Due and withheld."""
        self.withheld_for: Grounds = ()
        """The clauses for withholding."""
        self.set_off = 0
        """Paid out beyond the amount due, and withheld on other lines or claimed with a chargeback."""
        self.undeliverable = 0
        """Failed refunds without a payment; people handle them."""


@dataclass(slots=True)
class Reconciled:
    """The result for all lines."""

    balances: list[LineBalance]
    payouts: list[Payout]
    amounts: list[StandingAmount]
    claims: dict[str, int]
    """Per chargeback: what is left to claim, at least the floor."""


class PaidOut(NamedTuple):
    """Money that left or came back without this service's commands, per line. Minor units."""

    elsewhere: dict[str, dict[str | None, int]]
    """Per payment; None: the buyer's account."""
    repaid: dict[str, int]
    failed: dict[str, dict[str, int]]
    """Failed refunds to payments."""
    failed_elsewhere: dict[str, int]
    closed_payments: frozenset[str]
    """Payments with a failed refund, which accept no more."""


_OF_PAYOUTS: frozenset[type[Any]] = frozenset({RefundedElsewhere, RepaymentReceived, RefundFailed})
_NOTHING_PAID_OUT = PaidOut({}, {}, {}, {}, frozenset())


def paid_out(view: OrderView) -> PaidOut:
    """Return the money that left or came back by the facts."""
    if not view.has_any(_OF_PAYOUTS):
        return _NOTHING_PAID_OUT
    found = PaidOut({}, {}, {}, {}, frozenset())
    for refund in view.counted(RefundedElsewhere):
        by_payment = found.elsewhere.setdefault(refund.data.line, {})
        payment = refund.data.payment_id
        by_payment[payment] = by_payment.get(payment, 0) + refund.data.amount.value
    for repaid in view.counted(RepaymentReceived):
        line = repaid.data.line
        found.repaid[line] = found.repaid.get(line, 0) + repaid.data.amount.value
    if not view.messages(RefundFailed):
        return found
    for failure in view.counted(RefundFailed):
        line, payment_id, amount = failure.data.line, failure.data.payment_id, failure.data.amount.value
        if payment_id is None:
            found.failed_elsewhere[line] = found.failed_elsewhere.get(line, 0) + amount
        else:
            failed = found.failed.setdefault(line, {})
            failed[payment_id] = failed.get(payment_id, 0) + amount
    closed = frozenset([payment for failed in found.failed.values() for payment in failed])
    return found._replace(closed_payments=closed)


def out_of(line: str, totals: LineTotals, paid: PaidOut) -> tuple[int, int, int, int]:
    """Return the amount out on a line, and its parts: refunded elsewhere, failed, repaid. Minor units."""
    if paid is _NOTHING_PAID_OUT:
        return totals.commanded, 0, 0, 0
    elsewhere = paid.elsewhere.get(line, {})
    failed = 0
    for payment, amount in paid.failed.get(line, {}).items():
        failed += min(amount, totals.by_payment.get(payment, 0) + elsewhere.get(payment, 0))
    repaid = paid.repaid.get(line, 0)
    given_elsewhere = sum(elsewhere.values())
    counts = 0 if line == OWED or line.startswith("chargeback:") else repaid
    return totals.commanded + given_elsewhere - failed - counts, given_elsewhere, failed, repaid


def reconcile(case: Assessment, ledger: Ledger, paid: PaidOut) -> Reconciled:
    """Return what to command, withhold and demand on each line that is due or had money."""
    balances: list[LineBalance] = []
    sets_off = bool(case.chargebacks)
    for due in _lines(case, ledger, paid):
        balance = _balance(case, due, ledger, paid)
        balances.append(balance)
        if balance.demanded:
            sets_off = True
    claims = _set_off(case, balances) if sets_off else {}
    result = Reconciled(balances, [], [], claims)
    for balance in balances:
        line = balance.due.line
        if not sets_off and balance.payable > balance.out:
            balance.pay = balance.payable - balance.out
        payouts: list[Payout] = []
        if balance.pay:
            payouts = list(_routed(case, balance, ledger.lines.get(line, _UNTOUCHED), paid))
            result.payouts.extend(payouts)
        if line in paid.failed_elsewhere:
            failed, totals = paid.failed_elsewhere[line], ledger.lines.get(line, _UNTOUCHED)
            now = sum([payout.amount for payout in payouts if payout.payment_id is None])
            gone = totals.to_deposit + totals.to_account + now + paid.elsewhere.get(line, {}).get(None, 0)
            balance.undeliverable = min(failed, gone)
        if balance.withheld or balance.demanded or balance.undeliverable:
            result.amounts.extend(_standing(balance))
    return result


def _standing(balance: LineBalance) -> Iterator[StandingAmount]:
    line, grounds = balance.due.line, balance.due.grounds
    if balance.withheld:
        yield StandingAmount("refund_withheld", line, balance.withheld, clauses_of(balance.withheld_for), "withheld")
    if balance.demanded:
        yield StandingAmount("repayment_demand", line, balance.demanded, grounds, "demanded")
    if balance.undeliverable:
        yield StandingAmount("refund_undeliverable", line, balance.undeliverable, grounds, "noted")


def _lines(case: Assessment, ledger: Ledger, paid: PaidOut) -> list[Due]:
    """Return the amount due on each line: by the clauses, or 0 for a line that only had money."""
    dues = list(case.dues)
    had_money = (*ledger.lines, *paid.repaid, *paid.elsewhere)
    if had_money:
        known = {BROKERAGE, *[due.line for due in dues]}
        for line in had_money:
            if line not in known:
                known.add(line)
                dues.append(Due(line, 0, (_NO_TIP_DUE if line.startswith("tip:") else _NOTHING_DUE,)))
    if len(dues) > 1:
        dues.sort(key=_turn)
    return dues


def _turn(due: Due) -> tuple[int, str]:
    kind, _, id_ = due.line.partition(":")
    return _TURNS.get(kind, len(_TURNS)), id_ or due.line


def _balance(case: Assessment, due: Due, ledger: Ledger, paid: PaidOut) -> LineBalance:
    """Return a line's own balance: J and U are set off against the amount due, and F5 may stop it."""
    line = due.line
    totals = ledger.lines.get(line, _UNTOUCHED)
    balance = LineBalance(due, totals.commanded)
    if paid is not _NOTHING_PAID_OUT:
        balance.out, balance.elsewhere, balance.failed, balance.repaid = out_of(line, totals, paid)
    if case.chargebacks:
        if line != PURCHASE:
            balance.gross = max(0, due.amount - case.accepted(line))
        balance.payable = max(0, balance.gross - case.claimed(line))
        if line in _stopped_lines(case):
            balance.payable = min(balance.payable, balance.out)
        balance.withheld = max(0, balance.gross - max(balance.payable, balance.out))
        if balance.withheld:
            balance.withheld_for = (_WITHHELD,)
    if balance.out > balance.gross:
        balance.demanded = balance.out - balance.gross
    if balance.demanded and line.startswith("chargeback:"):
        for chargeback in case.chargebacks:
            if f"chargeback:{chargeback.id}" == line and chargeback.owed_shares:
                balance.demanded = max(0, min(balance.out, due.amount) - balance.gross)
                balance.set_off = max(0, balance.out - balance.gross) - balance.demanded
    return balance


def _stopped_lines(case: Assessment) -> set[str]:
    """Return the lines without further refunds, because a chargeback of their payment can't be read (F5)."""
    found: set[str] = set()
    if not any(chargeback.is_unread for chargeback in case.chargebacks):
        return found
    roles = roles_by_payment(case.view)
    for chargeback in case.chargebacks:
        if chargeback.is_unread:
            found.update([role.line for role in roles.get(chargeback.payment_id, ())] or [PURCHASE])
    return found


def _set_off(case: Assessment, balances: list[LineBalance]) -> dict[str, int]:
    """Set payable amounts off against claims and overpaid lines; return what is left to claim (R22).

    First each line's own withheld amount covers its chargebacks, then the lines are set off in order.
    """
    left = {(one.id, part.line): part.brought for one in case.chargebacks for part in one.remaining}
    for balance in balances:
        covers = balance.withheld
        for key in left:
            if key[1] == balance.due.line:
                part = min(covers, left[key])
                left[key] -= part
                covers -= part
    for balance in balances:
        available = max(0, balance.payable - balance.out)
        for key, amount in left.items():
            part = min(available, amount)
            if part:
                left[key] -= part
                available -= part
                balance.withheld += part
                balance.withheld_for += (_WITHHELD,)
        for other in balances:
            part = min(available, other.demanded) if other is not balance else 0
            if part:
                other.demanded -= part
                other.set_off += part
                available -= part
                balance.withheld += part
                balance.withheld_for += other.due.grounds
        balance.pay = available
    claims = {}
    for chargeback in case.chargebacks:
        claim = sum([amount for (id_, _), amount in left.items() if id_ == chargeback.id])
        claims[chargeback.id] = claim if claim >= case.view.terms.claim_floor else 0
    return claims


def _routed(case: Assessment, balance: LineBalance, totals: LineTotals, paid: PaidOut) -> Iterator[Payout]:
    """Yield the payouts of an amount: along the line's routes, each up to its room, the rest to the buyer's account."""
    due, amount = balance.due, balance.pay
    for route in due.routes:
        part = min(amount, _room(case, due.line, route, totals, paid))
        if part > 0:
            amount -= part
            yield Payout(due.line, part, route.destination, route.payment_id, due.grounds)
    if amount:
        yield Payout(due.line, amount, ACCOUNT, None, due.grounds)


def _room(case: Assessment, line: str, route: Route, totals: LineTotals, paid: PaidOut) -> int:
    """Return the room of a route: what it brought in, less refunds to it and chargebacks of it on this line."""
    payment = route.payment_id
    if payment is None:
        return route.brought - totals.to_deposit
    if payment in paid.closed_payments:
        return 0
    charged_back = sum([one.share(line) for one in case.chargebacks if one.payment_id == payment])
    gone = totals.by_payment.get(payment, 0) + paid.elsewhere.get(line, {}).get(payment, 0)
    return route.brought - gone - charged_back
