"""Terms files: a row for everything that is refused, with the words a person gets."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from purchasing_contracts.base import instant_of

from service.rules.facts import micros
from service.rules.terms import PLATFORM, TermsBook, TermsSet
from service.terms.files import Declared, TermsError, check_against_platform, check_succession, new_sets, read_terms

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
[[terms]]
version = "2027-01"
provider_id = "*"
effective_from = 2027-01-01T00:00:00Z
service_fee_rate = "0.002"
tip_limit = 30000

[[terms]]
version = "mine"
provider_id = "prov-1"
effective_from = 2027-02-01T08:00:00+08:00
tip_refund_days = 40
"""


def written(path: Path, text: str, name: str = "terms.toml") -> Path:
    file = path / name
    file.write_text(text)
    return file


def one(lines: str, provider: str = "*") -> str:
    return f'[[terms]]\nversion = "v1"\nprovider_id = "{provider}"\neffective_from = 2027-01-01T00:00:00Z\n{lines}\n'


def test_a_file_is_read_exactly(tmp_path: Path):
    platform, own = (declared.terms for declared in read_terms(written(tmp_path, GOOD)))

    assert dict(platform.values) == {"service_fee_rate": Fraction(1, 500), "tip_limit": 30_000}
    assert own.provider_id == "prov-1"
    assert own.effective_from - platform.effective_from == 31 * 86_400_000_000


def test_json_of_the_same_shape_is_read_alike(tmp_path: Path):
    start = '"effective_from": "2027-01-01T00:00:00Z"'
    text = f'{{"terms": [{{"version": "v", "provider_id": "*", {start}, "service_fee_rate": 0.002}}]}}'

    (declared,) = read_terms(written(tmp_path, text, "terms.json"))

    assert dict(declared.terms.values) == {"service_fee_rate": Fraction(1, 500)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("][", "neither TOML nor JSON"),
        ("x = 1", "has no list `terms`"),
        (one("").replace('version = "v1"', ""), "version must be 1 to 128 characters"),
        (one("", provider=""), "provider_id must be 1 to 128 characters"),
        (one("").replace("2027-01-01T00:00:00Z", "2027-01-01T00:00:00"), "must be a time with an offset"),
        (one("").replace("2027-01-01T00:00:00Z", "7"), "must be a time with an offset"),
        (one("tip_limt = 5"), "there is no term tip_limt"),
        (one("demand_span = 5"), "there is no term demand_span"),
        (one("tip_limit = 5", provider="prov-1"), "tip_limit is the platform's to set"),
        (one("deemed_confirmation_days = 5", provider="prov-1"), "deemed_confirmation_days is the platform's to set"),
        (one("tip_refund_days = -1"), "must be a whole number from 0 to 3650"),
        (one("tip_refund_days = 1.5"), "must be a whole number from 0 to 3650"),
        (one("tip_refund_days = true"), "must be a whole number from 0 to 3650"),
        (one("refuse_prohibited = 1"), "must be true or false"),
        (one('service_fee_rate = "1.1"'), "must be a decimal from 0 to 1"),
        (one('service_fee_rate = "a lot"'), "must be a decimal from 0 to 1"),
        (one('service_fee_rate = "nan"'), "must be a decimal from 0 to 1"),
        (one('service_fee_rate = "0.0000000001"'), "at most nine places"),
        (one("effective_until = 2026-01-01T00:00:00Z"), "effective_until must be after effective_from"),
        (one("effective_until = 2028-01-01T00:00:00Z"), "ends and nothing follows: a gap"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_a_sentence(tmp_path: Path, text: str, said: str):
    with pytest.raises(TermsError) as refused:
        read_terms(written(tmp_path, text))

    assert said in str(refused.value)


def a_set(version: str, start: int, provider: str = "prov-1", **values: int) -> TermsSet:
    return TermsSet(version, provider, start, tuple(values.items()))


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([Declared(a_set("a", 1), None), Declared(a_set("a", 2), None)], "version a is there twice"),
        ([Declared(a_set("a", 1), None), Declared(a_set("b", 1), None)], "same instant: they overlap"),
        ([Declared(a_set("a", 1), 5), Declared(a_set("b", 9), None)], "a gap"),
        ([Declared(a_set("a", 1), 9), Declared(a_set("b", 5), None)], "an overlap"),
    ],
)
def test_sets_of_one_provider_neither_overlap_nor_leave_a_gap(sets: list[Declared], said: str):
    with pytest.raises(TermsError) as refused:
        check_succession(sets)

    assert said in str(refused.value)


def test_sets_that_meet_and_sets_of_different_providers_stand_side_by_side():
    check_succession(
        [
            Declared(a_set("a", 1), 5),
            Declared(a_set("b", 5), None),
            Declared(a_set("a", 1, "prov-2"), None),
        ]
    )


def test_a_provider_can_not_shorten_what_it_may_only_lengthen():
    platform = a_set("p", 0, PLATFORM, tip_refund_days=40)

    check_against_platform(TermsBook.of(platform, a_set("same", 1, tip_refund_days=40)))
    with pytest.raises(TermsError, match="may only lengthen the platform's 40 days"):
        check_against_platform(TermsBook.of(platform, a_set("short", 1, tip_refund_days=39)))
    with pytest.raises(TermsError, match="may only lengthen the platform's 3 days"):
        check_against_platform(TermsBook.of(a_set("short", 1, payment_demand_days=2)))


def test_the_same_set_is_added_once_and_another_with_its_version_is_refused():
    known = a_set("a", 10, tip_refund_days=31)
    book = TermsBook.of(known)

    assert new_sets([Declared(known, None)], book, now=99) == []
    with pytest.raises(TermsError, match="with other content"):
        new_sets([Declared(a_set("a", 10, tip_refund_days=32), None)], book, now=0)


def test_a_set_comes_into_force_in_the_future_only():
    late = Declared(a_set("late", 10), None)

    assert new_sets([late], TermsBook.of(), now=9) == [late.terms]
    with pytest.raises(TermsError, match="in the future only"):
        new_sets([late], TermsBook.of(), now=10)


def test_instants_are_those_of_the_file(tmp_path: Path):
    declared = read_terms(written(tmp_path, GOOD))

    assert declared[1].terms.effective_from == micros(instant_of("2027-02-01T00:00:00Z"))
