"""`terms calendar`, and the cautions of `terms check`."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import chinese_calendar
import pytest

from service.rules.calendar import Calendar
from service.rules.facts import micros
from service.rules.terms import PLATFORM, TermsBook, TermsSet
from service.terms import statutory_days
from service.terms.cautions import calendar_caution, dropped_terms
from service.terms.files import TermsError, read_terms
from tests.forkserver import run_text
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEVER_ANNOUNCED = 2099
SPRING_FESTIVAL_2026 = date(2026, 2, 17)


def terms(*arguments: str, database: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"} | ({"PURCHASING_DATABASE_URL": database} if database else {})
    return run_text("service", ["terms", *arguments], environment, HANG_SECONDS)


def day(year: int, month: int, day_of_month: int) -> int:
    return (date(year, month, day_of_month) - date(1970, 1, 1)).days


def at(year: int, month: int, day_of_month: int, hour: int = 0) -> int:
    return micros(datetime(year, month, day_of_month, hour, tzinfo=UTC))


def days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(n) for n in range((date(year + 1, 1, 1) - first).days))


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_the_written_file_has_every_day_as_the_package_does(year: int, tmp_path: Path) -> None:
    written = terms("calendar", "--years", str(year))
    assert (written.returncode, written.stderr) == (0, "")
    (tmp_path / "calendar.toml").write_text(written.stdout)
    (declared,) = read_terms(tmp_path / "calendar.toml")
    calendar = dict(declared.terms.values)["calendar"]
    assert isinstance(calendar, Calendar)
    for one in days_of(year):
        assert calendar.is_working_day(day(one.year, one.month, one.day)) == chinese_calendar.is_workday(one), one
    assert not calendar.is_working_day(day(2026, 2, 17)) or year != SPRING_FESTIVAL_2026.year


def test_the_file_names_each_day_and_comes_into_force_in_the_future(tmp_path: Path) -> None:
    written = terms("calendar", "--years", "2026").stdout
    assert "    2026-02-17,  # Tue, Spring Festival\n" in written
    assert "    2026-02-14,  # Sat, Spring Festival\n" in written
    (tmp_path / "calendar.toml").write_text(written)
    (declared,) = read_terms(tmp_path / "calendar.toml")
    assert (declared.terms.version, declared.terms.provider_id) == ("calendar-2026", "*")
    assert declared.terms.effective_from > micros(datetime.now(UTC))


def test_a_year_that_is_not_announced_is_reported_and_the_others_are_written() -> None:
    some = terms("calendar", "--years", f"2026,{NEVER_ANNOUNCED}", "--set-version", "mine")
    assert some.returncode == 3
    assert f"has no days of {NEVER_ANNOUNCED}. The State Council announces" in some.stderr
    assert f"# Days of {NEVER_ANNOUNCED} are missing" in some.stdout
    assert 'version = "mine"' in some.stdout
    none = terms("calendar", "--years", str(NEVER_ANNOUNCED))
    assert (none.returncode, none.stdout) == (1, "")
    assert f"has no days of {NEVER_ANNOUNCED}" in none.stderr


def test_years_that_are_none_are_refused_with_an_example() -> None:
    done = terms("calendar", "--years", "next")
    assert done.returncode == 2
    assert "next is not a list of years such as 2026,2027" in done.stderr


def test_without_the_package_the_command_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statutory_days, "MODULE", "no_such_module")
    with pytest.raises(TermsError, match=r"isn't installed: install purchasing-service\[calendar\]"):
        statutory_days.statutory_days([2026])


def test_a_worker_does_not_load_the_package() -> None:
    program = "import sys, service.worker.bootstrap, service.cli.run; print('chinese_calendar' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def platform(version: str, start: int, *days_off: int, **values: Any) -> TermsSet:
    calendar = Calendar(days_off=frozenset(days_off))
    return TermsSet(version, PLATFORM, start, (("calendar", calendar), *values.items()))


OCTOBER = day(2026, 10, 1)
END_OF_2026 = at(2026, 12, 31, 16)
"""24:00 of 31 December in Beijing."""


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (END_OF_2026 - 60 * 86_400_000_000 - 1, None),
        (END_OF_2026 - 60 * 86_400_000_000, "ends with 2026, in 60 days"),
        (END_OF_2026 - 1, "ends with 2026, in 1 days"),
        (END_OF_2026, "ended with 2026"),
    ],
)
def test_a_calendar_that_ends_within_60_days_is_cautioned_about(now: int, said: str | None) -> None:
    found = calendar_caution(TermsBook.of(platform("p-1", 0, OCTOBER)), now)
    assert (found is None) == (said is None)
    assert said is None or (said in str(found) and "import the days of 2027" in str(found))


def test_a_set_that_goes_on_with_the_calendar_in_time_ends_the_caution() -> None:
    old, new = platform("p-1", 0, OCTOBER), platform("p-2", at(2026, 12, 20), OCTOBER, day(2027, 1, 1))
    assert calendar_caution(TermsBook.of(old, new), at(2026, 12, 1)) is None
    late = platform("p-2", END_OF_2026 + 1, OCTOBER, day(2027, 1, 1))
    assert "p-1 ends with 2026" in str(calendar_caution(TermsBook.of(old, late), at(2026, 12, 1)))


def test_a_calendar_without_days_is_cautioned_about_and_hours_need_none() -> None:
    assert "p list no days off" in str(calendar_caution(TermsBook.of(platform("p", 0)), 1))
    assert calendar_caution(TermsBook.of(platform("p", 0, period_counting="hours")), 1) is None
    assert calendar_caution(TermsBook.of(TermsSet("own", "prov-1", 0, ())), 1) is None


def test_a_set_that_leaves_out_a_term_of_the_one_before_is_cautioned_about() -> None:
    old, new = platform("old", 0, claim_floor=5), platform("new", 9, OCTOBER)
    (said,) = dropped_terms(TermsBook.of(old, new), [old, new])
    assert "*: new doesn't state claim_floor, which old does" in said
    assert list(dropped_terms(TermsBook.of(old, platform("same", 9, claim_floor=6)), [old])) == []


FILE = """
[[terms]]
version = "{version}"
provider_id = "*"
effective_from = {start}
{more}
[terms.calendar]
days_off = [2020-10-01]
"""


def test_check_of_a_file_prints_warnings_and_succeeds(tmp_path: Path) -> None:
    file = tmp_path / "terms.toml"
    file.write_text(
        FILE.format(version="old", start="2020-01-01T00:00:00Z", more="claim_floor = 5")
        + FILE.format(version="new", start="2021-01-01T00:00:00Z", more="")
    )
    done = terms("check", str(file))
    assert done.returncode == 0
    assert "Warning: The calendar of the platform's terms new ended with 2020." in done.stderr
    assert "Warning: *: new doesn't state claim_floor, which old does" in done.stderr


def test_check_without_a_file_asks_the_database(database: str, tmp_path: Path) -> None:
    file = tmp_path / "terms.toml"
    file.write_text(FILE.format(version="far", start="2150-01-01T00:00:00Z", more=""))
    assert terms("import", str(file), database=database).returncode == 0
    done = terms("check", database=database)
    assert (done.returncode, done.stdout) == (0, "")
    assert "The database: 1 sets." in done.stderr
    assert "The calendar of the platform's terms far ended with 2020." in done.stderr
