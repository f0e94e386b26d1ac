"""The time that the rules take for one assessment: `make bench-rules`. It shows, and asserts nothing.

On the worked examples, and on an order of one item and eleven facts: two long examples, and a tip paid at their end.
They are named, so that figures of different versions are of the same orders.
Once with all facts new at once, as a batch brings them after a stop; once event by event, each assessed with all facts
before it, with what was published for them and with the order's bookmark, as the engine keeps it; once the same without
the bookmark, as for an order that is read anew each time; and once looked at again, when nothing is new. An assessment
is `decide` and the ledger with what it published; reading messages and journals is not in it. Time is this process's
own on the processor, so that what else the machine does counts little.

`make bench-rules BEFORE=PATH` takes the rules of another checkout in turn with these, on the order of eleven facts. The
other checkout needs no environment of its own; it has to have this module with what `rules_side.py` calls of it.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from purchasing_contracts.base import instant_of

from service.rules.bookmark import Bookmark
from service.rules.clock import Clock
from service.rules.decide import decide
from service.rules.facts import Fact
from service.rules.ledger import Ledger
from service.rules.terms import TermsBook
from tests.golden import cases
from tests.rules.playing import fact

ROUNDS = 9
SECONDS_A_ROUND = 0.3
TERMS = TermsBook()
LONG = ("20-dissolved-and-funds-returned", "46-quality-objection-does-not-bar-dissolution")
HERE = Path(__file__).parents[2]
SIDE = Path(__file__).with_name("rules_side.py")
MODES = ("all at once", "event by event", "each anew", "nothing new")

Facts = list[Fact[Any]]


def assess(facts: Facts, ledger: Ledger, bookmark: Bookmark | None = None) -> Ledger:
    """Assess the order's facts, sorted, at the time of the latest; return the ledger with what that publishes."""
    now = max(one.at for one in facts)
    return decide("ord-1001", facts, ledger, TERMS, Clock(now, now), bookmark).ledger


def one_batch(orders: list[Facts]) -> int:
    """Assess each order once; return how many assessments that were."""
    for facts in orders:
        assess(facts, Ledger.EMPTY)
    return len(orders)


def steps(arrived: Facts) -> list[tuple[Facts, Ledger]]:
    """The order before each of its events, as they arrived: its facts with that one, and its ledger without it."""
    found, ledger = [], Ledger.EMPTY
    for nth in range(1, len(arrived) + 1):
        facts = sorted(arrived[:nth], key=lambda one: one.key)
        found.append((facts, ledger))
        ledger = assess(facts, ledger)
    return found


def event_by_event(orders: list[list[tuple[Facts, Ledger]]]) -> int:
    """Assess each order at each of its steps; return how many assessments that were.

    The order's bookmark goes from step to step, as the engine keeps it with the order in its cache.
    """
    for order in orders:
        bookmark = Bookmark()
        for facts, ledger in order:
            assess(facts, ledger, bookmark)
    return sum(map(len, orders))


def anew(orders: list[list[tuple[Facts, Ledger]]]) -> int:
    """Assess each order at each of its steps without a bookmark; return how many assessments that were."""
    for order in orders:
        for facts, ledger in order:
            assess(facts, ledger)
    return sum(map(len, orders))


def again(orders: list[tuple[Facts, Ledger, Bookmark]]) -> int:
    """Assess each order once more; return how many assessments that were."""
    for facts, ledger, bookmark in orders:
        assess(facts, ledger, bookmark)
    return len(orders)


def known(orders: list[list[tuple[Facts, Ledger]]]) -> list[tuple[Facts, Ledger, Bookmark]]:
    """Each order after its last step."""
    found = []
    for order in orders:
        bookmark = Bookmark()
        facts, ledger = order[-1]
        found.append((facts, assess(facts, ledger, bookmark), bookmark))
    return found


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


