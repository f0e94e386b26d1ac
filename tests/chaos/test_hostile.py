"""Thousands of hostile records among good ones: the bad are put aside, the good are heard, memory stays flat."""

import asyncio
from collections import Counter

import pytest
from purchasing_contracts.envelope import Refusal, decode

from tests.chaos.faults import NO_FAULT
from tests.chaos.hostile import KINDS, Hostile
from tests.chaos.run import HOSTILE, Plan, run
from tests.chaos.table import Report, told

SEED = 5
PLAN = Plan(SEED, events=4_000, minutes=0.3, workers=2, hands=1, faults=NO_FAULT, malformed=HOSTILE, bombs=60)
MEBIBYTE = 2**20
# Whatever is sent: what two workers need, the largest fetch, and a bomb of this size twice over.
MEMORY = 600 * MEBIBYTE


@pytest.fixture(scope="module")
def survived() -> Report:
    return asyncio.run(run(PLAN))


@pytest.mark.parametrize("kind", KINDS)
def test_the_codec_refuses_every_hostile_record(kind: str) -> None:
    hostile = Hostile(SEED)
    for _ in range(40):
        sent = hostile.bad(kind)
        assert isinstance(decode(sent.topic, sent.key, sent.value, sent.headers), Refusal), sent


def test_the_codec_hears_what_only_looks_odd() -> None:
    hostile = Hostile(SEED)
    for _ in range(200):
        sent = hostile.good()
        assert not isinstance(decode(sent.topic, sent.key, sent.value, sent.headers), Refusal), sent


def test_the_same_seed_sends_the_same() -> None:
    one, other = Hostile(SEED), Hostile(SEED)
    assert [one.bad() for _ in range(100)] == [other.bad() for _ in range(100)]


def test_every_bad_record_is_put_aside_and_every_good_one_is_heard(survived: Report) -> None:
    assert survived.unclean == [], told(survived)
    kinds = Counter(sent.kind for sent in survived.evidence.sent)
    assert {*KINDS, "odd", "good", "a bomb"} <= kinds.keys()


def test_no_worker_crashes_and_memory_is_bounded(survived: Report) -> None:
    assert survived.workers == PLAN.workers
    assert survived.peak < MEMORY, told(survived)
