"""R24's column "who may set it", term by term: in a file, and in what binds an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from service.rules.terms import STANDARD, TermsBook
from service.terms.files import NAMES, TermsError, check_against_platform, read_terms

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER, PLATFORM, LONGER = "provider", "platform", "provider, only longer"
R24 = {
    "service_fee_rate": (PROVIDER, '"0.002"'),
    "refund_fee_on_cancellation": (PROVIDER, "true"),
    "refuse_prohibited": (PROVIDER, "false"),
    "acceptance_days": (PROVIDER, "2"),
    "deemed_confirmation_days": (PLATFORM, "12"),
    "tip_limit": (PLATFORM, "{CNY = 30000, EUR = 4000}"),
    "tip_refund_days": (LONGER, "31"),
    "payment_demand_days": (LONGER, "4"),
    "claim_floor": (PLATFORM, "100"),
    "quarantine_days": (PLATFORM, "14"),
    "period_counting": (PLATFORM, '"hours"'),
    "calendar": (PLATFORM, "{days_off = [2027-10-01], working_days = [2027-10-09]}"),
}
SHORTER = {"tip_refund_days": 29, "payment_demand_days": 2}


def read(path: Path, provider: str, lines: str) -> TermsBook:
    file = path / "terms.toml"
    file.write_text(
        f'[[terms]]\nversion = "v"\nprovider_id = "{provider}"\neffective_from = 2027-01-01T00:00:00Z\n{lines}\n'
    )
    book = TermsBook.of(*[one.terms for one in read_terms(file)])
    check_against_platform(book)
    return book


def bound(book: TermsBook, name: str, provider: str) -> Any:
    return getattr(book.in_force(provider, book.sets[0].effective_from), name)


def test_the_table_has_every_term() -> None:
    assert R24.keys() == NAMES


@pytest.mark.parametrize("name", R24)
def test_the_platform_may_set_every_term_for_all_providers(name: str, tmp_path: Path) -> None:
    book = read(tmp_path, "*", f"{name} = {R24[name][1]}")
    assert bound(book, name, "prov-1") == dict(book.sets[0].values)[name] != getattr(STANDARD, name)


@pytest.mark.parametrize("name", [name for name, (who, _) in R24.items() if who != PLATFORM])
def test_a_provider_may_set_its_terms_for_itself_alone(name: str, tmp_path: Path) -> None:
    book = read(tmp_path, "prov-1", f"{name} = {R24[name][1]}")
    assert bound(book, name, "prov-1") != getattr(STANDARD, name)
    assert bound(book, name, "prov-2") == getattr(STANDARD, name)


@pytest.mark.parametrize("name", [name for name, (who, _) in R24.items() if who == PLATFORM])
def test_a_provider_learns_where_a_term_of_the_platform_belongs(name: str, tmp_path: Path) -> None:
    with pytest.raises(TermsError) as refused:
        read(tmp_path, "prov-1", f"{name} = {R24[name][1]}")
    assert f"Set 1 (v): {name} is the platform's to set" in str(refused.value)
    assert 'leave it out here, or put it into a set of provider_id = "*"' in str(refused.value)


@pytest.mark.parametrize("name", SHORTER)
def test_a_provider_learns_that_it_may_only_lengthen_a_period(name: str, tmp_path: Path) -> None:
    with pytest.raises(TermsError) as refused:
        read(tmp_path, "prov-1", f"{name} = {SHORTER[name]}")
    assert f"prov-1: v: {name} is {SHORTER[name]}, but a provider may only lengthen the platform's" in str(
        refused.value
    )
    assert "state more, or leave it out" in str(refused.value)


def test_a_misspelt_term_is_answered_with_the_right_name(tmp_path: Path) -> None:
    with pytest.raises(TermsError, match=r"there is no term tip_limt: did you mean tip_limit\?"):
        read(tmp_path, "*", "tip_limt = 5")
    with pytest.raises(TermsError, match="there is no term weather: the terms are acceptance_days, calendar"):
        read(tmp_path, "*", 'weather = "fine"')


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"+08:00"', "calendar must be a table of utc_offset, days_off and working_days"),
        ("{holidays = []}", "calendar must be a table of utc_offset, days_off and working_days"),
        ('{utc_offset = "8"}', 'an offset from UTC such as "+08:00"'),
        ('{days_off = ["1 October"]}', "days_off has '1 October', which is no date such as 2026-10-01"),
        ("{days_off = 2026-10-01}", "days_off must be a list of at most"),
        ("{days_off = [2026-10-01], working_days = [2026-10-01]}", "2026-10-01 both as a day off and as a working day"),
    ],
)
def test_a_calendar_that_is_wrong_is_refused_with_a_sentence(value: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TermsError) as refused:
        read(tmp_path, "*", f"calendar = {value}")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [("{cny = 5}", "'cny', which is no ISO 4217 code"), ("{CNY = -1}", "tip_limit of CNY must be a whole number")],
)
def test_a_tip_limit_that_is_wrong_is_refused_with_a_sentence(value: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TermsError) as refused:
        read(tmp_path, "*", f"tip_limit = {value}")
    assert said in str(refused.value)
