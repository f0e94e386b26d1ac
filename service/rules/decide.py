"""The entry of the rules: from an order's facts, its ledger, terms and clock to the outputs to publish now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.events.order import OrderPlaced

from service.rules.assess import assess
from service.rules.decisions import restate
from service.rules.ledger import LineTotals, Output
from service.rules.order_view import OrderView
from service.rules.outputs import Command, Outputs
from service.rules.reconcile import paid_out, reconcile
from service.rules.registry import REGISTRY
from service.rules.timeline import Timeline
from service.rules.unclear import Unclear
from service.rules.waits import UNPLACED, waits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.rules.assessment import Assessment, StandingAmount
    from service.rules.bookmark import Bookmark
    from service.rules.clock import Clock
    from service.rules.facts import Fact
    from service.rules.ledger import Ledger
    from service.rules.reconcile import Followed, PaidOut, Reconciled
    from service.rules.terms import TermsBook
    from service.rules.waits import Wait

REGISTRY.load()

_UNTOUCHED = LineTotals()
_COMMANDS = (RefundIssue, FreezePlace, FreezeRelease, DeductionExecute, BrokerageTransfer)
"""Types of commands, in the order of their publication."""


class Ruling(NamedTuple):
    """The outputs to publish, the next instant to look at the order, and the order's waits."""

    outputs: tuple[Output, ...]
    due_at: int | None
    """The earliest last instant of a running period, in microseconds: look again once it has passed."""
    ledger: Ledger
    """The ledger including these outputs."""
    waits: tuple[Wait, ...]


class CurrencyChangedError(Exception):
    """Money was commanded, and then an earlier `placed` arrived in another currency. People must resolve this."""


@dataclass(slots=True)
class Examination:
    """The rules' result for an order, before it is put into messages."""

    case: Assessment
    reconciled: Reconciled
    followed: tuple[Followed, ...]
    paid: PaidOut
    ledger: Ledger
    clock: Clock
    amounts: list[StandingAmount]
    """All standing amounts; some may be 0."""


def examine(
    order_id: str,
    facts: Sequence[Fact[Any]],
    ledger: Ledger,
    terms: TermsBook,
    clock: Clock,
    bookmark: Bookmark | None = None,
) -> Examination | None:
    """Apply the rules to an order's facts, which are sorted by key; return None before `placed` is known.

    `bookmark`: the order's, which spares applying facts again. The result is the same without it. With one, the
    examination is valid until it is used again.
    """
    timeline = None if bookmark is None else bookmark.go_on(facts, terms, clock)
    if timeline is None:
        placed = _placed_in(facts)
        if placed is None:
            return None
        view = OrderView(order_id, facts, placed, terms)
        timeline = _applied(view, ledger, clock)
    if bookmark is not None:
        bookmark.keep(timeline, facts, terms)
    view = timeline.view
    if ledger.currency not in (None, view.currency):
        raise CurrencyChangedError(f"commanded in {ledger.currency}, the order turned out to be in {view.currency}")
    paid = paid_out(view)
    case = assess(timeline, ledger, paid)
    reconciled = reconcile(case, ledger, paid)
    followed: list[Followed] = []
    for follow in view.concerned.follow:
        followed += follow(case, reconciled, ledger, clock)
    standing = list(reconciled.amounts)
    for amounts in view.concerned.amounts:
        standing += amounts(case, clock)
    for one in followed:
        standing += one.amounts
    return Examination(case, reconciled, tuple(followed), paid, ledger, clock, standing)


def _applied(view: OrderView, ledger: Ledger, clock: Clock) -> Timeline:
    """Return the timeline of all facts.

    If a deadline that fired is at or after the input's watermark, the facts are applied again: all input up to that
    deadline had been read, so the deadlines before it have passed, too.
    """
    unclear, passed = Unclear(view, ledger, clock), ledger.passed_deadlines(view.order_id)
    watermark = clock.watermark
    timeline = Timeline(view, watermark, unclear, passed).run()
    while timeline.watermark > watermark:
        watermark = timeline.watermark
        timeline = Timeline(view, watermark, unclear, passed).run()
    return timeline


def _placed_in(facts: Sequence[Fact[Any]]) -> Fact[OrderPlaced] | None:
    """Return the earliest `placed`, usually the first fact."""
    for fact in facts:
        if isinstance(fact.data, OrderPlaced):
            return fact
    return None


def decide(
    order_id: str,
    facts: Sequence[Fact[Any]],
    ledger: Ledger,
    terms: TermsBook,
    clock: Clock,
    bookmark: Bookmark | None = None,
) -> Ruling:
    """Return the outputs to publish for an order that its ledger does not have.

    `facts`: all of the order's, sorted by key. Nothing is decided before `placed` is known. Deciding again with the
    same facts and with these outputs in the ledger returns none. Any exception is a bug in the rules, and the order is
    stuck until it is fixed. `bookmark`: the order's, which saves time and changes nothing.
    """
    found = examine(order_id, facts, ledger, terms, clock, bookmark)
    if found is None:
        return Ruling((), None, ledger, UNPLACED if facts else ())
    case = found.case
    outputs = Outputs(case.view, ledger.version, clock.now)
    outcomes, wakes = list(case.outcomes), list(case.timeline.wakes)
    commands: list[Command] = []
    for one in found.followed:
        outcomes += one.outcomes
        commands += one.commands
        if one.wake_at is not None:
            wakes.append(one.wake_at)
    restate(outcomes, found.amounts, ledger, outputs)
    if found.reconciled.payouts:
        _refund(outputs, found.reconciled, ledger)
    if len(commands) > 1:
        commands.sort(key=_place)
    for command in commands:
        outputs.command(command)
    if case.unclear.ends_at is not None:
        wakes.append(case.unclear.ends_at)
    # The waits include those for the new commands. Nothing else of the examination changes with the new ledger.
    found.ledger = ledger.after(outputs.outputs)
    return Ruling(tuple(outputs.outputs), min(wakes, default=None), found.ledger, waits_of(found))


def _place(command: Command) -> int:
    return _COMMANDS.index(command.message)


def _refund(outputs: Outputs, reconciled: Reconciled, ledger: Ledger) -> None:
    """Add the refunds; the id of each depends on the previous one on its line."""
    last: dict[str, str] = {}
    for payout in reconciled.payouts:
        line = payout.line
        previous = last.get(line) or ledger.lines.get(line, _UNTOUCHED).last_id
        members = {
            "line": line,
            "amount": payout.amount,
            "destination": payout.destination,
            "payment_id": payout.payment_id,
        }
        concerns = (line, payout.destination, payout.payment_id or "", str(payout.amount))
        last[line] = outputs.command(Command(RefundIssue, previous, concerns, payout.grounds, members))
