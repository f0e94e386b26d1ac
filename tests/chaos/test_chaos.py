"""A short chaos run, and the judgement itself put to the test: it has to see each kind of harm it is there for.

The long run, with the service's own timeouts and every kind of fault many times, is `make chaos`.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from service.failpoints import PLACES
from tests.chaos.evidence import Evidence
from tests.chaos.run import Plan, run
from tests.chaos.table import Report, told
from tests.chaos.verify import CHECKS

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


def nth_command(found: Evidence) -> int:
    return next(n for n, one in enumerate(found.published) if one.topic == "purchasing.commands.refund.v1")


def doubled(found: Evidence) -> Evidence:
    return replace(found, published=[*found.published, found.published[-1]])


def lost(found: Evidence) -> Evidence:
    n = nth_command(found)
    return replace(found, published=[*found.published[:n], *found.published[n + 1 :]])


def swapped(found: Evidence) -> Evidence:
    """Two outputs of one partition the wrong way round."""
    records = list(found.published)
    first = records[0]
    other = next(n for n in range(1, len(records)) if (records[n].topic, records[n].partition) == first[:2])
    records[0], records[other] = records[other], first
    return replace(found, published=records)


def dearer(found: Evidence) -> Evidence:
    """A refund of one fen more than the rules say, in the journal too."""
    records, n = list(found.published), nth_command(found)
    event = json.loads(records[n].value or b"")
    event["data"]["amount"]["value"] += 1
    records[n] = records[n]._replace(value=json.dumps(event).encode())
    return replace(found, published=records)


def forgotten(found: Evidence) -> Evidence:
    """A fact that was sent and isn't there."""
    order = json.loads(found.published[nth_command(found)].value or b"")["data"]["order_id"]
    return replace(found, facts={**found.facts, order: found.facts[order][1:]})


def overlooked(found: Evidence) -> Evidence:
    return replace(found, quarantine=found.quarantine[1:])


def put_aside_twice(found: Evidence) -> Evidence:
    return replace(found, quarantine=[*found.quarantine, found.quarantine[0]])


def hanging(found: Evidence) -> Evidence:
    place, (end, committed) = next(iter(found.ends.items()))
    return replace(found, ends={**found.ends, place: (end, committed - 1)})


def unpublished(found: Evidence) -> Evidence:
    return replace(found, noted={**found.noted, 0: found.noted[0] - 1})


def unsent(found: Evidence) -> Evidence:
    return replace(found, came_in=found.came_in[1:])


ONCE, DENSE, ORDERED, ASIDE, MONEY, LEFT = CHECKS
HARM: tuple[tuple[Callable[[Evidence], Evidence], set[str]], ...] = (
    (doubled, {ONCE, DENSE, ORDERED}),
    (lost, {ONCE, DENSE, ORDERED, MONEY}),
    (swapped, {ORDERED}),
    (dearer, {ONCE, MONEY}),
    (forgotten, {ASIDE}),
    (overlooked, {ASIDE}),
    (put_aside_twice, {ASIDE}),
    (hanging, {LEFT}),
    (unpublished, {LEFT}),
    (unsent, {LEFT}),
)


@pytest.mark.parametrize(("harm", "seen"), HARM, ids=[harm.__name__ for harm, _ in HARM])
def test_the_judgement_sees_each_kind_of_harm(
    survived: Report, harm: Callable[[Evidence], Evidence], seen: set[str]
) -> None:
    harmed = harm(survived.evidence)
    assert {check for check in seen if not list(CHECKS[check](harmed))} == set()
