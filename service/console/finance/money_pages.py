"""Money by provider, currency, line, clause and day of Beijing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.access import Right
from service.console.finance.answers import bounded
from service.console.finance.chart import FOOT, HEIGHT, WIDTH, charts_of
from service.console.finance.export import has_parquet
from service.console.finance.filters import DAYS_MAX, GROUPING_NAMES, MOVEMENT_NAMES, PAGES_MAX, selection_of
from service.console.finance.models import MoneyGroupModel, MoneyModel, SumsModel
from service.console.visit import Answer
from service.operations.sentence import sentence
from service.store.money import MOVEMENTS, archived_orders, money

if TYPE_CHECKING:
    from service.console.finance.filters import Selection
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.store.money import MoneyRow, MoneyTable
    from service.store.rows import StoreTime

ROWS = 100
"""Groups of a page."""
SECONDS = 10.0
"""Within which the money is summed up."""

COLUMNS = (
    ("due", sentence("due")),
    ("commanded", sentence("commanded")),
    ("published", sentence("published")),
    ("confirmed", sentence("confirmed")),
    ("failed", sentence("failed")),
    ("undeliverable", sentence("undeliverable")),
    ("withheld", sentence("withheld")),
    ("held", sentence("held")),
    ("demanded", sentence("demanded back")),
    ("elsewhere", sentence("refunded elsewhere")),
    ("repaid", sentence("repaid")),
)
"""Members of the sums, and what they are called."""


@bounded
async def money_by_day(console: Parts, visit: Visit) -> Answer:
    """Show the money of a range of days, and its totals by currency and movement."""
    async with console.desk.turn() as histories:
        clock = await histories.clock()
        selection = selection_of(visit.request.query, clock.now)
        offset = (selection.page - 1) * ROWS
        found = await money(histories.connection, selection.filter, selection.by, offset, ROWS, SECONDS)
        archived = await archived_orders(histories.connection, selection.filter)
    following = None
    if offset + ROWS < found.groups and selection.page < PAGES_MAX:
        following = f"/money?{selection.query(page=selection.page + 1)}"
    context = {
        "selection": selection,
        "found": found,
        "archived": archived,
        "clock": clock,
        "next": following,
        "previous": f"/money?{selection.query(page=selection.page - 1)}" if selection.page > 1 else None,
        "columns": COLUMNS,
        "groupings": GROUPING_NAMES,
        "movements": MOVEMENT_NAMES,
        "movement_choices": MOVEMENTS,
        "charts": charts_of(found.days, selection.first, selection.last),
        "drawing": (WIDTH, HEIGHT, FOOT),
        "days_max": DAYS_MAX,
        "may_export": visit.may(Right.EXPORT),
        "has_parquet": has_parquet(),
    }
    return Answer(
        "finance_money.html",
        sentence("Money"),
        context,
        lambda _language: _model(selection, found, archived, clock, following),
    )


def _model(
    selection: Selection, found: MoneyTable, archived: int, clock: StoreTime, following: str | None
) -> MoneyModel:
    return MoneyModel(
        first=selection.first,
        last=selection.last,
        read_at=clock.now,
        watermark=clock.watermark,
        rows=[_group(one) for one in found.rows],
        totals=[_group(one) for one in found.totals],
        groups=found.groups,
        archived_orders=archived,
        next=following,
    )


def _group(row: MoneyRow) -> MoneyGroupModel:
    return MoneyGroupModel(**row._asdict() | {"sums": SumsModel(**row.sums._asdict())})
