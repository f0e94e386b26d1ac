"""The filter of a finance page: read from its address, said in words, put into the links of the page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from service.console.visit import BadRequestError
from service.operations.sentence import Sentence, listed, sentence
from service.store.money import BEIJING, GROUPINGS, MOVEMENTS, MoneyFilter, beijing_midnight
from service.store.search import is_searchable

if TYPE_CHECKING:
    from multidict import MultiMapping

DAYS = 3
"""Days of a page that was asked for none, up to today."""
DAYS_MAX = 31
PAGES_MAX = 200
TEXTS = ("provider", "currency", "line", "clause")

GROUPING_NAMES = {
    "day": sentence("day"),
    "provider": sentence("provider"),
    "line": sentence("line"),
    "clauses": sentence("clauses"),
}
MOVEMENT_NAMES = {
    "refund": sentence("refund"),
    "deduction": sentence("deduction"),
    "transfer": sentence("transfer to a promoter"),
    "hold": sentence("hold on an account"),
    "release": sentence("release of a hold"),
}


class Selection(NamedTuple):
    """The selection that a page shows. `first` and `last` are days of Beijing, both included."""

    first: date
    last: date
    provider: str | None
    currency: str | None
    line: str | None
    clause: str | None
    movement: str | None
    by: tuple[str, ...]
    page: int

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    @property
    def filter(self) -> MoneyFilter:
        """The same for the store."""
        since, until = beijing_midnight(self.first), beijing_midnight(self.last + timedelta(days=1))
        return MoneyFilter(since, until, self.provider, self.currency, self.line, self.clause, self.movement)

    def query(self, **changes: object) -> str:
        """Return this selection as the query of an address, with other values of some members."""
        one = self._replace(**changes)  # type: ignore[arg-type]  # the callers name members
        parts: list[tuple[str, str]] = [("from", one.first.isoformat()), ("to", one.last.isoformat())]
        parts += [(name, text) for name in (*TEXTS, "movement") if (text := getattr(one, name)) is not None]
        parts += [("by", name) for name in one.by]
        if one.page > 1:
            parts.append(("page", str(one.page)))
        return urlencode(parts, errors="replace")

    def words(self) -> Sentence:
        """Say the filter."""
        parts = [sentence("decided from {first} to {last}", first=self.first.isoformat(), last=self.last.isoformat())]
        if self.movement is not None:
            parts.append(MOVEMENT_NAMES[self.movement])
        if self.provider is not None:
            parts.append(sentence("provider {provider}", provider=self.provider))
        if self.currency is not None:
            parts.append(sentence("currency {currency}", currency=self.currency))
        if self.line is not None:
            parts.append(sentence("line {line}", line=self.line))
        if self.clause is not None:
            parts.append(sentence("clause {clause}", clause=self.clause))
        return listed(parts)


def selection_of(query: MultiMapping[str], now: datetime) -> Selection:
    """Return what an address asks for; without days, the last DAYS up to `now`. Raises BadRequestError."""
    last = _day(query.get("to", ""))
    first = _day(query.get("from", ""))
    if last is None:
        last = now.astimezone(BEIJING).date() if first is None else first + timedelta(days=DAYS - 1)
    if first is None:
        first = last - timedelta(days=DAYS - 1)
    if first > last:
        raise BadRequestError("The first day is after the last.")
    if (last - first).days >= DAYS_MAX:
        raise BadRequestError("A page has at most 31 days. The export takes any range.")
    texts = {name: _text(query.get(name, "")) for name in TEXTS}
    movement = query.get("movement", "") or None
    if movement is not None and movement not in MOVEMENTS:
        raise BadRequestError("Give refund, deduction, transfer or hold as the movement.")
    by = tuple(name for name in GROUPINGS if name in query.getall("by", ()))
    return Selection(
        first, last, **texts, movement=movement, by=by or ("day", "line"), page=_page(query.get("page", ""))
    )


def days_of(query: MultiMapping[str]) -> MoneyFilter:
    """Return the range of an export, which may be everything. Raises BadRequestError."""
    first, last = _day(query.get("from", "")), _day(query.get("to", ""))
    if first is not None and last is not None and first > last:
        raise BadRequestError("The first day is after the last.")
    movement = query.get("movement", "") or None
    if movement is not None and movement not in MOVEMENTS:
        raise BadRequestError("Give refund, deduction, transfer or hold as the movement.")
    texts = {name: _text(query.get(name, "")) for name in TEXTS}
    return MoneyFilter(
        None if first is None else beijing_midnight(first),
        None if last is None else beijing_midnight(last + timedelta(days=1)),
        **texts,
        movement=movement,
    )


def _text(given: str) -> str | None:
    given = given.strip()
    if given and not is_searchable(given):
        raise BadRequestError("No provider, currency, line or clause can be called so.")
    return given or None


def _day(given: str) -> date | None:
    if not given.strip():
        return None
    try:
        day = date.fromisoformat(given.strip())
    except ValueError:
        raise BadRequestError("Give days as in 2026-03-02.") from None
    if not 2000 <= day.year <= 9000:
        raise BadRequestError("Give days as in 2026-03-02.")
    return day


def _page(given: str) -> int:
    if not given:
        return 1
    if not (given.isascii() and given.isdigit() and len(given) <= 4 and 1 <= int(given) <= PAGES_MAX):
        raise BadRequestError("Give the page as a number from 1 to 200.")
    return int(given)
