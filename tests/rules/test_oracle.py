"""The rules agree with a second, literal reading of the page they were written from (`oracle.py`)."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.rules.histories import DAY, ORDER, TERMS, Event, arrivals, history
from tests.rules.oracle import at, micros
from tests.rules.oracle_run import Oracle, Published
from tests.rules.playing import Played, plain

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))
SEEDS = 300
"""Random histories played in a run; set higher by hand to search for long."""
AT_ONCE = 50


def told(published: Published) -> str:
    return json.dumps(published, sort_keys=True)


def difference(events: list[Event], terms: dict[str, Any]) -> list[str]:
    """Where rules and oracle first differ on a history, in words to look into; nothing if they agree."""
    oracle, rules = Oracle(ORDER, terms), Played(ORDER, terms)
    end = max(at(event) for event in events) + 40 * DAY
    for number, event in enumerate([*events, None]):
        theirs = oracle.until(end) if event is None else oracle.hear(event)
        ours = [plain(one) for one in (rules.until(end) if event is None else rules.hear(event))]
        if sorted(map(told, theirs)) != sorted(map(told, ours)):
            lines = [f"after event {number} of:", *(told(one) for one in events[: number + 1])]
            return [*lines, "the oracle says:", *map(told, theirs), "the rules say:", *map(told, ours)]
    return []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_oracle_says_what_the_worked_examples_say(path: Path) -> None:
    case = json.loads(path.read_text())
    oracle = Oracle(case["events"][0]["subject"])
    published = [one for event in case["events"] for one in oracle.hear(event)] + oracle.until(micros(case["until"]))
    decisions = [one for one in published if one["kind"] == "decision"]
    commands = [one for one in published if one["kind"] != "decision"]
    for expected, found in ((case["expect"]["commands"], commands), (case["expect"]["decisions"], decisions)):
        without = {"order"} if found is commands else {"order", "kind"}
        wanted = [{name: one[name] for name in sorted(set(one) - without)} for one in expected]
        assert wanted == [{name: one.get(name) for name in names} for one, names in zip(found, wanted, strict=True)]


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_the_rules_say_what_the_oracle_says_of_random_histories(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        rng = random.Random(seed)
        terms = rng.choice(TERMS)
        found = difference(arrivals(rng, history(rng)), terms)
        assert not found, "\n".join([f"seed {seed}, terms {terms},", *found])