def settle() -> None:
    """Set Python's garbage collector as the service does once it has started (`service/worker/gc_tuning.py`)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def timed(work: Callable[[], int]) -> float:
    """Microseconds for one assessment in a round."""
    assessments, began = 0, time.process_time()
    while (took := time.process_time() - began) < SECONDS_A_ROUND:
        assessments += work()
    return took / assessments * 1e6


class Checkout:
    """The rules of one checkout, in a process of their own, which waits during the other's turn."""

    def __init__(self, root: Path, orders: list[list[dict[str, Any]]]) -> None:
        paths = os.pathsep.join((str(root), str(root / "contracts")))
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(SIDE)],
            cwd=root,
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(orders)

    def round(self) -> list[float]:
        """Microseconds for one assessment, in each of the modes."""
        self._send(SECONDS_A_ROUND)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the rules of {self._process.args!r} could not be measured; what it said stands above")
        found: list[float] = json.loads(line)
        return found

    def close(self) -> None:
        self._process.communicate()

    def _send(self, document: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()


@contextmanager
def opened(root: Path, orders: list[list[dict[str, Any]]]) -> Iterator[Checkout]:
    """Start the rules of a checkout; end their process afterwards."""
    checkout = Checkout(root, orders)
    try:
        yield checkout
    finally:
        checkout.close()


def compare(before: Path, orders: list[list[dict[str, Any]]], rounds: int) -> None:
    """Measure another checkout's rules and these in turn, and print a table."""
    found: list[tuple[list[float], list[float]]] = []
    with ExitStack() as stack:
        theirs, ours = (stack.enter_context(opened(root, orders)) for root in (before, HERE))
        for nth in range(rounds):
            sys.stderr.write(f"round {nth + 1} of {rounds}\n")
            found.append((theirs.round(), ours.round()))
    sys.stdout.write(
        f"An order of one item, {len(orders[0])} facts. Microseconds of processor time for one assessment, "
        f"{rounds} rounds in turn (best, median):\n"
        f"  {'':<16} {'before':>15} {'now':>15}   ratio (median of the rounds', best by best)\n"
    )
    for nth, mode in enumerate(MODES):
        old, new = ([sides[side][nth] for sides in found] for side in (0, 1))
        ratio = statistics.median([b / a for a, b in zip(old, new, strict=True)])
        columns = " ".join(f"{min(one):7.1f} {statistics.median(one):7.1f}" for one in (old, new))
        sys.stdout.write(f"  {mode:<16} {columns}    {ratio:.2f} {min(new) / min(old):.2f}\n")


def show(rows: list[tuple[str, list[Facts]]], rounds: int) -> None:
    """Measure these rules, and print a table."""
    settle()
    sys.stdout.write(f"Microseconds of processor time for one assessment, {rounds} rounds (best, median):\n")
    for name, orders in rows:
        number = statistics.mean(map(len, orders))
        sorted_ones = [sorted(order, key=lambda one: one.key) for order in orders]
        apart = [steps(order) for order in orders]
        works = (
            partial(one_batch, sorted_ones),
            partial(event_by_event, apart),
            partial(anew, apart),
            partial(again, known(apart)),
        )
        sys.stdout.write(f"  {name}, {number:.1f} facts each\n")
        for mode, work in zip(MODES, works, strict=True):
            figures = [timed(work) for _ in range(rounds)]
            sys.stdout.write(f"    {mode:<16} {min(figures):6.1f} {statistics.median(figures):6.1f}\n")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="tests.bench.rules", description="How long the rules take.")
    parser.add_argument("--before", metavar="PATH", type=Path, help="a checkout to take in turn with this one")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    examples = [case.events for case in cases()]
    long = [tipped(case.events) for case in cases() if case.name in LONG]
    if arguments.before is not None:
        compare(arguments.before.resolve(), long, arguments.rounds)
        return
    rows = [("an order of one item", [told_of(events) for events in long])]
    rows.append((f"the {len(examples)} worked examples", [told_of(events) for events in examples]))
    show(rows, arguments.rounds)


if __name__ == "__main__":
    main()
