"""A chart of refunds per day, drawn on the server: what the table beside it says, at one look."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from service.store.money import MoneyRow

WIDTH, HEIGHT, FOOT = 640, 140, 20
CHARTS_MAX = 3
"""Charts of a page, of the currencies with the most money."""


class Bar(NamedTuple):
    """One day, in units of the drawing."""

    day: date
    x: int
    width: int
    top: int
    height: int
    confirmed_top: int
    confirmed_height: int


class Chart(NamedTuple):
    """The refunds of one currency per day. Amounts in minor units."""

    currency: str
    bars: tuple[Bar, ...]
    most: int
    most_day: date
    total: int
    first: date
    last: date


def charts_of(days: Sequence[MoneyRow], first: date, last: date) -> list[Chart]:
    """Return a chart per currency that has refunds on more than one day."""
    by_currency: dict[str, dict[date, tuple[int, int]]] = {}
    for row in days:
        if row.movement == "refund" and row.day is not None and row.sums.commanded:
            by_currency.setdefault(row.currency, {})[row.day] = (row.sums.commanded, row.sums.confirmed)
    most = sorted(by_currency, key=lambda one: (-sum(amount for amount, _ in by_currency[one].values()), one))
    return [_chart(one, by_currency[one], first, last) for one in most[:CHARTS_MAX] if len(by_currency[one]) > 1]


def _chart(currency: str, amounts: dict[date, tuple[int, int]], first: date, last: date) -> Chart:
    most_day = max(amounts, key=lambda one: (amounts[one][0], one))
    most = amounts[most_day][0]
    step = WIDTH // ((last - first).days + 1)
    bars = []
    for day, (commanded, confirmed) in sorted(amounts.items()):
        height, part = commanded * HEIGHT // most, min(confirmed, commanded) * HEIGHT // most
        x = (day - first).days * step
        bars.append(Bar(day, x, max(2, step - 3), HEIGHT - height, height, HEIGHT - part, part))
    return Chart(currency, tuple(bars), most, most_day, sum(amount for amount, _ in amounts.values()), first, last)
