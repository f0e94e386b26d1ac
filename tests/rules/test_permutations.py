"""Whatever the order in which an order's events are heard, it ends the same, and nobody is paid twice."""

import random
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from purchasing_contracts.base import instant_of
from purchasing_contracts.events.order import OrderPlaced
from purchasing_contracts.events.payment import OutstandingPaid, PaymentCaptured, TipPaid
from purchasing_contracts.topics import TOPICS

from service.rules.decide import Examination
from service.rules.facts import micros
from service.rules.money import sums_of
from tests.rules.histories import DAY, ORDER, TERMS, Event, histories, history
from tests.rules.money import end_of, examined
from tests.rules.playing import Played

some = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    derandomize=True,
)
terms = st.sampled_from(TERMS)


def at(event: Event) -> int:
    return micros(instant_of(event["time"]))


def genuine(events: list[Event]) -> list[Event]:
    """The events without those that give an id another content: which of them is heard first decides."""
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


def brought_in(played: Played, line: str, payment: str) -> int:
    """What a payment brought in on a line, at most: all that the messages say of it."""
    said = 0
    for one in played.facts.values():
        data = one.data
        if getattr(data, "payment_id", None) != payment:
            continue
        if isinstance(data, PaymentCaptured) and line == "purchase":
            said += max(sums_of(data.breakdown).total, 0 if data.settled is None else data.settled.value)
        if isinstance(data, TipPaid) and line == f"tip:{data.tip_id}":
            said += data.amount.value
        if isinstance(data, OutstandingPaid) and line == f"chargeback:{data.chargeback_id}":
            said += data.amount.value
    return said


def outs(found: Examination | None) -> dict[str, int]:
    return {} if found is None else {one.due.line: one.out for one in found.reconciled.balances}


@some
@given(events=histories(), declared=terms, seed=st.integers(0, 2**32))
def test_every_order_of_arrival_ends_the_same(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)
    kept = genuine(events)
    assume(of_one_currency(kept))
    in_time = [[event] for event in sorted(kept, key=at)]
    ends = [end_of(play(received, declared)) for received in (in_time, batches(rng, kept), batches(rng, kept), [kept])]
    assert all(end == ends[0] for end in ends), ends


@some
@given(events=histories(), declared=terms, seed=st.integers(0, 2**32))
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
@given(events=histories(), declared=terms, seed=st.integers(0, 2**32))
def test_looking_again_publishes_nothing(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    assume(of_one_currency(events))
    assert play(batches(random.Random(seed), events), declared).again == []


@some
@given(events=histories(), declared=terms, seed=st.integers(0, 2**32))
def test_no_payment_gets_back_more_than_it_brought_in(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    assume(of_one_currency(events))
    played = play(batches(random.Random(seed), events), declared)
    for line, totals in played.ledger.lines.items():
        for payment, amount in totals.by_payment.items():
            assert amount <= brought_in(played, line, payment), (line, payment)


@some
@given(events=histories(), declared=terms, seed=st.integers(0, 2**32))
def test_no_command_pays_beyond_what_is_due_on_its_line(
    events: list[Event], declared: dict[str, Any], seed: int
) -> None:
    """Over all routes: what was refunded elsewhere, and what chargebacks took, is not refunded again."""
    assume(of_one_currency(events))
    played = Played(ORDER, declared)
    for batch in batches(random.Random(seed), events):
        # What a deadline brings is commanded before the batch is heard, which may change what is due.
        played.until(max(played.clock, *(at(event) for event in batch)))
        before = dict(played.ledger.lines)
        played.receive(*batch)
        found = examined(played)
        if found is None:
            continue
        for one in found.reconciled.balances:
            line = one.due.line
            commanded = before[line].commanded if line in before else 0
            if one.commanded > commanded:
                assert one.out <= one.payable, line
            assert one.pay == 0, line


@some
@given(events=histories(), declared=terms, seed=st.integers(0, 2**32))
def test_nobody_keeps_what_he_was_paid_twice(events: list[Event], declared: dict[str, Any], seed: int) -> None:
    """What a line paid out and accepted chargebacks took beyond the buyer's money is demanded back or set off."""
    assume(of_one_currency(events))
    found = examined(play(batches(random.Random(seed), events), declared))
    if found is None:
        return
    case, balances = found.case, found.reconciled.balances
    overpaid = {one.due.line: max(0, one.out - one.gross) for one in balances}
    demanded = sum(one.demanded for one in balances)
    renewed = sum(overpaid[line] for line in overpaid if line.startswith("chargeback:"))
    withheld = sum(one.withheld for one in balances)
    assert sum(overpaid.values()) <= demanded + renewed + withheld
    for one in balances:
        taken = case.accepted(one.due.line)
        assert one.out + taken <= max(one.gross + taken, taken) + overpaid[one.due.line]
    claims = sum(found.reconciled.claims.values())
    assert claims <= sum(one.total_remaining for one in case.chargebacks)


def test_the_random_histories_tell_every_type_of_event() -> None:
    events = {message.TYPE for topic in TOPICS if topic.direction == "in" for message in topic.messages}
    told = {event["type"] for seed in range(200) for event in history(random.Random(seed))}
    assert events - told == set(), "add them to tests/rules/histories.py, and their data to happenstance.py"
