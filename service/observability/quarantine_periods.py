"""Until when quarantined records hold orders up: `quarantine_days` of the terms that bind each order (F5, R21 row 15).

This instant is not stored with the order: a record comes and goes without the order's row.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from service.orders.state import read_back
from service.rules.clock import Clock
from service.rules.ledger import Ledger
from service.rules.order_view import OrderView
from service.rules.unclear import Unclear
from service.store.rows import FactRow
from service.terms.table import read_book

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    import asyncpg
    from asyncpg import Record

    from service.rules.terms import TermsBook

_NO_RECORDS = Clock(0, 0)


class QuarantinePeriods:
    """Finds the last instants of records; empty if no terms limit how long a record counts."""

    def __init__(self, connection: asyncpg.Connection[Record], book: TermsBook) -> None:
        """`book`: all declared terms."""
        self._connection = connection
        self._book = book
        self.are_limited = any(name == "quarantine_days" for one in book.sets for name, _ in one.values)
        """Whether any terms have `quarantine_days`."""

    @classmethod
    async def of(cls, connection: asyncpg.Connection[Record]) -> Self:
        """Read the terms. Raises what asyncpg raises."""
        return cls(connection, await read_book(connection))

    async def ends(self, records: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], int | None]:
        """Return the last instant per record, in microseconds; None if it counts until it is resolved.

        A record is given as an order's id and since when it is in quarantine. An order whose terms are not known,
        because nothing says that it was placed, is left out. Raises what asyncpg raises.
        """
        if not self.are_limited:
            return {}
        since: dict[str, set[int]] = {}
        for order_id, at in records:
            since.setdefault(order_id, set()).add(at)
        found: dict[tuple[str, int], int | None] = {}
        rows = await self._connection.fetch(_PLACED, list(since)) if since else []
        for order_id, placed in groupby(rows, key=itemgetter("order_id")):
            facts = read_back(None, [FactRow(*row) for row in placed], ()).facts
            view = OrderView(order_id, facts, facts[0], self._book)
            unclear = Unclear(view, Ledger.EMPTY, _NO_RECORDS)
            found.update({(order_id, at): unclear.end_of(at) for at in since[order_id]})
        return found


_PLACED = """
select order_id, source, id, lane, nth, at, type, data from (
    select order_id, source, id, lane, nth, at, type, data from facts where order_id = any($1::text[])
    union all
    select order_id, source, id, lane, nth, at, type, data from archived_fact_rows
    where order_id = any($1::text[])) as f
where type = 'purchasing.order.placed.v1' order by order_id
"""
