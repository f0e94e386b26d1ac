"""Whatever the order and the batches in which an order's events are heard, the money ends the same."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from purchasing_contracts.events.payment import OutstandingPaid, PaymentCaptured, TipPaid

from service.rules.reading import sums
from tests.rules.histories import DAY, ORDER, Event, histories
from tests.rules.money import money
from tests.rules.oracle import at
from tests.rules.playing import Played

some = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize=True,
)


def genuine(events: list[Event]) -> list[Event]:
    """The events without those that give an id another content: which of them is heard first decides."""
    first: dict[tuple[str, str], Event] = {}
    return [event for event in events if first.setdefault((event["source"], event["id"]), event) == event]


def batches(rng: random.Random, events: list[Event]) -> list[list[Event]]:
    """The events in any order, cut anywhere."""
    shuffled, cut = rng.sample(events, len(events)), list[list[Event]]()
    while shuffled:
        size = rng.choice((1, 1, 2, 5, len(shuffled)))
        cut.append(shuffled[:size])
        shuffled = shuffled[size:]
    return cut


def play(heard: list[list[Event]]) -> Played:
    """The order after these batches, long after the last of them."""
    played = Played(ORDER)
    for batch in heard:
        played.hear(*batch)
    played.until(max(at(event) for batch in heard for event in batch) + 100 * DAY)
    return played


def brought_in(played: Played, line: str, payment: str) -> int:
    """What a payment brought in on a line, at most: the largest that any message says of it."""
    said = [0]
    for one in played.facts.values():
        data = one.data
        if getattr(data, "payment_id", None) != payment:
            continue
        if isinstance(data, PaymentCaptured) and line == "purchase":
            said.append(sums(data.breakdown).total)
        if isinstance(data, TipPaid) and line == f"tip:{data.tip_id}":
            said.append(data.amount.value)
        if isinstance(data, OutstandingPaid) and line == f"chargeback:{data.chargeback_id}":
            said.append(data.amount.value)
    return max(said)


@some
@given(events=histories(), seed=st.integers(0, 2**32))
def test_every_order_of_arrival_ends_at_the_same_money(events: list[Event], seed: int) -> None:
    rng = random.Random(seed)
    kept = genuine(events)
    in_time = [[event] for event in sorted(kept, key=at)]
    ends = [money(play(heard)) for heard in (in_time, batches(rng, kept), batches(rng, kept), [kept])]
    assert all(end == ends[0] for end in ends), ends


@some
@given(events=histories(), seed=st.integers(0, 2**32))
def test_every_output_is_new_grounded_and_payable(events: list[Event], seed: int) -> None:
    played = play(batches(random.Random(seed), events))
    assert [one.version for one in played.outputs] == list(range(1, len(played.outputs) + 1))
    assert len({one.id for one in played.outputs}) == len(played.outputs)
    for one in played.outputs:
        assert one.data.basis, one
        amount = getattr(one.data, "amount", None)
        assert amount is None or amount.value > 0, one


@some
@given(events=histories(), seed=st.integers(0, 2**32))
def test_looking_again_publishes_nothing(events: list[Event], seed: int) -> None:
    assert play(batches(random.Random(seed), events)).again == []


@some
@given(events=histories(), seed=st.integers(0, 2**32))
def test_no_payment_gets_back_more_than_it_brought_in(events: list[Event], seed: int) -> None:
    played = play(batches(random.Random(seed), events))
    for line, totals in played.ledger.lines.items():
        for payment, amount in totals.by_payment.items():
            assert amount <= brought_in(played, line, payment), (line, payment)
