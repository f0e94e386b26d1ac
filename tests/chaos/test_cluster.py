"""A short chaos run on three brokers and three databases; the long one is part of `make chaos`."""

import asyncio

import pytest

from tests.chaos.run import Plan, run
from tests.chaos.table import in_words

SEED = 5
FAULTS = (
    "two brokers killed",
    "transaction coordinator moved at relay.in_transaction",
    "synchronous standby promoted",
)
PLAN = Plan(SEED, events=1_000, minutes=0.2, workers=2, hands=3, hurried=True, faults=FAULTS, surplus=0, cluster=True)


@pytest.mark.filterwarnings("ignore:.*Use files:DeprecationWarning")  # kafka-python's way to its own files
@pytest.mark.timeout(900)  # under a minute on a machine that has nothing else to do
def test_nothing_is_lost_doubled_or_wrong_whatever_fails_in_a_cluster() -> None:
    survived = asyncio.run(run(PLAN))
    assert survived.unclean == [], in_words(survived)
    assert {name for name, done in survived.faults.items() if done.times} == set(FAULTS)
