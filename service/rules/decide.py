"""The entry: an order's facts, what was published for it, terms and clock; out comes what is to be published now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.events.order import OrderPlaced

from service.rules import clauses
from service.rules.assess import assess
from service.rules.clause_19 import LINE as BROKERAGE
from service.rules.draft import Draft
from service.rules.ledger import LineTotals, Output
from service.rules.lines import Reconciled, reconcile
from service.rules.reading import Reading
from service.rules.standing import restate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.rules.assessment import Assessment
    from service.rules.clause_22_recovery import Recovery
    from service.rules.facts import Fact
    from service.rules.ledger import Ledger
    from service.rules.moment import Moment
    from service.rules.terms import TermsBook

_UNTOUCHED = LineTotals()


class Ruling(NamedTuple):
    """What is to be published, and when to look again if nothing happens before."""

    outputs: tuple[Output, ...]
    due_at: int | None
    """The earliest last instant of a period that still runs, in microseconds: look again once it has passed."""


NOTHING = Ruling((), None)


class CurrencyChangedError(Exception):
    """Money was commanded, and then an earlier `placed` was heard in another currency: people have to solve this."""


class Examination(NamedTuple):
    """What the rules make of an order, before any of it is drafted."""

    case: Assessment
    reconciled: Reconciled
    recoveries: tuple[Recovery, ...]


def examine(
    order_id: str, facts: Sequence[Fact[Any]], ledger: Ledger, terms: TermsBook, moment: Moment
) -> Examination | None:
    """Return what the rules make of an order's facts, sorted by their key; None before `placed` is known."""
    placed = next((fact for fact in facts if isinstance(fact.data, OrderPlaced)), None)
    if placed is None:
        return None
    reading = Reading(order_id, facts, placed, terms)
    if ledger.currency not in (None, reading.currency):
        raise CurrencyChangedError(f"commanded in {ledger.currency}, the order turned out to be in {reading.currency}")
    case = assess(reading, _horizon(order_id, ledger, moment))
    reconciled = reconcile(case, ledger)
    recoveries: list[Recovery] = []
    for follow in clauses.RECOVERIES:
        recoveries.extend(follow(case, reconciled.withheld, ledger, moment))
    return Examination(case, reconciled, tuple(recoveries))


def decide(order_id: str, facts: Sequence[Fact[Any]], ledger: Ledger, terms: TermsBook, moment: Moment) -> Ruling:
    """Return what is to be published for an order beyond what its ledger says was published.

    `facts` are all of the order's, sorted by their key. Nothing is decided before `placed` is known. Deciding again
    with the same facts, and with the outputs in the ledger, returns none. Whatever it raises is a bug in the rules,
    and the order is stuck until it is mended.
    """
    found = examine(order_id, facts, ledger, terms, moment)
    if found is None:
        return NOTHING
    case, reconciled, recoveries = found
    draft = Draft(case.reading, ledger.version, moment.now)
    amounts = [*reconciled.amounts, *[amount for one in recoveries for amount in one.amounts]]
    restate(case.said, amounts, ledger, draft)
    _pay(draft, reconciled, ledger)
    for one in recoveries:
        _recover(draft, one, ledger)
    wakes = [*case.deadlines, *[one.wake_at for one in recoveries if one.wake_at is not None]]
    return Ruling(tuple(draft.outputs), min(wakes, default=None))


def _horizon(order_id: str, ledger: Ledger, moment: Moment) -> int:
    """Return up to when deadlines have passed: what fired stays so, however little is known of the input now."""
    receipt = ledger.standing.get(("receipt", order_id))
    if receipt is not None and receipt.outcome == "deemed_confirmed":
        return max(moment.horizon, receipt.since_at + 1)
    return moment.horizon


def _pay(draft: Draft, reconciled: Reconciled, ledger: Ledger) -> None:
    """Add the refunds, then the promoter's deduction and transfer (19)."""
    last: dict[str, str] = {}
    for payout in reconciled.payouts:
        line = payout.line
        previous = last.get(line) or ledger.lines.get(line, _UNTOUCHED).last_id
        last[line] = draft.command(
            RefundIssue,
            previous,
            (line, payout.destination, payout.payment_id or "", str(payout.amount)),
            basis=payout.grounds,
            line=line,
            amount=draft.money(payout.amount),
            destination=payout.destination,
            payment_id=payout.payment_id,
        )
    if reconciled.brokerage:
        _pay_brokerage(draft, reconciled, ledger.lines.get(BROKERAGE, _UNTOUCHED))


def _pay_brokerage(draft: Draft, reconciled: Reconciled, totals: LineTotals) -> None:
    promotion = draft.reading.placed.promotion
    assert promotion is not None
    amount = reconciled.brokerage
    deduction_id = f"{draft.reading.order_id}:{BROKERAGE}:{totals.count + 1}"
    for kind, members in (
        (
            DeductionExecute,
            {"line": BROKERAGE, "source": "purchasing_funds", "purpose": "brokerage", "ref": BROKERAGE},
        ),
        (BrokerageTransfer, {"promoter_id": promotion.promoter_id}),
    ):
        draft.command(
            kind,
            totals.last_id,
            (BROKERAGE, str(amount)),
            basis=reconciled.brokerage_grounds,
            concerns_brokerage=True,
            deduction_id=deduction_id,
            amount=draft.money(amount),
            **members,
        )


def _recover(draft: Draft, one: Recovery, ledger: Ledger) -> None:
    """Add the commands on one chargeback's claim: the new hold before the old one goes, then the deposit (22)."""
    ref = one.chargeback_id
    hold = ledger.holds.get(ref)
    previous = "" if hold is None else hold.last_id
    if one.hold is not None:
        count = 1 if hold is None else hold.placed + 1
        previous = draft.command(
            FreezePlace,
            previous,
            (ref, str(one.hold)),
            basis=one.hold_grounds,
            hold_id=ref if count == 1 else f"{ref}:{count}",
            amount=draft.money(one.hold),
            scope="withdrawal_and_use",
            ref=ref,
        )
    if one.release:
        assert hold is not None
        assert hold.hold_id is not None
        draft.command(
            FreezeRelease,
            previous,
            (ref, hold.hold_id),
            basis=one.release_grounds,
            hold_id=hold.hold_id,
            ref=ref,
        )
    if one.deduct:
        draft.command(
            DeductionExecute,
            "",
            ("chargeback_recovery", ref, str(one.claim)),
            basis=one.deduct_grounds,
            line=f"chargeback:{ref}",
            deduction_id=ref,
            amount=draft.money(one.claim),
            source="deposit",
            purpose="chargeback_recovery",
            ref=ref,
        )
