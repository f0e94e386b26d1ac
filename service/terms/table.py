"""The terms in PostgreSQL: append-only, in force only in the future."""

from __future__ import annotations

import json
from fractions import Fraction
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from service.rules.calendar import Calendar
from service.rules.facts import instant, micros
from service.rules.terms import TermsBook, TermsSet
from service.terms.calendars import calendar_value, plain_calendar

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    import asyncpg

READ = "select provider_id, version, effective_from, declared from terms order by provider_id, effective_from"
ADD = """
insert into terms (provider_id, version, effective_from, declared)
select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::json[])
"""
CALENDAR = "calendar"
RATES = frozenset({"service_fee_rate"})


class Fetches(Protocol):
    """A connection or a pool of them."""

    async def fetch(self, query: str, *arguments: object) -> Sequence[Any]:
        """Run a query and return its rows."""


async def read_book(connection: Fetches) -> TermsBook:
    """Return all imported sets."""
    rows = await connection.fetch(READ)
    return TermsBook.of(*[TermsSet(row[1], row[0], micros(row[2]), _values(row[3])) for row in rows])


async def begin_import(connection: asyncpg.Connection[Any]) -> tuple[datetime, TermsBook]:
    """Lock out other imports, within a transaction, and return the clock and the present terms."""
    await connection.execute("lock table terms in share row exclusive mode")
    now: datetime = await connection.fetchval("select clock_timestamp()")
    return now, await read_book(connection)


async def add_sets(connection: asyncpg.Connection[Any], sets: Collection[TermsSet]) -> None:
    """Append checked sets, in the transaction that began the import."""
    await connection.execute(
        ADD,
        [one.provider_id for one in sets],
        [one.version for one in sets],
        [instant(one.effective_from) for one in sets],
        [json.dumps({name: _plain(value) for name, value in one.values}) for one in sets],
    )


def _values(declared: str) -> tuple[tuple[str, object], ...]:
    found = json.loads(declared)
    return tuple(sorted([(name, _value(name, value)) for name, value in found.items()], key=itemgetter(0)))


def _value(name: str, plain: Any) -> object:
    """Return a term's value for the rules. The import has checked it."""
    if name == CALENDAR:
        return calendar_value("terms", plain, [])
    return Fraction(plain) if name in RATES else plain


def _plain(value: object) -> object:
    if isinstance(value, Calendar):
        return plain_calendar(value)
    return str(value) if isinstance(value, Fraction) else value
