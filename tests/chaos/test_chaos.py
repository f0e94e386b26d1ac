"""A short chaos run.

The long run, with the service's own timeouts and every kind of fault many times, is `make chaos`.
"""

import asyncio

import pytest

from service.failpoints import PLACES
from tests.chaos.run import Plan, run
from tests.chaos.table import Report, told

SEED = 4
GENERAL = (
    "worker frozen longer than every timeout",
    "worker added and removed",
    "worker's network cut",
    "broker killed",
    "PostgreSQL restarted, immediate",
)
# Every place is visited, in one way or the other.
AT_PLACES = tuple(f"{('killed', 'frozen')[n % 2]} at {place}" for n, place in enumerate(PLACES))
PLAN = Plan(SEED, events=3_000, minutes=0.75, hands=3, hurried=True, faults=(*GENERAL, *AT_PLACES), surplus=0)


@pytest.fixture(scope="module")
def survived() -> Report:
    return asyncio.run(run(PLAN))


def test_nothing_is_lost_doubled_or_wrong_whatever_fails(survived: Report) -> None:
    assert survived.unclean == [], told(survived)


def test_every_kind_of_fault_was_done(survived: Report) -> None:
    assert {name for name, done in survived.faults.items() if done.times} == set(PLAN.faults), told(survived)
