"""From entitlements to commands: what is due on each line, less what was commanded on it (R16, R22)."""

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

    from service.rules.assessment import Assessment, Grounds, Route, Said
    from service.rules.ledger import Ledger
    from service.rules.order_view import OrderView
    from service.rules.outputs import Command

COMPENSATION = "compensation"
OWED = "owed"
BROKERAGE = "brokerage"
ACCOUNT = "buyer_account"

_UNTOUCHED = LineTotals()
_TURNS = {PURCHASE: 0, COMPENSATION: 1, OWED: 2, "chargeback": 3, "tip": 4}
"""The order in which lines take turns, by kind."""
_NOTHING_DUE = Basis(clause="6", because="nothing is due on this line")
_NO_TIP_DUE = Basis(clause="21", because="nothing is due on this tip")
_WITHHELD = Basis(clause="22", because="due, but kept back while a chargeback has the money or a claim stands")


@dataclass(slots=True)
class Followed:
    """Standing amounts and commands that follow from what was published."""

    amounts: tuple[StandingAmount, ...] = ()
    commands: tuple[Command, ...] = ()
    said: tuple[Said, ...] = ()
    wake_at: int | None = None
    """When to look again, unless something happens before; in microseconds."""


class Payout(NamedTuple):
    """Money to command now. Minor units; `payment_id` where it goes back on a payment."""

    line: str
    amount: int
    destination: str
    payment_id: str | None
    grounds: Grounds


class LineBalance:
    """How one line stands. Minor units."""

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
        """Begin with what the clauses say is due, and what was commanded."""
        self.due = due
        self.gross = self.payable = due.amount
        """What is due less what accepted chargebacks took; and the part of it that nothing stops on the line itself."""
        self.commanded = self.out = commanded
        self.demanded = 0
        """What was paid out beyond what is due, and not set off."""
        self.elsewhere = 0
        """What was refunded elsewhere."""
        self.failed = 0
        """What came back of it because the payment it went to took no more."""
        self.repaid = 0
        self.pay = 0
        """What is to be commanded now."""
        self.withheld = 0
        """What is due and kept back."""
        self.withheld_for: Grounds = ()
        """What that cites."""
        self.set_off = 0
        """What was paid out beyond what is due, and is kept back on other lines or claimed with a chargeback."""
        self.undeliverable = 0
        """What failed without a payment: people take care of it."""


@dataclass(slots=True)
class Reconciled:
    """What follows for all lines."""

    balances: list[LineBalance]
    payouts: list[Payout]
    amounts: list[StandingAmount]
    claims: dict[str, int]
    """By chargeback: what is left to be claimed, at least the floor."""


class PaidOut(NamedTuple):
    """What left and came back besides our commands, by line. Minor units."""

    elsewhere: dict[str, dict[str | None, int]]
    """By payment; None: the buyer's account."""
    repaid: dict[str, int]
    failed: dict[str, dict[str, int]]
    """On payments."""
    failed_elsewhere: dict[str, int]
    closed_payments: frozenset[str]
    """A payment on which a refund failed takes no more."""


_OF_PAYOUTS: frozenset[type[Any]] = frozenset({RefundedElsewhere, RepaymentReceived, RefundFailed})
_NOTHING_PAID_OUT = PaidOut({}, {}, {}, {}, frozenset())


def paid_out(view: OrderView) -> PaidOut:
    """Return what the facts say of money that left or came back."""
    if not view.hears_of(_OF_PAYOUTS):
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
    """Return what is out on a line, and of what it is made: refunded elsewhere, failed, repaid. Minor units."""
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
    """Return what is to be commanded, withheld and demanded on every line that is due or was touched."""
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
    """Return what is due on every line: as the clauses say, and nothing on lines that only money touched."""
    dues = list(case.dues)
    known = {BROKERAGE, *[due.line for due in dues]}
    for line in (*ledger.lines, *paid.repaid, *paid.elsewhere):
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
    """Return how a line stands by itself: J and U are set off against what is due, and F5 may stop it."""
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
    """Return the lines on which nothing more is refunded because a chargeback of their payment can't be read (F5)."""
    found: set[str] = set()
    if not any(chargeback.is_unread for chargeback in case.chargebacks):
        return found
    roles = roles_by_payment(case.view)
    for chargeback in case.chargebacks:
        if chargeback.is_unread:
            found.update([role.line for role in roles.get(chargeback.payment_id, ())] or [PURCHASE])
    return found


def _set_off(case: Assessment, balances: list[LineBalance]) -> dict[str, int]:
    """Set what is payable off against claims and against what is overpaid; return what is left to be claimed (R22).

    First each line's own withholding covers what is left of its chargebacks, then the lines take turns.
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
    """Yield where an amount goes: along the line's routes, each up to its room, the rest to the buyer's account."""
    due, amount = balance.due, balance.pay
    for route in due.routes:
        part = min(amount, _room(case, due.line, route, totals, paid))
        if part > 0:
            amount -= part
            yield Payout(due.line, part, route.destination, route.payment_id, due.grounds)
    if amount:
        yield Payout(due.line, amount, ACCOUNT, None, due.grounds)


def _room(case: Assessment, line: str, route: Route, totals: LineTotals, paid: PaidOut) -> int:
    """Return how much a route still takes: what it brought in, less what went to it and was charged back on it."""
    payment = route.payment_id
    if payment is None:
        return route.brought - totals.to_deposit
    if payment in paid.closed_payments:
        return 0
    charged_back = sum([one.share(line) for one in case.chargebacks if one.payment_id == payment])
    gone = totals.by_payment.get(payment, 0) + paid.elsewhere.get(line, {}).get(payment, 0)
    return route.brought - gone - charged_back
