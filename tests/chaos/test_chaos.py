"""A short chaos run.

The long run, with the service's own timeouts and every kind of fault many times, is `make chaos`.
"""

import asyncio

import pytest

from service.runtime.failpoints import PLACES
from tests.chaos.run import Plan, run
from tests.chaos.table import in_words

SEED = 4
GENERAL = (
    "worker frozen longer than every timeout",
    "worker added and removed",
    "worker's network cut",
    "all workers killed at once",
    "all workers frozen at once",
    "worker's database never heard of again",
    "broker restarted",
    "broker killed",
    "PostgreSQL restarted, fast",
    "PostgreSQL restarted, immediate",
)
# Every failpoint is visited by at least one kind of fault.
AT_PLACES = tuple(f"{('killed', 'frozen')[n % 2]} at {place}" for n, place in enumerate(PLACES))
PLAN = Plan(SEED, events=3_000, minutes=0.75, hands=3, hurried=True, faults=(*GENERAL, *AT_PLACES), surplus=0)


@pytest.mark.timeout(900)  # a minute and a half on a machine that has nothing else to do
def test_nothing_is_lost_doubled_or_wrong_whatever_fails() -> None:
    survived = asyncio.run(run(PLAN))
    assert survived.unclean == [], in_words(survived)
    assert {name for name, done in survived.faults.items() if done.times} == set(PLAN.faults)
