"""The judgement itself, tested without servers: it has no complaint about a run in which nothing fails, and it sees
each kind of harm."""

import asyncio
from dataclasses import replace

import pytest

from tests.chaos.evidence import OUT, Evidence
from tests.chaos.harm import HARM, Harm, doubled
from tests.chaos.unharmed import unharmed
from tests.chaos.verify import CHECKS, QUARANTINE, bad_is_quarantined, each_output_once, judge

SEED, RECORDS = 2, 500


@pytest.fixture(scope="module")
def clean() -> Evidence:
    return asyncio.run(unharmed(SEED, RECORDS))


@pytest.mark.parametrize(("harm", "seen"), HARM, ids=[harm.__name__ for harm, _ in HARM])
def test_the_judgement_sees_each_kind_of_harm(clean: Evidence, harm: Harm, seen: dict[str, str]) -> None:
    harmed = harm(clean)
    said = {check: list(CHECKS[check](harmed)) for check in seen}
    assert {check for check, words in seen.items() if not any(words in one for one in said[check])} == set(), said


@pytest.mark.parametrize(("read_again", "complaints"), [(True, 0), (False, 3)])
def test_a_notice_comes_again_only_where_the_database_lost_its_record(
    clean: Evidence, read_again: bool, complaints: int
) -> None:
    notice = next(one for one in clean.published if one.topic == QUARANTINE)
    row = next(row for row in clean.outbox if row["topic"] == QUARANTINE)
    harmed = replace(clean, published=[*clean.published, notice], outbox=[*clean.outbox, row], read_again=read_again)
    assert len([*each_output_once(harmed), *bad_is_quarantined(harmed)]) == complaints


def test_no_money_moves_twice_although_the_database_was_read_again(clean: Evidence) -> None:
    assert list(each_output_once(replace(doubled(clean), read_again=True))) != []


@pytest.mark.parametrize("seed", [SEED, 1, 3])
def test_the_judgement_has_nothing_against_a_run_in_which_nothing_fails(seed: int) -> None:
    assert {check: said for check, said in judge(asyncio.run(unharmed(seed, RECORDS))).items() if said} == {}


def test_the_run_in_which_nothing_fails_has_something_of_everything(clean: Evidence) -> None:
    assert {row["reason"] for row in clean.quarantine} >= {"conflict", "too_many_facts", "not_json"}
    assert {one.topic for one in clean.published} == set(OUT)


def test_the_evidence_of_a_seed_is_always_the_same() -> None:
    one, other = (asyncio.run(unharmed(SEED, 200)) for _ in range(2))
    assert (one.published, one.facts) == (other.published, other.facts)
