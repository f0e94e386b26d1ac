"""Thousands of hostile records among good ones: the bad are quarantined, the good are stored, memory stays flat."""

import asyncio
from collections import Counter

import pytest
from purchasing_contracts.envelope import Refusal, decode

from tests.chaos.faults import NO_FAULT
from tests.chaos.hostile import KINDS, Hostile
from tests.chaos.run import HOSTILE, Plan, run
from tests.chaos.table import in_words

SEED = 5
PLAN = Plan(SEED, events=4_000, minutes=0.3, workers=2, hands=1, faults=NO_FAULT, malformed=HOSTILE, bombs=60)


@pytest.mark.parametrize("kind", KINDS)
def test_the_codec_refuses_every_hostile_record(kind: str) -> None:
    hostile = Hostile(SEED)
    for _ in range(40):
        sent = hostile.bad(kind)
        assert isinstance(decode(sent.topic, sent.key, sent.value, sent.headers), Refusal), sent


def test_the_codec_accepts_records_that_only_look_odd() -> None:
    hostile = Hostile(SEED)
    for _ in range(200):
        sent = hostile.good()
        assert not isinstance(decode(sent.topic, sent.key, sent.value, sent.headers), Refusal), sent


def test_the_same_seed_sends_the_same() -> None:
    one, other = Hostile(SEED), Hostile(SEED)
    assert [one.bad() for _ in range(100)] == [other.bad() for _ in range(100)]


@pytest.mark.timeout(900)  # less than a minute on a machine that has nothing else to do
def test_hostile_records_are_quarantined_and_good_ones_handled_in_bounded_memory() -> None:
    survived = asyncio.run(run(PLAN))
    assert survived.unclean == [], in_words(survived)
    assert survived.workers == PLAN.workers, "one has crashed"
    kinds = Counter(sent.kind for sent in survived.evidence.sent)
    assert {*KINDS, "odd", "good", "a bomb"} <= kinds.keys()
