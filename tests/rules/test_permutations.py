"""An order ends the same in whatever order its events are received, and nobody is paid twice."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from purchasing_contracts.base import instant_of
from purchasing_contracts.commands.brokerage_transfer import BrokerageTransfer
from purchasing_contracts.commands.deduction import DeductionExecute
from purchasing_contracts.commands.freeze import FreezePlace, FreezeRelease
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.decisions import DecisionMade
from purchasing_contracts.events.order import OrderPlaced
from purchasing_contracts.events.payment import (
    FundsDeducted,
    FundsInsufficient,
    OutstandingPaid,
    PaymentCaptured,
    TipPaid,
)
from purchasing_contracts.topics import TOPICS

from service.rules.decide import Examination
from service.rules.decisions import SECOND_OUTCOMES
from service.rules.facts import micros
from service.rules.ledger import Ledger, LineTotals
from service.rules.money import sums_of
from service.rules.reconcile import LineBalance
from tests.rules.histories import DAY, ORDER, TERMS, Event, histories, history
from tests.rules.money import end_of, examined
from tests.rules.playing import Played
from tests.rules.second_opinion.histories import History
from tests.rules.second_opinion.plots import PLOTS

some = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    derandomize=True,
)
terms = st.sampled_from(TERMS)


def plotted(plot: Callable[[History], None], seed: int) -> list[Event]:
    """A history of the second opinion that follows a plot and so comes far, without its records in quarantine."""
    return [event for event in History(seed, plot=plot).events if "quarantined" not in event]


stories = histories() | st.builds(plotted, st.sampled_from(PLOTS), st.integers(0, 2**40))


def at(event: Event) -> int:
    return micros(instant_of(event["time"]))


def genuine(events: list[Event]) -> list[Event]:
    """The events without those that give an id another content: which of them is received first decides."""
    first: dict[tuple[str, str], Event] = {}
    return [event for event in events if first.setdefault((event["source"], event["id"]), event) == event]


def of_one_currency(events: list[Event]) -> bool:
    """Whether no two messages place the order in different currencies: people have to solve that."""
    return len({event["data"]["currency"] for event in events if event["type"] == OrderPlaced.TYPE}) < 2


def batches(rng: random.Random, events: list[Event]) -> list[list[Event]]:
    """The events in any order, cut anywhere."""
    shuffled, cut = rng.sample(events, len(events)), list[list[Event]]()
    while shuffled:
        size = rng.choice((1, 1, 2, 5, len(shuffled)))
        cut.append(shuffled[:size])
        shuffled = shuffled[size:]
    return cut


def play(received: list[list[Event]], declared: dict[str, Any]) -> Played:
    """The order after these batches, long after the last of them."""
    played = Played(ORDER, declared)
    for batch in received:
        played.receive(*batch)
    played.until(max(at(event) for batch in received for event in batch) + 100 * DAY)
    return played


def step_by_step(batches: list[list[Event]], declared: dict[str, Any]) -> Iterator[tuple[Ledger, Played]]:
    """Yield, after each batch, what had been published before it and the order as it is then."""
    played = Played(ORDER, declared)
    for batch in batches:
        # What a deadline brings is commanded before the batch is received, which may change what is due.
        played.until(max(played.clock, *(at(event) for event in batch)))
        before = played.ledger
        played.receive(*batch)
        yield before, played


def brought_in(played: Played, line: str, payment: str) -> int:
    """The most that a payment brought in on a line, by all messages about it."""
    total = 0
    for one in played.facts.values():
        data = one.data
        if getattr(data, "payment_id", None) != payment:
            continue
        if isinstance(data, PaymentCaptured) and line == "purchase":
            total += at_most(data, sums_of(data.breakdown).total)
        if isinstance(data, TipPaid) and line == f"tip:{data.tip_id}":
            total += at_most(data, data.amount.value)
        if isinstance(data, OutstandingPaid) and line == f"chargeback:{data.chargeback_id}":
            total += at_most(data, data.amount.value)
    return total


def at_most(data: Any, amount: int) -> int:
    """The larger of an amount in its own currency and as it was booked."""
    return amount if data.settled is None else max(amount, data.settled.value)


@some
@given(events=stories, declared=terms, seed=st.integers(0, 2**32))
def test_every_order_of_arrival_ends_the_same(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)
    kept = genuine(events)
    assume(of_one_currency(kept))
    in_time = [[event] for event in sorted(kept, key=at)]
    ends = [end_of(play(received, declared)) for received in (in_time, batches(rng, kept), batches(rng, kept), [kept])]
    assert all(end == ends[0] for end in ends), ends


@some
@given(events=stories, declared=terms, seed=st.integers(0, 2**32))
def test_every_output_is_new_grounded_and_payable(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    assume(of_one_currency(events))
    played = play(batches(random.Random(seed), events), declared)
    assert [one.version for one in played.outputs] == list(range(1, len(played.outputs) + 1))
    assert len({one.id for one in played.outputs}) == len(played.outputs)
    for one in played.outputs:
        assert one.data.basis, one
        amount = getattr(one.data, "amount", None)
        assert amount is None or amount.value > 0, one


@some
@given(events=stories, declared=terms, seed=st.integers(0, 2**32))
def test_looking_again_publishes_nothing(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    assume(of_one_currency(events))
    assert play(batches(random.Random(seed), events), declared).again == []


@some
@given(events=stories, declared=terms, seed=st.integers(0, 2**32))
def test_no_payment_gets_back_more_than_it_brought_in(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    """On any line and in all, whatever of it was refunded elsewhere or charged back by then."""
    assume(of_one_currency(events))
    for before, played in step_by_step(batches(random.Random(seed), events), declared):
        found = examined(played)
        if found is None:
            continue
        for line, totals in played.ledger.lines.items():
            known = before.lines.get(line, LineTotals())
            for payment, amount in totals.by_payment.items():
                if amount > known.by_payment.get(payment, 0):
                    assert gone(found, line, payment) <= brought_in(played, line, payment), (line, payment)
            recovered = found.case.recovered.get(line.removeprefix("chargeback:"))
            if totals.to_deposit > known.to_deposit:
                assert recovered is not None, line
                assert totals.to_deposit <= recovered.from_deposit, line


def gone(found: Examination, line: str, payment: str) -> int:
    """The sum that went back to a payment on a line by commands, elsewhere, and by chargebacks."""
    elsewhere = found.paid.elsewhere.get(line, {}).get(payment, 0)
    taken = sum(one.share(line) for one in found.case.chargebacks if one.payment_id == payment)
    return found.ledger.lines[line].by_payment.get(payment, 0) + elsewhere + taken


@some
@given(events=stories, declared=terms, seed=st.integers(0, 2**32))
def test_no_command_pays_beyond_what_is_due_on_its_line(
    events: list[Event], declared: dict[str, Any], seed: int
) -> None:
    """Over all routes: what was refunded elsewhere, and what chargebacks took, is not refunded again."""
    assume(of_one_currency(events))
    for before, played in step_by_step(batches(random.Random(seed), events), declared):
        found = examined(played)
        if found is None:
            continue
        for one in found.reconciled.balances:
            line = one.due.line
            commanded = before.lines[line].commanded if line in before.lines else 0
            if one.commanded > commanded:
                assert one.out <= one.payable, line
            assert one.pay == 0, line


@some
@given(events=stories, declared=terms, seed=st.integers(0, 2**32))
def test_the_promoter_is_paid_once_what_was_deducted(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    assume(of_one_currency(events))
    for before, played in step_by_step(batches(random.Random(seed), events), declared):
        totals = played.ledger.brokerage
        assert len(totals.deductions) <= 1
        assert totals.transferred <= totals.deducted
        if totals.transferred != before.brokerage.transferred:
            assert before.brokerage.transferred == 0
            assert totals.transferred <= sum(of_funds(one.data) for one in played.facts.values())


def of_funds(data: Any) -> int:
    """The amount deducted by a message about the funds."""
    if isinstance(data, FundsDeducted):
        return at_most(data, data.amount.value)
    return at_most(data, data.deducted.value) if isinstance(data, FundsInsufficient) else 0


@some
@given(events=stories, declared=terms, seed=st.integers(0, 2**32))
def test_a_double_payment_is_demanded_back_or_set_off(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    """The excess of a line's refunds and accepted chargebacks over the buyer's money is demanded back or set off.

    Each fen that is withheld is set off once: against a chargeback, or against what is overpaid on another line.
    """
    assume(of_one_currency(events))
    found = examined(play(batches(random.Random(seed), events), declared))
    if found is None:
        return
    case, balances = found.case, found.reconciled.balances
    owed_again = {f"chargeback:{one.id}" for one in case.chargebacks if one.owed_shares}
    renewed = set_off = 0
    for one in balances:
        line, overpaid = one.due.line, max(0, one.out - one.gross)
        assert one.gross == (one.due.amount if line == "purchase" else max(0, one.due.amount - case.accepted(line)))
        assert one.demanded + one.set_off == overpaid, line
        # What was given back on the line of a chargeback that is owed again is a part of its claim (R22).
        again = max(0, one.out - max(one.gross, one.due.amount)) if line in owed_again else 0
        renewed += again
        set_off += one.set_off - again
    remaining = sum(one.total_remaining for one in case.chargebacks)
    claims = sum(found.reconciled.claims.values())
    assert renewed <= remaining
    assert claims <= remaining
    withheld = sum(one.withheld for one in balances)
    if not declared.get("claim_floor") and not any(one.is_unread for one in case.chargebacks):
        assert withheld == remaining - claims + set_off


MOVED: dict[str, Callable[[LineBalance], int]] = {
    "set off": lambda one: one.set_off,
    "withheld": lambda one: one.withheld,
    "demanded": lambda one: one.demanded,
    "undeliverable": lambda one: one.undeliverable,
    "elsewhere": lambda one: one.elsewhere,
    "repaid": lambda one: one.repaid,
}
LINES = ("purchase", "compensation", "owed", "chargeback", "tip")
COMMANDS = {RefundIssue, FreezePlace, FreezeRelease, DeductionExecute, BrokerageTransfer}
SEEDS = 40


def test_the_plots_reach_every_way_in_which_money_moves() -> None:
    moved: set[tuple[str, str]] = set()
    published: set[object] = set()
    for plot in dict.fromkeys(PLOTS):
        for seed in range(SEEDS):
            played = play([[event] for event in plotted(plot, seed)], {})
            for output in played.outputs:
                data = output.data
                published.add(data.kind if isinstance(data, DecisionMade) else type(data))
            found = examined(played)
            for one in [] if found is None else found.reconciled.balances:
                moved |= {(name, one.due.line.partition(":")[0]) for name, amount in MOVED.items() if amount(one)}
    assert {(name, line) for name in MOVED for line in LINES} - moved == set(), "let a plot lead there"
    assert {*SECOND_OUTCOMES, "hold", *COMMANDS} - published == set(), "let a plot lead there"


def test_the_random_histories_have_every_type_of_event() -> None:
    events = {message.TYPE for topic in TOPICS if topic.direction == "in" for message in topic.messages}
    types = {event["type"] for seed in range(200) for event in history(random.Random(seed))}
    assert events - types == set(), "add them to tests/rules/histories.py, and their data to happenstance.py"
