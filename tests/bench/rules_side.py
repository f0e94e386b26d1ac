"""One side of `make bench-rules BEFORE=PATH`: it measures the rules of the checkout in which it is started.

It reads a line of JSON with orders, each a list of events. Each further line has the seconds that a round may take, and
it answers with the microseconds of an assessment in each mode. New facts are made anew for every assessment, outside
the measured time, because the rules keep values with a fact.
"""

import json
import sys
import time
from functools import partial

from tests.bench import rules

ORDERS_AT_A_TIME = 20


def again_and_again(work, seconds):
    """Microseconds per assessment of those that `work` makes."""
    assessments, began = 0, time.process_time()
    while (took := time.process_time() - began) < seconds:
        assessments += work()
    return took / assessments * 1e6


def with_new_facts(orders, seconds):
    """Microseconds per assessment of an order whose facts are all new."""
    assessments, took = 0, 0.0
    while took < seconds:
        fresh = [
            sorted(rules.told_of(events), key=lambda one: one.key) for _ in range(ORDERS_AT_A_TIME) for events in orders
        ]
        began = time.process_time()
        assessments += rules.one_batch(fresh)
        took += time.process_time() - began
    return took / assessments * 1e6


def main():
    orders = json.loads(sys.stdin.readline())
    apart = [rules.steps(rules.told_of(events)) for events in orders]
    known = rules.known(apart)
    rules.settle()
    for line in sys.stdin:
        seconds = float(line)
        figures = [
            with_new_facts(orders, seconds),
            again_and_again(partial(rules.event_by_event, apart), seconds),
            again_and_again(partial(rules.anew, apart), seconds),
            again_and_again(partial(rules.again, known), seconds),
        ]
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
