"""How long the rules take for one assessment: `make bench-rules`. It shows, and asserts nothing.

On the worked examples, and on an order of one item and eleven facts: two long examples, and a tip paid at their end.
They are named, so that figures of different versions are of the same orders.
Once with all facts new at once, as a batch brings them after a stop; once event by event, each assessed with all facts
before it and with what was published for them; and once looked at again, when nothing is new. An assessment is `decide`
and the ledger with what it published; reading messages and journals is not in it. Time is this process's own on the
processor, so that what else the machine does counts little.
"""

import gc
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from purchasing_contracts.base import instant_of

from service.rules.clock import Clock
from service.rules.decide import decide
from service.rules.facts import Fact
from service.rules.ledger import Ledger
from service.rules.terms import TermsBook
from tests.golden import cases
from tests.rules.playing import fact

ROUNDS = 7
SECONDS_A_ROUND = 0.3
TERMS = TermsBook()
LONG = ("20-dissolved-and-funds-returned", "46-quality-objection-does-not-bar-dissolution")

Facts = list[Fact[Any]]


def assess(facts: Facts, ledger: Ledger) -> Ledger:
    """Assess the order's facts, sorted, at the time of the latest; return the ledger with what that publishes."""
    now = max(one.at for one in facts)
    return decide("ord-1001", facts, ledger, TERMS, Clock(now, now)).ledger


def one_batch(orders: list[Facts]) -> int:
    """Assess each order once; return how many assessments that were."""
    for facts in orders:
        assess(facts, Ledger.EMPTY)
    return len(orders)


def steps(arrived: Facts) -> list[tuple[Facts, Ledger]]:
    """The order before each of its events, as they arrived: its facts with that one, and its ledger without."""
    found, ledger = [], Ledger.EMPTY
    for nth in range(1, len(arrived) + 1):
        facts = sorted(arrived[:nth], key=lambda one: one.key)
        found.append((facts, ledger))
        ledger = assess(facts, ledger)
    return found


def event_by_event(orders: list[list[tuple[Facts, Ledger]]]) -> int:
    """Assess each order at each of its steps; return how many assessments that were."""
    for order in orders:
        for facts, ledger in order:
            assess(facts, ledger)
    return sum(map(len, orders))


def microseconds(work: Callable[[], int]) -> tuple[float, float]:
    """The best round's and the middle round's microseconds for one assessment."""
    found = []
    for _ in range(ROUNDS):
        assessments, began = 0, time.process_time()
        while (took := time.process_time() - began) < SECONDS_A_ROUND:
            assessments += work()
        found.append(took / assessments * 1e6)
    return min(found), statistics.median(found)


def tipped(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same order and a tip, paid at its end."""
    tip = {
        "id": "ord-1001-tip",
        "source": "/payment",
        "type": "purchasing.payment.tip_paid.v1",
        "subject": "ord-1001",
        "time": max((event["time"] for event in events), key=instant_of),
        "data": {"tip_id": "tip-1", "payment_id": "pay-tip", "amount": {"currency": "CNY", "value": 500}},
    }
    return [*events, tip]


def told_of(events: list[dict[str, Any]]) -> Facts:
    """The facts the events add, in order of arrival; one that comes again adds nothing."""
    facts = {(one.source, one.id): one for one in map(fact, events)}
    return list(facts.values())


def main() -> None:
    """Measure, and print a table."""
    examples = [case.events for case in cases()]
    long = [tipped(case.events) for case in cases() if case.name in LONG]
    rows = [("an order of one item", [told_of(events) for events in long])]
    rows.append((f"the {len(examples)} worked examples", [told_of(events) for events in examples]))
    # As the service does once it has started.
    gc.collect()
    gc.freeze()
    sys.stdout.write("Microseconds for one assessment (best round, middle round):\n")
    for name, orders in rows:
        number = statistics.mean(map(len, orders))
        sorted_ones = [sorted(order, key=lambda one: one.key) for order in orders]
        together = microseconds(partial(one_batch, sorted_ones))
        apart = [steps(order) for order in orders]
        known = [[(facts, assess(facts, ledger)) for facts, ledger in order[-1:]] for order in apart]
        singly = microseconds(partial(event_by_event, apart))
        again = microseconds(partial(event_by_event, known))
        sys.stdout.write(f"  {name}, {number:.1f} facts each\n")
        for how, (best, middle) in (("all at once", together), ("event by event", singly), ("nothing new", again)):
            sys.stdout.write(f"    {how:<16} {best:6.1f} {middle:6.1f}\n")


if __name__ == "__main__":
    main()
